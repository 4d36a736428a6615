"""The experiments of a store, by name."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlflow import MlflowClient

from convsim_nb.adapters.mlflow.store import default_experiment, knock, store_errors


@dataclass(frozen=True)
class ExperimentName:
    """An experiment, as far as a list of them shows it."""

    id: str
    name: str
    updated: datetime | None = None
    """When it was last changed, where the store says so."""


@dataclass(frozen=True)
class ExperimentNames:
    """Those found, the newest first."""

    found: tuple[ExperimentName, ...]
    complete: bool
    """False where there are more than were asked for."""


def experiments_named(tracking_uri: str, text: str = "", *, most: int = 50) -> ExperimentNames:
    """The experiments that have `text` in their name, whatever its case.

    Raises:
        StoreError: the store did not answer.
    """
    # The filter's language has no escape for a quote: any character may stand there.
    wanted = f"name ILIKE '%{text.replace(chr(39), '_')}%'" if text else None
    with store_errors(tracking_uri):
        knock(tracking_uri)
        client = MlflowClient(tracking_uri=tracking_uri)
        page = client.search_experiments(filter_string=wanted, max_results=most, order_by=["last_update_time DESC"])
    return ExperimentNames(tuple(map(_named, page)), complete=not page.token)


def experiment_name(tracking_uri: str, experiment_id: str | None) -> str:
    """The name of an experiment of which the id is known; of the store's default one where none is.

    Raises:
        NotFoundError: no such experiment.
        StoreError: the store did not answer.
    """
    with store_errors(tracking_uri):
        knock(tracking_uri)
        found = MlflowClient(tracking_uri=tracking_uri).get_experiment(experiment_id or default_experiment())
    return str(found.name)


def _named(experiment: Any) -> ExperimentName:
    at = getattr(experiment, "last_update_time", None)
    return ExperimentName(
        str(experiment.experiment_id), experiment.name, datetime.fromtimestamp(at / 1000, UTC) if at else None
    )
