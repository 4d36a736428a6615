"""Recorded sessions to pick from and to distill."""
