"""The drop-in plays into a real store, shared with its name by MLflow's ambient state."""

from tests.adapters.mlflow.conftest import ambient, store

__all__ = ["ambient", "store"]
