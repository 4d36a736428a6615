"""From lines to messages: what users and agent said, with the agent's tool calls on the message that follows them."""

import json
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.domain.wire import Line, parsed_result


def fold(lines: Iterable[Line]) -> tuple[Message, ...]:
    """The messages of a list of lines, in order.

    System lines and empty ones are left out, and what tools answered goes into the calls. A `wire` is in
    the shape of Chat Completions, whatever the lines came in. Calls that no message follows stand on the
    last one of the same turn, or on an empty one where the agent said nothing.
    """
    folding = _Folding()
    for line in lines:
        folding.take(line)
    folding.close()
    return tuple(folding.messages)


def merged(calls: Sequence[ToolCall], more: Iterable[ToolCall]) -> tuple[ToolCall, ...]:
    """One list out of two accounts of the same calls: each field from the first that knows it."""
    found = list(calls)
    free = set(range(len(found)))
    for call in more:
        place = _same(found, free, call)
        if place is None:
            found.append(call)
        else:
            free.discard(place)
            found[place] = _filled(found[place], call)
    return tuple(found)


def _same(found: Sequence[ToolCall], free: set[int], call: ToolCall) -> int | None:
    """The place of the same call in the other account: by id, else by name and arguments, else by name."""
    fits = [(likeness, -place) for place in free if (likeness := _likeness(found[place], call))]
    return -max(fits)[1] if fits else None


def _likeness(one: ToolCall, other: ToolCall) -> int:
    """0 for calls that cannot be the same."""
    if one.id is not None and other.id is not None:
        return 3 if one.id == other.id else 0
    return 0 if one.name != other.name else 2 if one.arguments == other.arguments else 1


def _filled(one: ToolCall, other: ToolCall) -> ToolCall:
    gaps = {name: getattr(other, name) for name in ToolCall.model_fields if getattr(one, name) is None}
    return one.model_copy(update=gaps) if gaps else one


class _Folding:
    """The messages so far, and the calls that wait for the message that they lead to."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._calls: list[ToolCall] = []
        self._wire: list[dict[str, JsonValue]] = []

    def take(self, line: Line) -> None:
        match line.role:
            case "user" if not line.says_nothing:
                self.close()
                self.messages.append(Message(role="user", content=_shown(line), wire=_with_media(line)))
            case "assistant":
                self._assistant(line)
            case "tool":
                self._answer(line)
            case _:
                pass

    def close(self) -> None:
        """Place the calls that no message followed."""
        if self._calls:
            calls, last = tuple(self._calls), self.messages[-1] if self.messages else None
            if last is not None and last.role == "assistant":
                self.messages[-1] = last.model_copy(update={"tool_calls": (*last.tool_calls, *calls)})
            else:
                self.messages.append(Message(role="assistant", content="", tool_calls=calls))
        self._calls, self._wire = [], []

    def _assistant(self, line: Line) -> None:
        if line.text.strip() or line.media:
            calls, wire = tuple(self._calls), self._whole(line)
            self.messages.append(Message(role="assistant", content=_shown(line), tool_calls=calls, wire=wire))
            self._calls, self._wire = [], []
        if line.calls:
            self._calls += line.calls
            self._wire += _requested(line.calls)

    def _answer(self, line: Line) -> None:
        place = self._asked_by(line)
        if place is None:
            self._calls.append(ToolCall(name=line.name or "tool", id=line.call_id))
            place = len(self._calls) - 1
        told: dict[str, object] = {"error": line.text} if line.failed else {"result": parsed_result(line.text)}
        self._calls[place] = self._calls[place].model_copy(update=told)
        self._wire.append({"role": "tool", "tool_call_id": self._calls[place].id, "content": line.text})

    def _asked_by(self, line: Line) -> int | None:
        """The call that this line answers: by id; without one the first unanswered, of its name if it has one."""
        for place, call in enumerate(self._calls):
            if line.call_id is not None and call.id == line.call_id:
                return place
            loose = line.call_id is None or call.id is None
            if loose and _open(call) and line.name in (None, call.name):
                return place
        return None

    def _whole(self, line: Line) -> tuple[dict[str, JsonValue], ...]:
        """What goes back to an agent, where every call has an id and an answer: model servers refuse half a call."""
        if not self._calls or not self._wire or any(call.id is None or _open(call) for call in self._calls):
            return _with_media(line)
        return (*self._wire, *(_with_media(line) or ({"role": "assistant", "content": line.text},)))


def _open(call: ToolCall) -> bool:
    return call.result is None and call.error is None


def _shown(line: Line) -> str:
    """The words, or what stands there in place of words: `[image]`."""
    if line.text.strip():
        return line.text
    return " ".join(f"[{str(part['type']).removesuffix('_url').removeprefix('input_')}]" for part in line.media)


def _with_media(line: Line) -> tuple[dict[str, JsonValue], ...]:
    if not line.media:
        return ()
    words: list[JsonValue] = [{"type": "text", "text": line.text}] if line.text else []
    return ({"role": line.role, "content": [*words, *line.media]},)


def _requested(calls: Iterable[ToolCall]) -> list[dict[str, JsonValue]]:
    """The assistant's request for these calls; one that brings its answer along is followed by it."""
    asked: list[JsonValue] = []
    answers: list[dict[str, JsonValue]] = []
    for call in calls:
        function: JsonValue = {"name": call.name, "arguments": _text(call.arguments)}
        asked.append({"id": call.id, "type": "function", "function": function})
        if not _open(call):
            answers.append({"role": "tool", "tool_call_id": call.id, "content": _text(call.error or call.result)})
    return [{"role": "assistant", "content": None, "tool_calls": asked}, *answers]


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps({} if value is None else value, ensure_ascii=False)
