"""Test cases in a grid: rows, edits, what is saved, and the widget that shows them."""
