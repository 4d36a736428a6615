"""The conversation so far, as agents take it: Chat Completions messages, or Responses input items."""

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convsim_nb.adapters.agents.signature import HistoryName
from convsim_nb.adapters.completions import text_of
from convsim_nb.domain.session import Message

Wire = dict[str, Any]


def history(messages: Sequence[Message], *, shape: HistoryName, text_only: bool) -> list[Wire]:
    """The agent's own copy of the conversation: nothing that it does to it comes back."""
    wire: list[Wire] = []
    for message in messages:
        own = () if text_only else copy.deepcopy(message.wire)
        wire.extend(own or ({"role": message.role, "content": message.content},))
    return as_items(wire) if shape == "input" else as_messages(wire)


def is_item(wire: Mapping[str, Any]) -> bool:
    """True for a Responses item that is no Chat Completions message."""
    kind = wire.get("type")
    return isinstance(kind, str) and ("role" not in wire or kind == "message")


# --- Responses to Chat Completions ---------------------------------------------------


def as_messages(wire: Iterable[Wire]) -> list[Wire]:
    """Chat Completions messages; items that have no likeness there (reasoning, searches) are left out."""
    messages: list[Wire] = []
    for one in wire:
        if not is_item(one):
            messages.append(one)
            continue
        match one:
            case {"type": "message", "role": role, "content": content}:
                messages.append({"role": role, "content": _chat_content(content)})
            case {"type": "function_call"}:
                _calling(messages)["tool_calls"].append(_chat_call(one))
            case {"type": "function_call_output"}:
                output = one.get("output")
                text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
                messages.append({"role": "tool", "tool_call_id": one.get("call_id"), "content": text})
    return messages


def _calling(messages: list[Wire]) -> Wire:
    """The assistant's message that the next call belongs to."""
    last = messages[-1] if messages else {}
    if last.get("role") != "assistant":
        last = {"role": "assistant", "content": None}
        messages.append(last)
    last.setdefault("tool_calls", [])
    return last


def _chat_call(item: Wire) -> Wire:
    function = {"name": item.get("name"), "arguments": item.get("arguments") or "{}"}
    return {"id": item.get("call_id") or item.get("id"), "type": "function", "function": function}


def _chat_content(content: Any) -> Any:
    if not isinstance(content, list) or not any(_image(part) for part in content):
        return text_of(content)
    return [
        {"type": "image_url", "image_url": {"url": url}} if (url := _image(part)) else _text_part(part, "text")
        for part in content
    ]


# --- Chat Completions to Responses ---------------------------------------------------


def as_items(wire: Iterable[Wire]) -> list[Wire]:
    """Responses input items."""
    items: list[Wire] = []
    for one in wire:
        if is_item(one):
            items.append(one)
        elif one.get("role") == "tool":
            output = text_of(one.get("content"))
            items.append({"type": "function_call_output", "call_id": one.get("tool_call_id"), "output": output})
        else:
            if one.get("content"):
                items.append({"role": one["role"], "content": _item_content(one)})
            items.extend(_item_call(call) for call in one.get("tool_calls") or ())
    return items


def _item_call(call: Wire) -> Wire:
    function = call.get("function") or {}
    arguments = function.get("arguments") or "{}"
    return {"type": "function_call", "call_id": call.get("id"), "name": function.get("name"), "arguments": arguments}


def _item_content(message: Wire) -> Any:
    content = message["content"]
    if not isinstance(content, list):
        return content
    kind = "output_text" if message["role"] == "assistant" else "input_text"
    return [
        {"type": "input_image", "image_url": url} if (url := _image(part)) else _text_part(part, kind)
        for part in content
    ]


# --- parts ---------------------------------------------------------------------------


def _image(part: Any) -> str | None:
    """The address of an image part of either shape."""
    match part:
        case {"image_url": {"url": str(url)}} | {"image_url": str(url)}:
            return url
        case _:
            return None


def _text_part(part: Any, kind: str) -> Wire:
    return {"type": kind, "text": text_of(part)}
