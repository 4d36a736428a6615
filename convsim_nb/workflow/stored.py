"""Where in MLflow a run stands, whether it was just played, pushed, or brought back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convsim_nb.adapters.mlflow.store import Destination
    from convsim_nb.workflow.run import Run


@dataclass(frozen=True)
class Stored:
    """A run in MLflow."""

    destination: "Destination"
    mlflow_run_id: str


def stored(run: "Run", *, pushed: bool = False) -> Stored | None:
    """The run in MLflow; None where it was not written there, or its store was given up.

    One that was brought back is looked for in MLflow's current store; one that was not written there as it played
    only where it may have been `pushed` since.

    Raises:
        StoreError: the run is still being written, or the store cannot be reached.
    """
    if run.pushed is not None:
        return _looked_up(run, run.pushed.tracking_uri)
    if run.mlflow is not None:
        return _written(run)
    traced = pushed or any(one.trace_ids for one in run.state.conversations)
    return _looked_up(run, None) if run.planned is run.plan_of_forks and traced else None


def standing(run: "Run", place: Stored) -> Stored | None:
    """The run where MLflow takes something for it now; None where it was deleted there, or its experiment was.

    One that was deleted keeps its traces, and one that was pushed since stands in another run of MLflow's.

    Raises:
        StoreError: the store failed.
    """
    from convsim_nb.adapters.mlflow.store import store_errors
    from convsim_nb.domain.errors import NotFoundError

    uri = place.destination.tracking_uri
    try:
        with store_errors(uri):
            found = place.destination.client.get_run(place.mlflow_run_id)
    except NotFoundError:
        return _looked_up(run, uri)
    return place if str(found.info.lifecycle_stage) == "active" else _looked_up(run, uri)


def trace_ids(run: "Run", place: Stored) -> dict[str, Sequence[str]]:
    """The traces of each conversation's turns, by its key; where its messages name too few, those that were pushed.

    Raises:
        StoreError: the store failed.
    """
    from convsim_nb.adapters.mlflow.find import traces_by_session

    found: dict[str, Sequence[str]] = {one.key: one.trace_ids for one in run.conversations}
    if any(len(found[one.key]) < one.turns for one in run.conversations):
        stored = traces_by_session(place.destination, run.run_id)
        more = {one.key: stored.get(one.session_id, ()) for one in run.conversations}
        found |= {key: ids for key, ids in more.items() if len(ids) > len(found[key])}
    return found


def _written(run: "Run") -> Stored | None:
    from convsim_nb.domain.errors import StoreError

    sink = run.mlflow
    if sink is None or sink.failure:
        return None
    if sink.destination is None or sink.mlflow_run_id is None or not sink.is_over:
        raise StoreError("the run is still being written to MLflow: wait for its end before you score it")
    return Stored(sink.destination, sink.mlflow_run_id)


def _looked_up(run: "Run", tracking_uri: str | None) -> Stored | None:
    from convsim_nb.adapters.mlflow.find import run_in
    from convsim_nb.adapters.mlflow.store import Destination, pin, store_errors

    uri = pin(tracking_uri=tracking_uri).tracking_uri
    with store_errors(uri):
        found = run_in(Destination(uri, ""), run.run_id)
    return Stored(Destination(uri, str(found.info.experiment_id)), str(found.info.run_id)) if found else None
