"""Pictures that need no kernel: text, HTML, reports."""
