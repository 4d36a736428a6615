"""Test chat agents with simulated users."""
