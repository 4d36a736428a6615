"""Stores that tests share: a new one costs two seconds, a new experiment next to nothing."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import uuid
import warnings

import mlflow
import pytest
from mlflow.tracking import fluent

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints, and swallows what that raises
    import mlflow.pyfunc.context


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """The URI of a SQLite store, with the default experiment in it."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    mlflow.MlflowClient(uri).get_experiment("0")
    return uri


@pytest.fixture
def ambient(store, tmp_path):
    """MLflow's current store is the shared one, the experiment a new one; all is put back afterwards."""
    before, active = mlflow.get_tracking_uri(), fluent._active_experiment_id
    mlflow.set_tracking_uri(store)
    name = f"experiment-{uuid.uuid4().hex[:8]}"
    mlflow.create_experiment(name, artifact_location=(tmp_path / "artifacts").as_uri())
    mlflow.set_experiment(name)
    yield name
    while mlflow.active_run():
        mlflow.end_run()
    mlflow.flush_trace_async_logging()
    mlflow.set_tracking_uri(before)
    fluent._active_experiment_id = active
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
