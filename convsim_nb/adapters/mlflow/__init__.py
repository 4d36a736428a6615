"""MLflow, read and written: the only place that imports it."""
