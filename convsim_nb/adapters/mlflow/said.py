"""What was said of a run after its end, as MLflow keeps it: scores, and people's labels."""

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from convsim_nb.adapters.mlflow.find import run_in, traces_of
from convsim_nb.adapters.mlflow.labels import NAME
from convsim_nb.adapters.mlflow.quiet import barless
from convsim_nb.adapters.mlflow.store import Destination, pin, store_errors
from convsim_nb.adapters.score_file import SCORES, from_lines
from convsim_nb.domain.label import LABELS, Label
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState


def said_of_run(
    state: RunState, *, tracking_uri: str | None = None
) -> tuple[str | None, tuple[Score, ...], dict[str, Label]]:
    """MLflow's id of a run that it keeps, with the run's scores, and its labels by conversation.

    Raises:
        StoreError: the store cannot be reached, or its file of scores cannot be read.
    """
    uri = pin(tracking_uri=tracking_uri).tracking_uri
    with store_errors(uri):
        found = run_in(Destination(uri, ""), state.run_id)
        if found is None:
            return None, (), {}
        run_id, destination = str(found.info.run_id), Destination(uri, str(found.info.experiment_id))
        return run_id, _scores(destination, run_id), {label.key: label for label in _labels(destination, state)}


def _scores(destination: Destination, run_id: str) -> tuple[Score, ...]:
    if SCORES not in {file.path for file in destination.client.list_artifacts(run_id)}:
        return ()
    with tempfile.TemporaryDirectory() as folder, barless():
        path = Path(destination.client.download_artifacts(run_id, SCORES, folder))
        return from_lines(path.read_text(encoding="utf-8"), where=f"{SCORES} of MLflow's run {run_id}")


def _labels(destination: Destination, state: RunState) -> Iterator[Label]:
    """Those that count; what another tool wrote under the same name is none."""
    by_session = {one.session_id: one.key for one in state.conversations}
    for trace in traces_of(destination, state.run_id):
        key = by_session.get(trace.info.trace_metadata.get("mlflow.trace.session", ""))
        for each in trace.info.assessments if key else ():
            if each.name == NAME and each.valid and each.feedback is not None and each.value in LABELS:
                yield _label(each, key=str(key), session_id=trace.info.trace_metadata["mlflow.trace.session"])


def _label(feedback: Any, *, key: str, session_id: str) -> Label:
    at = datetime.fromtimestamp((feedback.last_update_time_ms or feedback.create_time_ms or 0) / 1000, UTC)
    return Label(key=key, value=feedback.value, note=feedback.rationale or "", session_id=session_id, at=at)
