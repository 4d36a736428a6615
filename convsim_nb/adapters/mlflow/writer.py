"""Finished traces into the store, by MLflow's tracing client: the record first, then all spans in batches.

In this order the store takes its short path; the default export does it the other way round.
"""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from convsim_nb.adapters.mlflow.net import Caught
from convsim_nb.adapters.mlflow.store import Destination

SPANS_AT_ONCE = 50


class TraceWriter:
    """Writes to one store; used by one thread."""

    def __init__(self, destination: Destination) -> None:
        self._to = destination
        # Databricks keeps the spans of an experiment's traces as artifacts.
        self._takes_spans = not destination.tracking_uri.startswith("databricks")

    def write(self, caught: Sequence[Caught], *, run_id: str, late: Sequence[Any] = ()) -> None:
        """Store traces, with whatever assessments they carry, and spans that came too late for theirs.

        Raises:
            MlflowException: the store refused, or was not there.
        """
        infos = [self._start(each, run_id) for each in caught]
        spans = [span for each in caught for span in each.trace.data.spans]
        if not self._spans_taken([*spans, *late]):
            for each, info in zip(caught, infos, strict=True):
                self._to.tracing._upload_trace_data(info, each.trace.data)  # noqa: SLF001 - as MLflow's exporter does
        for each, info in zip(caught, infos, strict=True):
            self._attach(each, info)

    def _start(self, caught: Caught, run_id: str) -> Any:
        _make_ours(caught, experiment_id=self._to.experiment_id, run_id=run_id)
        return self._to.tracing.start_trace(caught.trace.info)

    def _spans_taken(self, spans: Sequence[Any]) -> bool:
        """False where the store keeps no spans: an old server, or files."""
        for batch in _batches(spans, SPANS_AT_ONCE):
            if not self._takes_spans:
                break
            try:
                self._to.tracing.log_spans(self._to.experiment_id, batch)
            except NotImplementedError:
                self._takes_spans = False
            except Exception as error:
                if "REST OTLP span logging is not supported" not in str(error):
                    raise
                self._takes_spans = False
        return self._takes_spans

    def _attach(self, caught: Caught, info: Any) -> None:
        files = {name: file for span in caught.trace.data.spans for name, file in _attachments(span)}
        if files:
            self._to.tracing._upload_attachments(info, files)  # noqa: SLF001 - as MLflow's exporter does
        if caught.prompts:
            self._to.client.link_prompt_versions_to_trace(list(caught.prompts), caught.claim.trace_id)


def _make_ours(caught: Caught, *, experiment_id: str, run_id: str) -> None:
    """Whatever was current in MLflow, or set by the agent, meanwhile: the trace goes where the run goes."""
    from mlflow.entities.trace_location import TraceLocation

    claim, info = caught.claim, caught.trace.info
    theirs = info.trace_metadata.get("mlflow.trace.session")
    if theirs and theirs != claim.session_id:
        info.trace_metadata["convsim.agent_session"] = theirs
    info.trace_metadata.update(claim.metadata)
    if run_id:
        info.trace_metadata["mlflow.sourceRun"] = run_id
    info.tags.update(claim.tags)
    info.trace_location = TraceLocation.from_experiment_id(experiment_id)


def _attachments(span: Any) -> Iterable[tuple[str, Any]]:
    return getattr(span, "_attachments", {}).items()


def _batches(items: Sequence[Any], size: int) -> Iterable[list[Any]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
