"""Finished traces into the store: the records first, then all spans in batches.

In this order the store takes its short path; the default export does it the other way round. Into an SQL
store of our own process all of it goes in one transaction, else by MLflow's tracing client.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from convsim_nb.adapters.mlflow.bulk import takes_many, together
from convsim_nb.adapters.mlflow.net import Caught
from convsim_nb.adapters.mlflow.store import Destination

SPANS_AT_ONCE = 50
_MANY = 2
"""From so many on, one transaction is worth its while."""
_REQUESTS_AT_ONCE = 8
"""To a server: each takes its time on the way. A file takes one writer at a time anyway."""
_OF_A_STORED_TRACE = (
    "mlflow.artifactLocation",
    "mlflow.trace.spansLocation",
    "mlflow.trace.infoFinalized",
    "mlflow.trace.sizeBytes",
    "mlflow.trace.sizeStats",
)
"""What a store says of a trace. `mlflow.add_trace` copies it with a remote agent's spans, and ours refuses it."""

_Started = tuple[Caught, Any]
"""A trace, and its record as the store gave it back."""


class TraceWriter:
    """Writes to one store; used by one thread."""

    def __init__(self, destination: Destination) -> None:
        self._to = destination
        # Databricks keeps the spans of an experiment's traces as artifacts.
        self._takes_spans = not destination.tracking_uri.startswith("databricks")
        self._far = destination.tracking_uri.startswith(("http", "databricks"))

    def write(self, caught: Sequence[Caught], *, run_id: str, late: Sequence[Any] = ()) -> None:
        """Store traces, with whatever assessments they carry, and spans that came too late for theirs.

        Without a `run_id` they belong to no run.

        Raises:
            MlflowException: the store was not there.
        """
        for each in caught:
            _make_ours(each, experiment_id=self._to.experiment_id, run_id=run_id)
        started = self._written_together(caught) or self._written(caught)
        self._log(late)
        for each, info in started:
            self._attach(each, info)

    def assess(self, assessments: Sequence[Any]) -> bool:
        """Store assessments of stored traces, all or none; False where that can't be: then one at a time."""
        store = self._to.tracing.store
        if len(assessments) < _MANY or not takes_many(store):
            return False
        try:
            with together(store) as all_of_it:
                all_of_it.log_assessments(assessments)
        except _mlflow_exception():  # one of them was refused: alone it says which
            return False
        return True

    def _written_together(self, caught: Sequence[Caught]) -> list[_Started]:
        """The traces as they are stored; none where that can't be, or the store did not like one of them."""
        store = self._to.tracing.store
        if len(caught) < _MANY or not takes_many(store):
            return []
        try:
            with together(store) as all_of_it:
                stored = all_of_it.start_traces([each.trace.info for each in caught])
                spans = [span for each in caught for span in each.trace.data.spans]
                all_of_it.log_spans(self._to.experiment_id, spans)
        except _mlflow_exception():  # written one by one, each says what is wrong with it
            return []
        return list(zip(caught, stored, strict=True))

    def _written(self, caught: Sequence[Caught]) -> list[_Started]:
        started = list(zip(caught, self._start_all(caught), strict=True))
        for batch in _batches(started):
            if not self._log([span for each, _ in batch for span in each.trace.data.spans]):
                for each, info in batch:
                    self._log_alone(each, info)
        return started

    def _start_all(self, caught: Sequence[Caught]) -> list[Any]:
        start = self._to.tracing.start_trace
        if not self._far or len(caught) <= 1:
            return [start(each.trace.info) for each in caught]
        return _side_by_side(lambda each: start(each.trace.info), caught)

    def _log_alone(self, caught: Caught, info: Any) -> None:
        """A trace whose spans the store does not take as such keeps them as an artifact, as of old."""
        if not self._log(caught.trace.data.spans):
            self._to.tracing._upload_trace_data(info, caught.trace.data)  # noqa: SLF001 - as MLflow's exporter does

    def _log(self, spans: Sequence[Any]) -> bool:
        """Whether the store took the spans: an old server or a file store takes none, and none takes all."""
        if not self._takes_spans or not spans:
            return not spans
        try:
            self._to.tracing.log_spans(self._to.experiment_id, list(spans))
        except NotImplementedError:
            self._takes_spans = False
        except Exception as error:
            if not _refused(error):
                raise
            self._takes_spans = "REST OTLP span logging is not supported" not in str(error)
        else:
            return True
        return False

    def _attach(self, caught: Caught, info: Any) -> None:
        files = {name: file for span in caught.trace.data.spans for name, file in _attachments(span)}
        if files:
            self._to.tracing._upload_attachments(info, files)  # noqa: SLF001 - as MLflow's exporter does
        if caught.prompts:
            self._to.client.link_prompt_versions_to_trace(list(caught.prompts), caught.claim.trace_id)


def _side_by_side(work: Callable[[Caught], Any], caught: Sequence[Caught]) -> list[Any]:
    """The results in order, some at once. Not a ThreadPoolExecutor: a server that stalls would hold the exit up."""
    results: list[Future[Any]] = [Future() for _ in caught]
    todo = deque(zip(caught, results, strict=True))

    def run() -> None:
        while todo:
            with suppress(IndexError):  # another took the last
                each, result = todo.popleft()
                settle(result, each)

    def settle(result: Future[Any], each: Caught) -> None:
        try:
            result.set_result(work(each))
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            result.set_exception(error)

    for number in range(min(_REQUESTS_AT_ONCE, len(caught))):
        threading.Thread(target=run, name=f"convsim-mlflow-start-{number}", daemon=True).start()
    return [result.result() for result in results]


def _mlflow_exception() -> type[Exception]:
    from mlflow.exceptions import MlflowException

    return MlflowException


def _refused(error: Exception) -> bool:
    """Whether the store answered, and does not like the spans: a token count without a total is enough."""
    if isinstance(error, OSError):
        return False
    gone = getattr(error, "error_code", "") in ("TEMPORARILY_UNAVAILABLE", "PERMISSION_DENIED", "UNAUTHENTICATED")
    return not gone and "failed with exception" not in str(error)


def _make_ours(caught: Caught, *, experiment_id: str, run_id: str) -> None:
    """Whatever was current in MLflow, or set by the agent, meanwhile: the trace goes where the run goes."""
    from mlflow.entities.trace_location import TraceLocation

    claim, info = caught.claim, caught.trace.info
    theirs = info.trace_metadata.get("mlflow.trace.session")
    if theirs and theirs != claim.session_id:
        info.trace_metadata["convsim.agent_session"] = theirs
    for copied in _OF_A_STORED_TRACE:
        info.tags.pop(copied, None)
        info.trace_metadata.pop(copied, None)
    info.trace_metadata.update(claim.metadata)
    info.trace_metadata.pop("mlflow.sourceRun", None)
    if run_id:
        info.trace_metadata["mlflow.sourceRun"] = run_id
    info.tags.update(claim.tags)
    info.trace_location = TraceLocation.from_experiment_id(experiment_id)


def _attachments(span: Any) -> Iterable[tuple[str, Any]]:
    return getattr(span, "_attachments", {}).items()


def _batches(started: Sequence[_Started]) -> Iterator[list[_Started]]:
    """Whole traces, so many that their spans make about one batch."""
    batch: list[_Started] = []
    spans = 0
    for each in started:
        batch.append(each)
        spans += len(each[0].trace.data.spans)
        if spans >= SPANS_AT_ONCE:
            yield batch
            batch, spans = [], 0
    if batch:
        yield batch
