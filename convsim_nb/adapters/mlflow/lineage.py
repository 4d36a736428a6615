"""What hangs together in MLflow: traces with the run, the case and the sessions that they name in their metadata."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.mlflow.again import SUPERSEDED
from convsim_nb.adapters.mlflow.find import quoted, traces_with
from convsim_nb.adapters.mlflow.runlog import RUN_ID_TAG
from convsim_nb.adapters.mlflow.store import Destination, pin, store_errors
from convsim_nb.domain.errors import NotFoundError

if TYPE_CHECKING:
    from mlflow.entities import Trace

SESSION, RUN, CASE, SOURCE = "mlflow.trace.session", "convsim.run_id", "convsim.case_id", "convsim.source_session"
MLFLOW_RUN = "mlflow.sourceRun"


@dataclass(frozen=True)
class Turn:
    """The trace of one turn, and what it names."""

    trace_id: str
    number: int
    """From 1."""
    named: dict[str, str]
    superseded: bool
    """Whether its conversation was played again since."""
    experiment_id: str


def traces_of_run(destination: Destination, run_id: str) -> "dict[str, Trace]":
    """The traces of a run by id, with their spans; `run_id` is ours."""
    with store_errors(destination.tracking_uri):
        found = traces_with(destination, RUN, run_id, spans=True)
        return {trace.info.trace_id: trace for trace in found}


def turn_of_trace(trace_id: str, *, tracking_uri: str | None = None) -> Turn:
    """What the trace of a turn names.

    Raises:
        NotFoundError: no such trace, or it is of no simulation of ours.
        StoreError: the store cannot be reached.
    """
    uri = pin(tracking_uri=tracking_uri).tracking_uri
    with store_errors(uri):
        turn = _turn(Destination(uri, "").tracing.get_trace_info(trace_id))
    if RUN not in turn.named:
        raise NotFoundError(f"trace {trace_id} is of no simulation of convsim: cs.search_sessions() reads such traces")
    return turn


def turns_that_name(key: str, value: str, *, in_experiment: Destination) -> list[Turn]:
    """The turns whose traces carry this metadata, in the order of their sessions' start and of their numbers."""
    with store_errors(in_experiment.tracking_uri):
        turns = [_turn(trace.info) for trace in traces_with(in_experiment, key, value, spans=False)]
    first = {turn.named.get(SESSION, ""): place for place, turn in reversed(list(enumerate(turns)))}
    return sorted(turns, key=lambda turn: (first[turn.named.get(SESSION, "")], turn.number))


def experiment_of_run(run_id: str) -> Destination | None:
    """Where a run lies, in MLflow's current store; `run_id` is ours or MLflow's. None where there is none."""
    from mlflow.exceptions import MlflowException

    uri = pin().tracking_uri
    with store_errors(uri):
        client = Destination(uri, "").client
        everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
        found = client.search_runs(everywhere, filter_string=f"tags.`{RUN_ID_TAG}` = '{quoted(run_id)}'", max_results=1)
        if found:
            return Destination(uri, found[0].info.experiment_id)
        try:
            return Destination(uri, client.get_run(run_id).info.experiment_id)
        except MlflowException:
            return None


def _turn(info: Any) -> Turn:
    named = dict(info.trace_metadata)
    return Turn(
        trace_id=info.trace_id,
        number=int(named.get("mlflow.simulation.turn", 0)) + 1,
        named=named,
        superseded=SUPERSEDED in info.tags,
        experiment_id=str(info.experiment_id),
    )


def by_session(turns: Sequence[Turn]) -> dict[str, list[Turn]]:
    """Turns by their session, in their order."""
    sessions: dict[str, list[Turn]] = {}
    for turn in turns:
        sessions.setdefault(turn.named.get(SESSION, ""), []).append(turn)
    return sessions
