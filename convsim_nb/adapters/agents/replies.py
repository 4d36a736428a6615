"""An agent's reply, in whatever common shape it came."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from convsim_nb.adapters.agents.history import Wire, is_item
from convsim_nb.adapters.agents.plain import plain
from convsim_nb.adapters.agents.remote import handed_trace, trace_id_of, without_trace
from convsim_nb.adapters.completions import cut, tokens_of
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import AgentError, UsageError
from convsim_nb.domain.session import Message, ToolCall, whole
from convsim_nb.domain.transcript import fold
from convsim_nb.domain.veil import through
from convsim_nb.domain.wire import as_json, is_message, is_messages, read_lines
from convsim_nb.engine.ports import AgentReply

_NAMED = ("content", "output", "output_text", "answer", "response", "text", "result", "predictions")
"""Keys under which a reply of no known protocol holds its text, or another reply."""
_TAKEN_BACK = ("role", "content", "name", "tool_calls", "tool_call_id")
"""What a Chat Completions message may hold when it goes back."""


def read_reply(raw: Any) -> AgentReply:
    """The reply in ours: text, tool calls, and what goes back to the agent where the text alone loses something.

    Raises:
        AgentError: it is of no shape that we know, and the error names its type; or it is an error itself.
    """
    if isinstance(raw, AgentReply):
        return raw
    if raw is None:
        raise AgentError("the agent returned None: it must return its answer")
    trace = handed_trace(raw)
    value = plain(without_trace(raw) if trace else raw)
    try:
        reply = _read(value)
    except UsageError as fault:
        raise AgentError(f"the agent's reply cannot be read: {fault}") from None
    if reply is None:
        raise AgentError(f"the agent returned {type(raw).__name__}, in which no answer can be found: {cut(value)}")
    trace_id = (value.get("trace_id") if isinstance(value, dict) else None) or (trace_id_of(trace) if trace else "")
    refs = {"trace_id": trace_id, "trace": trace}
    return replace(reply, raw=raw, refs={**reply.refs, **{name: ref for name, ref in refs.items() if ref}})


def whole_reply(reply: AgentReply) -> AgentReply:
    """The same without half characters, which no store takes: all that read it are given the same."""
    raw = reply.raw if not isinstance(reply.raw, str | list | dict) else through(reply.raw, whole)
    calls = tuple(ToolCall.model_validate(through(call.model_dump(), whole)) for call in reply.tool_calls)
    wire = tuple(through(list(reply.wire), whole))
    return replace(reply, content=whole(reply.content), tool_calls=calls, wire=wire, raw=raw)


def _read(value: Any) -> AgentReply | None:  # noqa: PLR0911 - one arm a shape
    match value:
        case str():
            return AgentReply(content=value, tells_calls=False)
        case {"error": error} if error:
            raise AgentError(f"the agent answered with an error: {cut(error)}")
        case {"choices": [{"message": dict() as message}, *_]}:
            return _of_messages([message], usage=value.get("usage"))
        case {"output": list() as given} | {"messages": list() as given} if not given or is_messages(given):
            return _of_messages(given, usage=value.get("usage"))
        case dict() if is_message(value):
            return _of_messages([value], usage=value.get("usage"))
        case {"content": list() as parts}:
            return _of_messages([{"role": "assistant", "content": parts}], usage=value.get("usage"))
        case dict():
            return next((reply for name in _NAMED if (reply := _read(value.get(name)))), None)
        case list():
            return _read_list(value)
        case _:
            return None


def _read_list(value: list[Any]) -> AgentReply | None:
    if not value or is_messages(value):
        return _of_messages(value)
    if all(isinstance(text, str) for text in value):
        return AgentReply(content="\n\n".join(value), tells_calls=False)
    return _read(value[0]) if len(value) == 1 else None


def _of_messages(given: Sequence[Wire], *, usage: Any = None) -> AgentReply:
    """What was said and done after the last user message: graphs hand the whole conversation back."""
    fresh = given[_after_user(given) :]
    messages = fold(read_lines(fresh))
    calls = tuple(call for message in messages for call in message.tool_calls)
    return AgentReply(
        content="\n\n".join(message.content for message in messages if message.content.strip()),
        tool_calls=calls,
        wire=_wire(fresh, messages, calls),
        usage=_usage(usage, fresh),
    )


def _after_user(given: Sequence[Wire]) -> int:
    users = [place for place, one in enumerate(given) if any(line.role == "user" for line in read_lines([one]))]
    return users[-1] + 1 if users else 0


def _wire(fresh: Sequence[Wire], messages: Sequence[Message], calls: Sequence[ToolCall]) -> tuple[Wire, ...]:
    """The messages as the agent made them, so that it knows them again; empty where the text says it all.

    A call that nothing came back for stays out: model servers refuse half a call.
    """
    if any(call.result is None and call.error is None for call in calls):
        return ()
    if len(fresh) == 1 and isinstance(fresh[0].get("content"), str) and not calls:
        return ()
    if any(is_item(one) for one in fresh):
        return tuple(as_json({key: value for key, value in one.items() if value is not None}) for one in fresh)
    if all(one.get("role") in ("assistant", "tool") for one in fresh):
        return tuple(as_json({key: one[key] for key in _TAKEN_BACK if one.get(key) is not None}) for one in fresh)
    return tuple(wire for message in messages for wire in message.wire or _spoken(message))


def _spoken(message: Message) -> tuple[Wire, ...]:
    return ({"role": message.role, "content": message.content},)


def _usage(usage: Any, fresh: Sequence[Wire]) -> Usage | None:
    """What the agent says that its model calls took; None where it does not say."""
    told = (*(usage if isinstance(usage, list) else [usage]), *(message.get("usage_metadata") for message in fresh))
    counted = [tokens_of(one) for one in told if isinstance(one, Mapping)]
    total = sum(counted[1:], counted[0]) if counted else Usage()
    return total.model_copy(update={"calls": len(counted)}) if total.input_tokens or total.output_tokens else None
