"""What the inputs and outputs of a span say: the messages in them, whatever made the span."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.wire import Line, is_message, is_messages, parsed, read_lines, read_text

_LISTS = ("messages", "input", "contents", "chat_history", "history", "conversation_history", "conversation")
_ASKED = ("message", "user_message", "question", "query", "user_query", "user_input", "utterance", "input", "prompt")
_NEWEST = (*_ASKED, "text", "content", "request", "q", "msg")
_INNER = ("request", "input", "inputs", "model_input", "payload", "body", "data", "state", "message", "kwargs")
_REPLY = (
    *("response", "answer", "reply", "output", "output_text", "final_answer", "text", "content", "result"),
    *("message", "completion", "generated_text", "return_value"),
)
_NOT_SAID = re.compile(
    r"(^|_)(ids?|uuid|key|model|system|instructions?|user|name|locale|lang|language|tenant"
    r"|session|thread|token|version|channel)(_|$)"
)
_DEPTH = 4
_PAIR = 2
_COMPLETIONS = ("chat.completion", "response")
_LC_CHUNK = "AIMessageChunk"


def heard(inputs: object, depth: int = _DEPTH) -> tuple[Line, ...]:
    """The messages that a span was given, the newest last; none where its inputs hold no conversation."""
    inputs = _opened(inputs)
    if isinstance(inputs, str):
        return (Line("user", inputs),) if inputs.strip() else ()
    if lines := _listed(inputs):
        return lines
    if isinstance(inputs, list | tuple) and len(inputs) == 1 and depth:  # LangChain's batch of one
        return heard(inputs[0], depth - 1)
    return _heard_in(inputs, depth) if isinstance(inputs, Mapping) else ()


def replied(outputs: object) -> tuple[Line, ...]:
    """The messages that a span gave back. Where a graph gives back its whole state, the history is among them."""
    found = _replied(outputs, _DEPTH)
    if found or not isinstance(outputs, Mapping) or outputs.get("object") in _COMPLETIONS:
        return found
    return (Line("assistant", json.dumps(outputs, ensure_ascii=False)),)  # an agent that answers in JSON of its own


def is_textless(lines: Iterable[Line]) -> bool:
    """Whether nobody says a word in these lines."""
    return not any(line.text or line.media for line in lines if line.role in ("user", "assistant"))


# --- what both directions share ------------------------------------------------------


def _opened(value: object) -> object:
    """A text that is the JSON of messages, as those: some applications send the whole history as one text."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("[", "{"):
        return value
    inner = parsed(value)
    known = is_messages(inner) or is_message(inner)
    return inner if known or (isinstance(inner, Mapping) and is_messages(inner.get("messages"))) else value


def _listed(value: object) -> tuple[Line, ...]:
    """The lines of a list of messages, or of one message; none where it is neither."""
    items = value if is_messages(value) else [value] if is_message(value) else None
    if items is None:
        return ()
    try:
        return _opened_up(read_lines(items))
    except UsageError:  # it looked like messages and is not: whoever asks reads it another way
        return ()


def _opened_up(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Unpacks a lone user message whose text is itself a list of messages."""
    spoken = [line for line in lines if line.role != "system"]
    if len(spoken) == 1 and spoken[0].role == "user" and spoken[0].text.lstrip().startswith("["):
        inner = _opened(spoken[0].text)
        return _listed(inner) or lines
    return lines


# --- inputs --------------------------------------------------------------------------


def _heard_in(inputs: Mapping[str, Any], depth: int) -> tuple[Line, ...]:
    """Arguments of a function: a list of messages, the newest beside the history, or either of them further in."""
    if history := _history(inputs):
        newest = next((heard(inputs[key]) for key in _ASKED if _is_text(inputs.get(key))), ())
        return history if not newest or _ends_with(history, newest) else (*history, *newest)
    if newest := _newest(inputs):
        return newest
    keys = sorted(inputs, key=lambda key: key not in _INNER)
    within = (heard(inputs[key], depth - 1) for key in keys if isinstance(inputs[key], Mapping) and depth)
    if lines := next((lines for lines in within if lines), ()):
        return lines
    texts = [value for key, value in inputs.items() if _is_text(value) and not _NOT_SAID.search(key.lower())]
    return heard(texts[0]) if len(texts) == 1 and depth == _DEPTH else ()


def _history(inputs: Mapping[str, Any]) -> tuple[Line, ...]:
    keys = [*(key for key in _LISTS if key in inputs), *(key for key in inputs if key not in _LISTS)]
    for key in keys:
        value = _opened(inputs[key])
        if isinstance(value, list | tuple) and (lines := _listed(value) or _pairs(value)):
            return lines
    return ()


def _pairs(value: list[Any] | tuple[Any, ...]) -> tuple[Line, ...]:
    """A history as pairs of what the user and what the agent said, as older chat front ends keep it."""
    if not value or not all(isinstance(pair, list | tuple) and len(pair) == _PAIR for pair in value):
        return ()
    if not all(text is None or isinstance(text, str) for pair in value for text in pair):
        return ()
    roles = ("user", "assistant")
    said = [{"role": role, "content": text} for pair in value for role, text in zip(roles, pair, strict=True) if text]
    return read_lines(said)


def _newest(inputs: Mapping[str, Any]) -> tuple[Line, ...]:
    for key in _NEWEST:
        value = inputs.get(key)
        if _is_text(value):
            return heard(value)
        if _is_parts(value):
            return read_lines([{"role": "user", "content": value}])
    return ()


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_parts(value: object) -> bool:
    """Whether this is a message's content in parts."""
    if not isinstance(value, list) or not value or not all(isinstance(part, Mapping) for part in value):
        return False
    return all(part.get("type") in ("text", "input_text", "image_url", "input_image") for part in value)


def _ends_with(history: tuple[Line, ...], newest: tuple[Line, ...]) -> bool:
    """Whether the newest message already closes the history."""
    users = [line for line in history if line.role != "system"]
    return bool(users) and users[-1].role == "user" and users[-1].text.split() == newest[-1].text.split()


# --- outputs -------------------------------------------------------------------------


def _replied(outputs: object, depth: int) -> tuple[Line, ...]:
    outputs = _opened(outputs)
    if outputs is None or outputs == "" or not depth:
        return ()
    if isinstance(outputs, str | int | float):
        return (Line("assistant", str(outputs)),)
    if isinstance(outputs, list | tuple):
        return (() if _is_chunk(outputs[-1:]) else _listed(outputs)) or _streamed(outputs, depth)
    if not isinstance(outputs, Mapping):
        return ()
    return _listed(outputs) or _provider(outputs, depth) or _field(outputs, depth)


def _provider(outputs: Mapping[str, Any], depth: int) -> tuple[Line, ...]:
    """The reply in the shape of a provider or framework, by what it keeps its messages under."""
    match outputs:
        case {"choices": [{"message": Mapping() as message}, *_]} | {"output": {"message": Mapping() as message}}:
            return _listed({"role": "assistant", **message})
        case {"candidates": [{"content": Mapping() as message}, *_]}:
            return _listed({"role": "assistant", **message})
        case {"output": list() as items} | {"messages": list() as items} if is_messages(items):
            return _listed(items)
        case {"generations": [[Mapping() as generation, *_], *_]}:
            return _listed(generation.get("message")) or _replied(generation.get("text"), depth - 1)
        case {"type": "response.output_item.done", "item": Mapping() as item}:
            return _listed([item])
    return ()


def _field(outputs: Mapping[str, Any], depth: int) -> tuple[Line, ...]:
    """The reply by the name of the field that it stands in."""
    if outputs.get("object") in _COMPLETIONS:
        return ()
    named = (_replied(outputs[key], depth - 1) for key in _REPLY if outputs.get(key) not in (None, "", []))
    histories = (_listed(value) for value in outputs.values() if isinstance(value, list))
    return next((lines for lines in (*named, *histories) if lines), ())


def _streamed(chunks: list[Any] | tuple[Any, ...], depth: int) -> tuple[Line, ...]:
    """A generator's output: pieces of text, chunks of a completion, or the events of a Responses stream."""
    if all(isinstance(chunk, str) for chunk in chunks):
        return _replied("".join(chunks), depth)
    done = [line for chunk in chunks if isinstance(chunk, Mapping) for line in _provider(chunk, depth)]
    text = "".join(_delta(chunk) for chunk in chunks)
    if done or text:
        return tuple(done) or (Line("assistant", text),)
    return _replied(chunks[0], depth - 1) if len(chunks) == 1 else ()


def _is_chunk(last: object) -> bool:
    """Whether a list ends on a piece of a LangChain stream: such pieces look like messages."""
    return isinstance(last, list) and bool(last) and isinstance(last[0], Mapping) and last[0].get("type") == _LC_CHUNK


def _delta(chunk: object) -> str:
    """The text that one chunk adds."""
    match chunk:
        case {"choices": [{"delta": {"content": str(text)}}, *_]} | {"delta": {"content": str(text)}}:
            return text
        case {"type": "AIMessageChunk", "content": content} | {"delta": {"text": str() as content}}:
            return read_text(content)
        case {"type": "response.output_text.delta", "delta": str(text)}:
            return text
    return ""
