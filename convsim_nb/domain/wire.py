"""Messages as they travel: Chat Completions, Responses, LangChain and their kin, read into one shape."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import JsonValue

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import ToolCall

WireRole = Literal["system", "user", "assistant", "tool"]

_NAMES: dict[WireRole, str] = {
    "system": "system developer sys instruction",
    "user": "user human customer client caller visitor guest consumer end_user enduser usr",
    "assistant": "assistant ai bot chatbot agent model gpt llm support representative rep advisor virtual_assistant",
    "tool": "tool function ipython observation",
}
_ROLES: dict[str, WireRole] = {name: role for role, names in _NAMES.items() for name in names.split()}
_ROLE_KEYS = ("role", "from", "speaker", "sender", "author", "participant", "type")
_CONTENT_KEYS = ("content", "value", "text", "utterance", "message", "body", "parts")
_TEXT_PARTS = {"text", "input_text", "output_text", "refusal", "summary_text"}
_SILENT_PARTS = {"thinking", "redacted_thinking", "reasoning", "reasoning_content"}
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a message list, whatever shape it came in."""

    role: WireRole
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    """The calls that the assistant makes here; what comes back stands in later lines, or in the call itself."""
    call_id: str | None = None
    """Of a tool's line: the call that it answers."""
    name: str | None = None
    failed: bool = False
    media: tuple[dict[str, JsonValue], ...] = ()
    """Content parts that are not text, in the Chat Completions shape."""

    @property
    def says_nothing(self) -> bool:
        return not (self.text.strip() or self.calls or self.media)


def role_named(name: object) -> WireRole | None:
    """The role that a name stands for: `Human`, `AIMessage`, `end-user`; None where it is not known."""
    if not isinstance(name, str):
        return None
    plain = name.strip().casefold().removesuffix("chunk").removesuffix("message")
    return _ROLES.get(plain.replace("-", "_").replace(" ", "_"))


def is_messages(value: object) -> bool:
    """Whether this is a list of messages: at least one, and each with a known role or item type."""
    return isinstance(value, list | tuple) and bool(value) and all(_is_message(item) for item in value)


def is_message(value: object) -> bool:
    """Whether this is one message of such a list."""
    return not isinstance(value, list | tuple) and _is_message(value)


def read_lines(value: object) -> tuple[Line, ...]:
    """Read a list of messages: dicts or objects, in any of the shapes above.

    Raises:
        UsageError: it is not a list, or one of its entries is not a message; said with the entry's place, from 1.
    """
    if not isinstance(value, list | tuple):
        raise UsageError(f"the messages are {_kind(value)}: give a list of them")
    lines: list[Line] = []
    for place, item in enumerate(value, 1):
        try:
            lines += _lines_of(item)
        except UsageError as fault:
            raise UsageError(f"message {place} {fault}") from None
    return _named_apart(lines)


def read_text(content: object) -> str:
    """The words of a message's content: a text, or a list of parts.

    Raises:
        UsageError: it is neither.
    """
    return _Parts(content).text


def as_json(value: object) -> Any:
    """The value as JSON holds it; what JSON cannot hold becomes its text."""
    return json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)  # NaN is not JSON


def parsed(text: object) -> Any:
    """What a JSON text holds; anything else as it is."""
    if not isinstance(text, str):
        return as_json(text)
    try:
        return as_json(json.loads(text))
    except ValueError:
        return text


def parsed_result(text: object) -> Any:
    """A tool's answer: parsed where it is a JSON object or list, for a bare `007` is a text."""
    return parsed(text) if not isinstance(text, str) or text.lstrip()[:1] in ("{", "[") else text


def read_call(item: Mapping[str, Any]) -> ToolCall:
    """One tool call, in the shape of Chat Completions, Responses, LangChain, Anthropic or our own."""
    told = item.get("function") if isinstance(item.get("function"), Mapping) else item
    assert isinstance(told, Mapping)  # noqa: S101 - for the type checker; the line above sees to it
    name = told.get("name") or str(item.get("type") or "tool").removesuffix("_call")
    result = _first(item, "result", "output", "outputs", "results")
    error = item.get("error")
    return ToolCall(
        name=str(name),
        arguments=parsed(_first(told, "arguments", "args", "input", "action", "queries")) or None,
        result=None if result is None else parsed_result(result),
        error=None if error is None else error if isinstance(error, str) else json.dumps(as_json(error)),
        id=_first(item, "call_id", "id"),
        seconds=item.get("seconds") if isinstance(item.get("seconds"), int | float) else None,
    )


# --- one entry -----------------------------------------------------------------------


def _is_message(value: object) -> bool:
    item = _plain(value)
    if isinstance(item, Mapping):
        return _is_item(item) or (_role_of(item) is not None and _has_content(item))
    return _is_pair(item) and role_named(item[0]) is not None


def _is_pair(item: object) -> bool:
    return isinstance(item, list | tuple) and len(item) == _PAIR and isinstance(item[0], str)


def _is_item(item: Mapping[str, Any]) -> bool:
    """Whether this is an item of the Responses API that is not a message."""
    kind = item.get("type")
    return "role" not in item and isinstance(kind, str) and (kind.endswith(("_call", "_call_output")) or kind in _ASIDE)


_ASIDE = {"reasoning", "item_reference", "compaction", "mcp_list_tools", "mcp_approval_request"}


def _has_content(item: Mapping[str, Any]) -> bool:
    return any(key in item for key in (*_CONTENT_KEYS, "tool_calls", "function_call"))


def _role_of(item: Mapping[str, Any]) -> WireRole | None:
    return next((role for key in _ROLE_KEYS if (role := role_named(item.get(key)))), None)


def _plain(value: object) -> Any:
    """A message object as a dict, and LangChain's two ways of wrapping one unwrapped."""
    dump = getattr(value, "model_dump", None)
    item = dump() if callable(dump) else value
    if not isinstance(item, Mapping):
        return item
    if isinstance(item.get("kwargs"), Mapping) and isinstance(item.get("id"), list) and item["id"]:
        return {"type": item["id"][-1], **item["kwargs"]}
    if isinstance(item.get("data"), Mapping) and "content" in item["data"]:
        return {"type": item.get("type"), **item["data"]}
    return item


def _lines_of(value: object) -> list[Line]:
    item = _plain(value)
    if _is_pair(item):
        item = {"role": item[0], "content": item[1]}
    if not isinstance(item, Mapping):
        raise UsageError(f"is {_kind(value)}: a message is a dict with role and content")
    return _items_of(item) if _is_item(item) else _spoken(item)


def _items_of(item: Mapping[str, Any]) -> list[Line]:
    kind = str(item["type"])
    if kind in _ASIDE:
        return []
    if not kind.endswith("_call_output"):
        return [Line("assistant", calls=(read_call(item),))]
    return [Line("tool", _written(item.get("output")), call_id=item.get("call_id"))]


def _spoken(item: Mapping[str, Any]) -> list[Line]:
    role = _role_of(item)
    if role is None:
        raise UsageError(_no_role(item))
    try:
        parts = _Parts(_first(item, *_CONTENT_KEYS))
    except UsageError:
        if role != "tool":
            raise
        parts = _Parts(_written(_first(item, *_CONTENT_KEYS)))
    if role == "tool":
        failed = item.get("status") == "error"
        return [Line(role, parts.text, call_id=item.get("tool_call_id"), name=item.get("name"), failed=failed)]
    return _with_calls(role, parts, [*parts.calls, *_calls_of(item)])


def _with_calls(role: WireRole, parts: "_Parts", calls: list[ToolCall]) -> list[Line]:
    """The message, with the calls that hold their own answer before it: they were made on the way to it."""
    done = tuple(call for call in calls if call.result is not None or call.error is not None)
    to_come = tuple(call for call in calls if call not in done)
    lines = [*parts.answers, *([Line(role, calls=done)] if done else [])]
    if parts.text or parts.media or to_come or not lines:
        lines.append(Line(role, parts.text, calls=to_come, media=tuple(parts.media)))
    return lines


def _calls_of(item: Mapping[str, Any]) -> list[ToolCall]:
    more = item.get("additional_kwargs")
    found = item.get("tool_calls") or (more.get("tool_calls") if isinstance(more, Mapping) else None) or []
    if isinstance(found, str):
        found = parsed(found)
    if isinstance(item.get("function_call"), Mapping):
        found = [*found, item["function_call"]]
    if not isinstance(found, list | tuple) or not all(isinstance(call, Mapping) for call in found):
        raise UsageError("has tool_calls that are not a list of dicts")
    return [read_call(call) for call in found]


def _no_role(item: Mapping[str, Any]) -> str:
    said = next((item[key] for key in _ROLE_KEYS if item.get(key) is not None), None)
    if said is None:
        return f"has no role: it has {', '.join(map(str, item)) or 'nothing'}"
    return f"has the role {said!r}: known are user, assistant, system, tool, and names like human, customer, ai, bot"


def _named_apart(lines: Sequence[Line]) -> tuple[Line, ...]:
    """In corpora of dialogues the answering side is called `system`: it speaks after the user, and nobody else does."""
    roles = [line.role for line in lines]
    if "user" not in roles or "assistant" in roles or "system" not in roles[roles.index("user") :]:
        return tuple(lines)
    return tuple(Line("assistant", line.text, media=line.media) if line.role == "system" else line for line in lines)


# --- content -------------------------------------------------------------------------


class _Parts:
    """What a message's content holds: words, media, and the tool calls and answers of Anthropic's blocks."""

    def __init__(self, content: object) -> None:
        self.media: list[dict[str, JsonValue]] = []
        self.calls: list[ToolCall] = []
        self.answers: list[Line] = []
        words = [self._word(part) for part in _listed(content)]
        self.text = "\n".join(word for word in words if word)

    def _word(self, part: object) -> str:
        if isinstance(part, str):
            return part
        if not isinstance(part, Mapping):
            raise UsageError(f"has content that is {_kind(part)}: a text or a list of parts is read")
        kind = part.get("type")
        if isinstance(kind, str) and kind not in _TEXT_PARTS:
            self._wordless(kind, part)
            return ""
        words = _first(part, "text", "refusal", "content")
        if not isinstance(words, str):
            raise UsageError(f"has a part of content without text: it has {', '.join(map(str, part))}")
        return words

    def _wordless(self, kind: str, part: Mapping[str, Any]) -> None:
        if kind == "tool_use":
            self.calls.append(read_call({**part, "type": "function"}))
        elif kind == "tool_result":
            text, failed = _written(part.get("content")), bool(part.get("is_error"))
            self.answers.append(Line("tool", text, call_id=part.get("tool_use_id"), failed=failed))
        elif kind not in _SILENT_PARTS:
            self.media.append(_media(part))


def _listed(content: object) -> Iterable[object]:
    if content is None:
        return ()
    if isinstance(content, int | float) and not isinstance(content, bool):
        return (str(content),)
    return content if isinstance(content, list | tuple) else (content,)


def _media(part: Mapping[str, Any]) -> dict[str, JsonValue]:
    plain: dict[str, JsonValue] = as_json(dict(part))
    if plain["type"] == "input_image":
        return {"type": "image_url", "image_url": {"url": plain.get("image_url") or plain.get("file_id")}}
    if plain["type"] == "input_file":
        return {"type": "file", "file": {key: plain[key] for key in plain if key != "type"}}
    return plain


def _written(content: object) -> str:
    """A tool's answer as text: the words of its parts, or the JSON of whatever else it is."""
    try:
        return read_text(content)
    except UsageError:
        return json.dumps(as_json(content), ensure_ascii=False)


def _first(item: Mapping[str, Any], *keys: str) -> Any:
    return next((item[key] for key in keys if item.get(key) is not None), None)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
