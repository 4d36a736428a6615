"""What happened inside one turn of the agent: the spans of its trace, for where no server shows them."""

import re
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from convsim_nb.adapters.mlflow.store import Destination, store_errors
from convsim_nb.domain.errors import NotFoundError
from convsim_nb.domain.record import Record
from convsim_nb.domain.secrets import masked

_MOST = 500
_FRAME = re.compile(r'^ *File "(.+)", line (\d+), in (.+)\n(?: {4}(.*)\n)?', re.MULTILINE)
_PYTHON = ("stdlib", "platstdlib", "purelib", "platlib")
_LIBRARIES = (*(sysconfig.get_paths()[each] for each in _PYTHON), str(Path(__file__).parents[2]), "<frozen")


class Frame(Record):
    """One line of a stack."""

    file: str
    line: int
    function: str
    code: str


class SpanLine(Record):
    """One span, as a list shows it: parents stand before their children."""

    depth: int
    name: str
    kind: str
    """MLflow's type: `AGENT`, `TOOL`, `LLM`, ..."""
    seconds: float | None
    failed: bool
    error: str = ""
    """What was raised in it: `KeyError: 'account'`."""
    raised_at: Frame | None = None
    """Where the caller's own code was by then; None where no stack is stored, or all of it is of libraries."""
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
    error, stack = _raised(span)
    status = getattr(span.status.status_code, "value", span.status.status_code)
    return SpanLine(
        depth=depth,
        name=span.name,
        kind=str(span.span_type),
        seconds=took,
        failed=str(status) == "ERROR",
        error=error,
        raised_at=own_frame(stack),
        inputs=span.inputs,
        outputs=span.outputs,
    )


def _raised(span: Any) -> tuple[str, str]:
    """The last exception of a span in a line, and its stack."""
    told = [event.attributes for event in span.events or () if event.name == "exception"]
    if not told:
        return "", ""
    kind, message = told[-1].get("exception.type", ""), told[-1].get("exception.message", "")
    return masked(f"{kind}: {message}" if message else str(kind)), str(told[-1].get("exception.stacktrace", ""))


def own_frame(stack: str) -> Frame | None:
    """The last line of a printed stack that is of no library, ours included."""
    frames = [
        Frame(file=file, line=int(line), function=function, code=masked((code or "").strip()))
        for file, line, function, code in _FRAME.findall(stack)
        if not file.startswith(_LIBRARIES) and not {"site-packages", "dist-packages"} & {*Path(file).parts}
    ]
    return frames[-1] if frames else None
