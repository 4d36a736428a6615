"""Picker, grid and run in one place."""
