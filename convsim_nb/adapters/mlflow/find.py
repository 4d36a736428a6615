"""What MLflow still knows of a run: its traces by session, and its events."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.mlflow.again import SUPERSEDED
from convsim_nb.adapters.mlflow.quiet import barless
from convsim_nb.adapters.mlflow.runlog import EVENTS, RUN_ID_TAG
from convsim_nb.adapters.mlflow.store import Destination, is_unmade, pin, store_errors
from convsim_nb.domain.errors import NotFoundError
from convsim_nb.domain.events import EVENT, RunEvent

if TYPE_CHECKING:
    from mlflow import MlflowClient

_PAGE = 500


def traces_by_session(destination: Destination, run_id: str) -> dict[str, list[str]]:
    """The ids of a run's traces, by session in the order of their start, each session's in turn order.

    Attempts that were played again are left out.

    By hand: ``mlflow.search_traces(filter_string="metadata.`convsim.run_id` = '<run_id>'")``.
    """
    found: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    with store_errors(destination.tracking_uri):
        for trace in traces_of(destination, run_id):
            if SUPERSEDED in trace.info.tags:
                continue
            metadata = trace.info.trace_metadata
            turn = int(metadata.get("mlflow.simulation.turn", 0))
            found[metadata["mlflow.trace.session"]].append((turn, trace.info.request_time, trace.info.trace_id))
    return {session: [trace_id for *_, trace_id in sorted(traces)] for session, traces in found.items()}


def find_events(run_id: str, *, tracking_uri: str | None = None) -> Sequence[RunEvent] | None:
    """The events of a run, from MLflow's current store or another; None where it knows no such run.

    `run_id` is ours, MLflow's, or the beginning of ours.

    Raises:
        NotFoundError: the beginning fits several runs, or the run keeps no events.
        StoreError: the store cannot be reached.
    """
    uri = pin(tracking_uri=tracking_uri).tracking_uri
    if is_unmade(uri):
        return None
    with store_errors(uri):
        client = Destination(uri, "").client
        runs = _runs(client, run_id)
        if len(runs) > 1:
            fitting = ", ".join(str(run.data.tags[RUN_ID_TAG]) for run in runs)
            raise NotFoundError(f"{run_id!r} fits {len(runs)} runs: {fitting}")
        return _events(client, runs[0].info.run_id) if runs else None


def run_in(destination: Destination, run_id: str) -> Any:
    """MLflow's run with our `run_id`, in whatever experiment of the store; None where there is none."""
    everywhere = [experiment.experiment_id for experiment in destination.client.search_experiments()]
    wanted = f"tags.`{RUN_ID_TAG}` = '{quoted(run_id)}'"
    return next(iter(destination.client.search_runs(everywhere, filter_string=wanted, max_results=1)), None)


def traces_of(destination: Destination, run_id: str) -> Iterator[Any]:
    """A run's traces without their spans, in the order of their start, those of superseded attempts too."""
    return traces_with(destination, "convsim.run_id", run_id, spans=False)


def traces_with(destination: Destination, key: str, value: str, *, spans: bool) -> Iterator[Any]:
    """The traces of which one entry of their metadata is so, in the order of their start."""
    page: str | None = None
    while True:
        found = destination.client.search_traces(
            locations=[destination.experiment_id],
            filter_string=f"metadata.`{key}` = '{quoted(value)}'",
            order_by=["timestamp_ms ASC"],
            max_results=_PAGE,
            include_spans=spans,
            page_token=page,
        )
        yield from found
        page = found.token
        if not page:
            return


def _runs(client: "MlflowClient", run_id: str) -> list[Any]:
    everywhere = [experiment.experiment_id for experiment in client.search_experiments()]
    known = quoted(run_id)
    for wanted in (f"= '{known}'", f"LIKE '{known}%'"):
        found = client.search_runs(everywhere, filter_string=f"tags.`{RUN_ID_TAG}` {wanted}", max_results=10)
        if found:
            return list(found)
    return list(client.search_runs(everywhere, filter_string=f"attributes.run_id = '{known}'", max_results=1))


def _events(client: "MlflowClient", run_id: str) -> Sequence[RunEvent]:
    if EVENTS not in {file.path for file in client.list_artifacts(run_id)}:
        raise NotFoundError(f"MLflow's run {run_id} keeps no {EVENTS}: it was not written to its end")
    with tempfile.TemporaryDirectory() as folder, barless():
        path = Path(client.download_artifacts(run_id, EVENTS, folder))
        return [EVENT.validate_json(line) for line in path.read_bytes().splitlines()]


def quoted(text: str) -> str:
    """Text as it may stand in a filter: no id of ours or of MLflow's holds a quote or a wildcard."""
    return text.replace("'", "").replace("%", "")
