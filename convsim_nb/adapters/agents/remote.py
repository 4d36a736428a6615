"""A finished MLflow trace that a remote agent hands back: beside its answer, or for it."""

import json
from collections.abc import Mapping
from typing import Any

_HOLDERS = ("databricks_output", "custom_outputs")
"""Where model servers put it that answer in a protocol of somebody else's."""


def handed_trace(raw: Any) -> Any:
    """The trace in a reply, as MLflow's object or as the dict that it makes of one; None where there is none."""
    if _is_trace(raw):
        return raw
    for holder in (raw, *(_get(raw, name) for name in _HOLDERS)):
        trace = _parsed(_get(holder, "trace"))
        if _is_trace(trace):
            return trace
    return None


def without_trace(raw: Any) -> Any:
    """The reply alone: a trace is long, and its spans look like an answer. Of a mere trace, what it gave back."""
    if _is_trace(raw):
        return _given_back(raw)
    return {key: value for key, value in raw.items() if key != "trace"} if isinstance(raw, Mapping) else raw


def trace_id_of(trace: Any) -> str:
    """Its id where it was made."""
    info = _get(trace, "info")
    return str(_get(info, "trace_id") or _get(info, "request_id") or "")


def _is_trace(value: Any) -> bool:
    if isinstance(value, Mapping):
        return isinstance(value.get("info"), Mapping) and isinstance(_get(value.get("data"), "spans"), list)
    return type(value).__name__ == "Trace" and type(value).__module__.partition(".")[0] == "mlflow"


def _given_back(trace: Any) -> Any:
    """What the root of a trace gave back."""
    spans = _get(_get(trace, "data"), "spans") or ()
    root = next((span for span in spans if not (_get(span, "parent_id") or _get(span, "parent_span_id"))), None)
    outputs = _get(root, "outputs")
    return outputs if outputs is not None else _parsed((_get(root, "attributes") or {}).get("mlflow.spanOutputs"))


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
