"""What happened inside one turn of the agent: the spans of its trace, for where no server shows them."""

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import JsonValue

from convsim_nb.adapters.mlflow.store import Destination, store_errors
from convsim_nb.domain.errors import NotFoundError
from convsim_nb.domain.record import Record

_MOST = 500


class SpanLine(Record):
    """One span, as a list shows it: parents stand before their children."""

    depth: int
    name: str
    kind: str
    """MLflow's type: `AGENT`, `TOOL`, `LLM`, ..."""
    seconds: float | None
    failed: bool
    inputs: JsonValue = None
    outputs: JsonValue = None


def read_spans(trace_id: str, *, destination: Destination) -> tuple[SpanLine, ...]:
    """The spans of a stored trace, at most 500, in the order of a tree.

    Raises:
        NotFoundError: the trace is not stored, or not yet.
        StoreError: the store failed.
    """
    with store_errors(destination.tracking_uri):
        from mlflow.exceptions import MlflowException

        try:
            trace = destination.client.get_trace(trace_id, display=False)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
                raise
            trace = None
    if trace is None or not trace.data.spans:
        raise NotFoundError(f"trace {trace_id} is not in MLflow, or not yet: traces are written a turn later")
    return tuple(_in_order(trace.data.spans))[:_MOST]


def _in_order(spans: Sequence[Any]) -> Iterator[SpanLine]:
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Any]] = {}
    for span in sorted(spans, key=lambda one: one.start_time_ns):
        children.setdefault(span.parent_id if span.parent_id in known else None, []).append(span)
    waiting = [(0, span) for span in reversed(children.get(None, []))]
    while waiting:
        depth, span = waiting.pop()
        yield _line(span, depth)
        waiting += [(depth + 1, child) for child in reversed(children.get(span.span_id, []))]


def _line(span: Any, depth: int) -> SpanLine:
    took = None if span.end_time_ns is None else (span.end_time_ns - span.start_time_ns) / 1e9
    status = getattr(span.status.status_code, "value", span.status.status_code)
    return SpanLine(
        depth=depth,
        name=span.name,
        kind=str(span.span_type),
        seconds=took,
        failed=str(status) == "ERROR",
        inputs=span.inputs,
        outputs=span.outputs,
    )
