"""A run, a talk, a comparison, looked at and stepped into."""
