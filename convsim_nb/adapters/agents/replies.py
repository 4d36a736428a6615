"""An agent's reply, in whatever common shape it came."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from convsim_nb.adapters.agents.history import Wire, is_item
from convsim_nb.adapters.agents.plain import all_of, json_value, parsed, plain
from convsim_nb.adapters.completions import cut, text_of, tokens_of
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import AgentError
from convsim_nb.domain.session import ToolCall
from convsim_nb.engine.ports import AgentReply

_NAMED = ("content", "output", "output_text", "answer", "response", "text", "result", "predictions")
"""Keys under which a reply of no known protocol holds its text, or another reply."""
_LANGCHAIN = {"ai": "assistant", "AIMessageChunk": "assistant", "human": "user", "tool": "tool", "system": "system"}


def read_reply(raw: Any) -> AgentReply:
    """The reply in ours: text, tool calls, and what goes back to the agent where the text alone loses something.

    Raises:
        AgentError: it is of no shape that we know; the error names its type.
    """
    if isinstance(raw, AgentReply):
        return raw
    if raw is None:
        raise AgentError("the agent returned None: it must return its answer")
    reply = _read(plain(raw))
    if reply is None:
        raise AgentError(
            f"the agent returned {type(raw).__name__}, which holds no answer that we can find: {cut(raw)!r}"
        )
    return replace(reply, raw=raw)


def _read(value: Any) -> AgentReply | None:  # noqa: C901, PLR0911 - one arm a shape
    match value:
        case str():
            return AgentReply(content=value)
        case {"choices": [{"message": dict() as message}, *_]}:
            return _of_messages([message], usage=value.get("usage"))
        case {"output": [*items]} if not items or all_of(Mapping, items):
            return _of_messages(items, usage=value.get("usage"))
        case {"messages": [*messages]} if all_of(Mapping, messages):
            return _traced(_of_messages(messages, usage=value.get("usage")), value)
        case {"role": str()} | {"type": "ai" | "AIMessageChunk" | "tool"}:
            return _of_messages([value])
        case {"type": str()} if is_item(value):
            return _of_messages([value])
        case Mapping():
            return _of_named(value)
        case []:
            return AgentReply(content="")
        case [*parts] if all_of(Mapping, parts) and any("role" in part or "type" in part for part in parts):
            return _of_messages(parts)
        case [only]:
            return _read(only)
        case [*texts] if all_of(str, texts):
            return AgentReply(content="\n\n".join(texts))
        case _:
            return None


def _of_named(value: Mapping[str, Any]) -> AgentReply | None:
    if error := value.get("error"):
        raise AgentError(f"the agent answered with an error: {cut(error)}")
    for name in _NAMED:
        found = value.get(name)
        reply = _read(found) if found is not None else None
        if reply is not None:
            return _traced(reply, value)
    return None


def _traced(reply: AgentReply, value: Mapping[str, Any]) -> AgentReply:
    trace_id = value.get("trace_id")
    return replace(reply, refs={**reply.refs, "trace_id": trace_id}) if trace_id else reply


# --- messages and items --------------------------------------------------------------


def _of_messages(given: Sequence[Wire], *, usage: Any = None) -> AgentReply:
    """What was said and done after the last user message: graphs hand the whole conversation back."""
    wire = [_normal(one) for one in given]
    users = [place for place, one in enumerate(wire) if one.get("role") == "user"]
    wire = wire[users[-1] + 1 :] if users else wire
    said = [text for one in wire if one.get("role") == "assistant" and (text := text_of(one.get("content")).strip())]
    calls = _tool_calls(wire)
    alone = len(wire) == 1 and not calls and isinstance(wire[0].get("content"), str)
    return AgentReply(
        content="\n\n".join(said),
        tool_calls=calls,
        wire=() if alone else tuple(json_value(_bare(one)) for one in wire),
        usage=_usage(usage, given),
    )


def _normal(message: Wire) -> Wire:
    """A LangChain message as a Chat Completions one; any other as it is."""
    role = None if "role" in message else _LANGCHAIN.get(str(message.get("type")))
    if role is None:
        return message
    normal = {"role": role, "content": message.get("content")}
    if calls := message.get("tool_calls"):
        normal["tool_calls"] = [
            {
                "id": call.get("id"),
                "type": "function",
                "function": {"name": call["name"], "arguments": _json(call["args"])},
            }
            for call in calls
        ]
    if role == "tool":
        normal |= {"tool_call_id": message.get("tool_call_id"), "status": message.get("status")}
    return normal


def _json(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False, default=str)


def _bare(message: Wire) -> Wire:
    """The message without what its protocol does not take back."""
    return {key: value for key, value in message.items() if value is not None and key not in ("status", "annotations")}


def _usage(usage: Any, given: Sequence[Wire]) -> Usage | None:
    told = [usage, *(message.get("usage_metadata") for message in given)]
    counted = [tokens_of(one) for one in told if isinstance(one, Mapping)]
    total = sum(counted[1:], counted[0]) if counted else None
    return total.model_copy(update={"calls": len(counted)}) if total and total.input_tokens else None


# --- tool calls ----------------------------------------------------------------------


def _tool_calls(wire: Sequence[Wire]) -> tuple[ToolCall, ...]:
    """The calls, each with what came back for its id."""
    results = {result.id: result for one in wire if (result := _result(one))}
    return tuple(_joined(call, results.get(call.id)) for one in wire for call in _calls(one))


def _calls(one: Wire) -> list[ToolCall]:
    match one:
        case {"type": "function_call", "name": str(name)}:
            return [
                ToolCall(name=name, arguments=_arguments(one.get("arguments")), id=one.get("call_id") or one.get("id"))
            ]
        case {"type": "mcp_call", "name": str(name)}:
            arguments, output, error = _arguments(one.get("arguments")), one.get("output"), one.get("error")
            return [
                ToolCall(name=name, arguments=arguments, result=output, error=error and str(error), id=one.get("id"))
            ]
        case {"tool_calls": [*calls]}:
            return [_call(call) for call in calls]
        case _:
            return []


def _call(call: Any) -> ToolCall:
    function = call.get("function") or call
    return ToolCall(name=str(function.get("name")), arguments=_arguments(function.get("arguments")), id=call.get("id"))


def _arguments(arguments: Any) -> Any:
    return json_value(parsed(arguments))


def _result(one: Wire) -> ToolCall | None:
    """What a tool gave back, as a call without a name."""
    match one:
        case {"role": "tool"}:
            text = text_of(one.get("content"))
            failed = one.get("status") == "error"
            return ToolCall(
                name="",
                id=one.get("tool_call_id"),
                result=None if failed else parsed(text),
                error=text if failed else None,
            )
        case {"type": "function_call_output"}:
            return ToolCall(name="", id=one.get("call_id"), result=json_value(parsed(one.get("output"))))
        case _:
            return None


def _joined(call: ToolCall, result: ToolCall | None) -> ToolCall:
    return call.model_copy(update={"result": result.result, "error": result.error}) if result else call
