"""Traces as they may be stored: without secrets, and without what the user's own function takes out.

The spans that an agent opened itself are gone through too: its inputs and outputs, and what it raised.
"""

import json
from typing import Any

from convsim_nb.domain.secrets import masked, without
from convsim_nb.domain.veil import Veil


def veil_trace(trace: Any, veil: Veil) -> None:
    """Take out of a trace that was caught what may not be stored."""
    info, spans = trace.info, trace.data.spans
    for name in ("request_preview", "response_preview"):
        text = getattr(info, name, None)
        if isinstance(text, str):
            setattr(info, name, veil.text(text))
    for told in (info.trace_metadata, info.tags):
        told.update({name: _told(name, text, veil) for name, text in told.items() if veil.touches(text)})
    spans[:] = [veiled_span(span, veil) for span in spans]


def veiled_span(span: Any, veil: Veil) -> Any:
    """The span, or a copy without what may not be stored."""
    if not _concerns(span, veil):
        return span
    plain = span.to_dict()
    plain["attributes"] = {name: _value(name, value, veil) for name, value in plain["attributes"].items()}
    for event in plain.get("events") or ():
        event["attributes"] = {name: _went_wrong(value, veil) for name, value in (event["attributes"] or {}).items()}
    if plain.get("status", {}).get("message"):
        plain["status"]["message"] = _went_wrong(plain["status"]["message"], veil)
    return type(span).from_dict(plain)


def _concerns(span: Any, veil: Veil) -> bool:
    """A quick look at a span as OpenTelemetry has it: most hold nothing that is to be taken out."""
    raw = span._span  # noqa: SLF001 - `to_dict` takes longer than all the rest of the writing
    texts = (value for value in (raw.attributes or {}).values() if isinstance(value, str))
    return bool(raw.events) or any(veil.touches(text) for text in texts)


def _told(name: str, text: str, veil: Veil) -> str:
    """Metadata or a tag: `redact` is for what was said, not for MLflow's own words of places and sizes."""
    said = name.startswith(("mlflow.simulation.", "mlflow.traceInputs", "mlflow.traceOutputs"))
    own = not said and name.startswith(("mlflow.", "convsim."))
    return without(text, veil.secrets) if own else veil.text(text)


def _value(name: str, value: Any, veil: Veil) -> Any:
    """An attribute, which MLflow keeps as JSON; where the trace stands is no text."""
    if name in _PLACES or not isinstance(value, str):
        return value
    try:
        return json.dumps(veil.value(json.loads(value)), ensure_ascii=False)
    except ValueError:
        return veil.text(value)


_PLACES = ("mlflow.traceRequestId", "mlflow.spanType", "mlflow.experimentId", "mlflow.modelId")


def _went_wrong(value: Any, veil: Veil) -> Any:
    """What was raised, and its stack: whatever looks like a key is taken out too."""
    return masked(veil.text(value)) if isinstance(value, str) else value
