"""Traces as they may be stored: without secrets, and without what the user's own function takes out.

The spans that an agent opened itself are gone through too: its inputs and outputs, and what it raised.
"""

import json
from typing import Any

from convsim_nb.domain.veil import Veil


def veil_trace(trace: Any, veil: Veil) -> None:
    """Take out of a trace that was caught what may not be stored."""
    info, spans = trace.info, trace.data.spans
    for name in ("request_preview", "response_preview"):
        text = getattr(info, name, None)
        if isinstance(text, str):
            setattr(info, name, veil.text(text))
    for told in (info.trace_metadata, info.tags):
        told.update({name: veil.text(text) for name, text in told.items() if _is_told(name) and veil.touches(text)})
    spans[:] = [veiled_span(span, veil) for span in spans]


def veiled_span(span: Any, veil: Veil) -> Any:
    """The span, or a copy without what may not be stored."""
    plain = span.to_dict()
    if not veil.touches(json.dumps(plain, ensure_ascii=False, default=str)):
        return span
    plain["attributes"] = {name: _value(name, value, veil) for name, value in plain["attributes"].items()}
    for event in plain.get("events") or ():
        event["attributes"] = {name: _text(value, veil) for name, value in (event.get("attributes") or {}).items()}
    status = plain.get("status")
    if isinstance(status, dict) and status.get("message"):
        status["message"] = veil.text(status["message"])
    return type(span).from_dict(plain)


def _is_told(name: str) -> bool:
    """Whether a trace's metadata of this name may hold what was said: not MLflow's own of places and sizes."""
    return name.startswith("mlflow.simulation.") or not name.startswith(("mlflow.", "convsim."))


def _value(name: str, value: Any, veil: Veil) -> Any:
    """An attribute, which MLflow keeps as JSON; where the trace stands is no text."""
    if name in _PLACES or not isinstance(value, str):
        return value
    try:
        return json.dumps(veil.value(json.loads(value)), ensure_ascii=False)
    except ValueError:
        return veil.text(value)


_PLACES = ("mlflow.traceRequestId", "mlflow.spanType", "mlflow.experimentId", "mlflow.modelId")


def _text(value: Any, veil: Veil) -> Any:
    return veil.text(value) if isinstance(value, str) else value
