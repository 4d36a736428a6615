"""What needs a live kernel: magics, waiting, widgets."""
