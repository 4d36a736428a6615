"""Models that were logged to MLflow, loaded as they were logged."""

from typing import Any

from convsim_nb.adapters.mlflow.quiet import barless
from convsim_nb.domain.errors import NotFoundError, StoreError

_MISSING = {"RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND", "NOT_FOUND"}


def load_model(uri: str) -> Any:
    """The pyfunc model behind `models:/name@alias`, `models:/name/1`, `models:/m-<id>` or `runs:/<id>/<path>`.

    Raises:
        NotFoundError: no such model, version or alias.
        StoreError: it is there, and cannot be loaded.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    try:
        with barless():
            return mlflow.pyfunc.load_model(_latest(uri))
    except MlflowException as error:
        # A missing alias comes as an invalid parameter, told from others by its words alone.
        if error.error_code in _MISSING or "not found" in error.message:
            raise NotFoundError(f"{uri}: no such model in {mlflow.get_tracking_uri()}: {error.message}") from error
        raise StoreError(f"{uri} cannot be loaded: {error.message}") from error
    except Exception as error:  # whatever the model's own code raises when it is loaded
        raise StoreError(f"{uri} cannot be loaded: {type(error).__name__}: {error}") from error


def _latest(uri: str) -> str:
    """`@latest` is no alias that MLflow keeps: it is the newest version."""
    return f"{uri.removesuffix('@latest')}/latest" if uri.endswith("@latest") else uri
