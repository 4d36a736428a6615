"""Reading results: pure numbers from conversations; no I/O."""
