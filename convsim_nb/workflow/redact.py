"""Texts without what must not leave memory: a function of the user's own, applied wherever there is text."""

from typing import Any, cast

from pydantic import JsonValue

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.session import Message, Session, ToolCall
from convsim_nb.domain.veil import Redact, redacted, through

_NO_TEXT = {"case_id", "source", "findings", "tags", "proposed", "style"}
"""Fields of a case that are no texts, or have texts inside that are reached by name."""


def redacted_session(session: Session, redact: Redact) -> Session:
    """A session whose messages, tool calls and metadata went through `redact`; its id stays.

    Raises:
        UsageError: `redact` gave something that is no text.
    """
    messages = tuple(redacted_message(message, redact) for message in session.messages)
    metadata = cast("dict[str, JsonValue]", through(session.metadata, redact))
    return session.model_copy(update={"messages": messages, "metadata": metadata})


def redacted_case(case: TestCase, redact: Redact) -> TestCase:
    """A case whose texts went through `redact`: quotes and examples too; its id and tags stay.

    Raises:
        UsageError: `redact` gave something that is no text.
        CaseError: nothing is left of a text that may not be empty.
    """
    content = case.model_dump(mode="json")
    changed: dict[str, Any] = {name: through(content[name], redact) for name in content if name not in _NO_TEXT}
    changed["history"] = tuple(redacted_message(message, redact) for message in case.history)
    if case.style:
        examples = tuple(redacted(text, redact) for text in case.style.examples)
        changed["style"] = case.style.model_copy(update={"examples": examples})
    if case.source:
        quotes = tuple(q.model_copy(update={"text": redacted(q.text, redact)}) for q in case.source.quotes)
        changed["source"] = case.source.model_copy(update={"quotes": quotes})
    reasons = tuple(one.model_copy(update={"reason": redacted(one.reason, redact)}) for one in case.findings)
    return case.edited(**changed).edited(findings=reasons)


def redacted_message(message: Message, redact: Redact) -> Message:
    """A message whose text, tool calls and wire form went through `redact`."""
    calls = tuple(_call(call, redact) for call in message.tool_calls)
    wire = tuple(cast("dict[str, JsonValue]", through(part, redact)) for part in message.wire)
    return message.model_copy(update={"content": redacted(message.content, redact), "tool_calls": calls, "wire": wire})


def _call(call: ToolCall, redact: Redact) -> ToolCall:
    told = {"arguments": through(call.arguments, redact), "result": through(call.result, redact)}
    error = None if call.error is None else redacted(call.error, redact)
    return call.model_copy(update={**told, "error": error})
