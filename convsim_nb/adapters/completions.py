"""Reading a Chat Completions answer, as a dict: whoever served it."""

from collections.abc import Mapping, Sequence
from typing import Any

from convsim_nb.adapters.retries import Fault
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.secrets import masked

_EMPTY_TRIES = 2
_BROKEN_TRIES = 3


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or parts of which some are text."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        content = (content,)
    if not isinstance(content, Sequence):
        return ""
    return "".join(_part_text(part) for part in content)


def _part_text(part: Any) -> str:
    if isinstance(part, str):
        return part
    text = part.get("text") if isinstance(part, Mapping) else None
    return text if isinstance(text, str) else ""


def tokens_of(usage: Any) -> Usage:
    """The tokens of a `usage` object, in the words of Chat Completions, Responses or LangChain. Its cost is unknown."""
    if not isinstance(usage, Mapping):
        return Usage(cost=None)
    details = _first(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details") or {}
    return Usage(
        input_tokens=_first(usage, "prompt_tokens", "input_tokens") or 0,
        output_tokens=_first(usage, "completion_tokens", "output_tokens") or 0,
        cached_tokens=_first(details, "cached_tokens", "cache_read") or 0,
        cost=None,
    )


def _first(values: Any, *names: str) -> Any:
    return next((values[name] for name in names if isinstance(values, Mapping) and values.get(name)), None)


def answer_of(body: Any, *, name: str) -> str:
    """The text that a model answered.

    Raises:
        Fault: there is none that can be used: a refusal, a cut or filtered answer, an empty one, a broken body.
    """
    match body:
        case {"choices": [{"message": Mapping() as message, **choice}, *_]}:
            return _usable(message, finish=choice.get("finish_reason"), name=name)
        case _:
            raise broken_body(body, name=name)


def _usable(message: Mapping[str, Any], *, finish: Any, name: str) -> str:
    if refusal := message.get("refusal") or _first(message.get("provider_specific_fields"), "refusal"):
        raise Fault(ModelError(f"{name} refused to answer: {cut(refusal)}"))
    if finish == "content_filter":
        raise Fault(ModelError(f"{name}: the provider's content filter stopped the answer: reword the test case"))
    text = text_of(message.get("content"))
    if finish == "length":
        raise Fault(ModelError(f"{name}: the answer was cut off at the token limit: raise max_tokens ({cut(text)!r})"))
    if not text.strip():
        raise Fault(ModelError(f"{name} gave an empty answer (finish_reason {finish!r})"), tries=_EMPTY_TRIES)
    return text


def broken_body(body: Any, *, name: str) -> Fault:
    """The fault of an answer that is no chat completion."""
    return Fault(ModelError(f"{name} sent what is no chat completion: {cut(body)}"), tries=_BROKEN_TRIES)


def cut(value: Any, most: int = 200) -> str:
    """A value as it fits into an error message; no key in it is cut in two, for then nobody knew it for one."""
    text = masked(str(value))
    return text if len(text) <= most else f"{text[:most]}..."
