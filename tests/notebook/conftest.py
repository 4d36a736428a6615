"""What the browser tests share."""

from tests.notebook.lab import chromium, lab, tab

__all__ = ["chromium", "lab", "tab"]
