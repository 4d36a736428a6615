"""The conversation so far, as agents take it: Chat Completions messages, or Responses input items."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convsim_nb.adapters.agents.signature import HistoryName
from convsim_nb.adapters.completions import text_of
from convsim_nb.domain.session import Message
from convsim_nb.domain.transcript import fold
from convsim_nb.domain.wire import read_lines

Wire = dict[str, Any]


def history(messages: Sequence[Message], *, shape: HistoryName, text_only: bool) -> list[Wire]:
    """The agent's own copy of the conversation: nothing that it does to it comes back."""
    wire: list[Wire] = []
    for message in messages:
        own = () if text_only else copy.deepcopy(message.wire)
        wire.extend(own or ({"role": message.role, "content": message.content},))
    return as_items(wire) if shape == "input" else as_messages(wire)


def is_item(wire: Mapping[str, Any]) -> bool:
    """True for a Responses item, which is no Chat Completions message."""
    kind = wire.get("type")
    return isinstance(kind, str) and (kind in ("message", "reasoning") or kind.endswith(("_call", "_call_output")))


def as_messages(wire: list[Wire]) -> list[Wire]:
    """Chat Completions messages; items that have no likeness there (reasoning, searches) are left out."""
    if not any(is_item(one) for one in wire):
        return wire
    spoken = fold(read_lines(wire))
    return [one for said in spoken for one in said.wire or ({"role": said.role, "content": said.content},)]


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
