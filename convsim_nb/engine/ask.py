"""Asking a language model for a structured reply, with one try to mend an unusable one."""

import json
from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import Chat, ChatMessage, ChatReply, ChatRequest, Report

Reply = TypeVar("Reply", bound=BaseModel)
Check = Callable[[Reply], str | None]
"""Says in a sentence why a reply cannot be taken, or None."""


async def ask(
    chat: Chat,
    messages: tuple[ChatMessage, ...],
    reply_type: type[Reply],
    *,
    report: Report,
    check: Check[Reply] | None = None,
    tries: int = 2,
) -> Reply:
    """Ask until the reply parses as `reply_type` and passes `check`.

    A reply that does not is shown to the model again with the reason.

    Raises:
        ModelError: no usable answer in `tries` tries, or the model itself failed.
    """
    reason = ""
    for _ in range(tries):
        reply = await _call(chat, ChatRequest(messages=messages, reply_type=reply_type), report)
        parsed, reason = _read(reply.text, reply_type, check)
        if parsed is not None:
            return parsed
        messages = (*messages, ChatMessage("assistant", reply.text), refusal(reason))
    raise ModelError(f"the model gave no usable answer in {tries} tries: {reason}")


def refusal(reason: str) -> ChatMessage:
    """What the model is told when its reply cannot be taken."""
    return data(not_accepted=reason, now="Answer again, whole, as one JSON object of the same form.")


def data(**fields: object) -> ChatMessage:
    """A message that is one JSON object: nothing said in a conversation can pass for an instruction in it."""
    return ChatMessage("user", json.dumps(fields, ensure_ascii=False))


async def _call(chat: Chat, request: ChatRequest, report: Report) -> ChatReply:
    try:
        reply = await chat(request)
    except ModelError as error:
        report(error.usage or Usage())
        raise
    report(reply.usage)
    return reply


def _read(text: str, reply_type: type[Reply], check: Check[Reply] | None) -> tuple[Reply | None, str]:
    try:
        parsed = reply_type.model_validate_json(_unfenced(text))
    except ValidationError as invalid:
        fault = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        return None, f"{where}: {fault['msg']}" if where else fault["msg"]
    reason = check(parsed) if check else None
    return (None, reason) if reason else (parsed, "")


def _unfenced(text: str) -> str:
    """The JSON alone, where the model put a code fence around the whole of it: no other text is passed over."""
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```"):
        return stripped.strip("`").removeprefix("json").strip()
    return stripped
