"""Texts without what must not leave memory: a function of the user's own, applied wherever there is text."""

from collections.abc import Callable
from typing import Any, cast

from pydantic import JsonValue

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Message, Session

Redact = Callable[[str], str]
_NO_TEXT = {"case_id", "source", "findings", "tags", "proposed", "style"}
"""Fields of a case that are no texts, or have texts inside that are reached by name."""


def redacted_session(session: Session, redact: Redact) -> Session:
    """A session whose messages, tool calls and metadata went through `redact`; its id stays.

    Raises:
        UsageError: `redact` gave something that is no text.
    """
    messages = tuple(_message(message, redact) for message in session.messages)
    metadata = cast("dict[str, JsonValue]", _through(session.metadata, redact))
    return session.model_copy(update={"messages": messages, "metadata": metadata})


def redacted_case(case: TestCase, redact: Redact) -> TestCase:
    """A case whose texts went through `redact`: quotes and examples too; its id and tags stay.

    Raises:
        UsageError: `redact` gave something that is no text.
        CaseError: nothing is left of a text that may not be empty.
    """
    content = case.model_dump(mode="json")
    changed: dict[str, Any] = {name: _through(content[name], redact) for name in content if name not in _NO_TEXT}
    changed["history"] = tuple(_message(message, redact) for message in case.history)
    if case.style:
        examples = tuple(_one(text, redact) for text in case.style.examples)
        changed["style"] = case.style.model_copy(update={"examples": examples})
    if case.source:
        quotes = tuple(q.model_copy(update={"text": _one(q.text, redact)}) for q in case.source.quotes)
        changed["source"] = case.source.model_copy(update={"quotes": quotes})
    reasons = tuple(one.model_copy(update={"reason": _one(one.reason, redact)}) for one in case.findings)
    return case.edited(**changed).edited(findings=reasons)


def _message(message: Message, redact: Redact) -> Message:
    calls = tuple(
        call.model_copy(update={"arguments": _through(call.arguments, redact), "result": _through(call.result, redact)})
        for call in message.tool_calls
    )
    wire = tuple(cast("dict[str, JsonValue]", _through(part, redact)) for part in message.wire)
    return message.model_copy(update={"content": _one(message.content, redact), "tool_calls": calls, "wire": wire})


def _through(value: JsonValue, redact: Redact) -> JsonValue:
    """A JSON value whose texts went through; names of fields stay."""
    if isinstance(value, str):
        return _one(value, redact)
    if isinstance(value, dict):
        return {name: part if name in _KEPT else _through(part, redact) for name, part in value.items()}
    return [_through(part, redact) for part in value] if isinstance(value, list) else value


_KEPT = ("role", "kind", "type", "id", "tool_call_id")
"""Names in messages whose values are no texts."""


def _one(text: str, redact: Redact) -> str:
    changed = redact(text)
    if not isinstance(changed, str):
        raise UsageError(f"redact gave {changed!r} for a text: give a function from text to text")
    return changed
