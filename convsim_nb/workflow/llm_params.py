"""`user_llm_params` and `judge_llm_params`: what goes with every call of a model, checked before any is made."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import JsonValue, TypeAdapter, ValidationError

from convsim_nb.domain.errors import UsageError

_OURS = {
    "model": "user_model= and judge_model= name it",
    "messages": "the conversation is its own",
    "response_format": "the reply's form is convsim's",
    "stream": "replies are read whole",
    "n": "one reply is asked for",
    "tools": "user and judge call none",
    "tool_choice": "user and judge call none",
    "functions": "user and judge call none",
    "function_call": "user and judge call none",
    "timeout": "say model_timeout=",
    "num_retries": "convsim counts and paces its own retries",
    "max_retries": "convsim counts and paces its own retries",
}
"""What a call already has from us, and why."""
_SECRET = ("api_key", "secret", "password", "credential", "authorization", "headers", "access_token", "ad_token")
"""In a name: what would be written down with the run."""
_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def llm_params(given: object, *, name: str) -> dict[str, JsonValue]:
    """The parameters as JSON; none where None is given. `name` is the option.

    Raises:
        UsageError: it is no mapping of names to JSON values, or has a name that is convsim's or a secret's.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"{name}={given!r}: give a mapping, such as {{'temperature': 0.7}}")
    return {key: _value(key, value, name=name) for key, value in given.items()}


def _value(key: Any, value: Any, *, name: str) -> JsonValue:
    if not isinstance(key, str) or not key.isidentifier():
        raise UsageError(f"{name} has the name {key!r}: names are words such as temperature")
    if key in _OURS:
        raise UsageError(f"{name} sets {key!r}, which convsim sets itself: {_OURS[key]}")
    for named in _names({key: value}):
        if any(word in named.lower().replace("-", "_") for word in _SECRET):
            raise UsageError(f"{name} sets {named!r}, and would be kept with the run: keys come from the environment")
    try:
        json.dumps(value, allow_nan=False)
        return _JSON.validate_python(value)
    except (ValidationError, ValueError, TypeError, RecursionError):
        shown = repr(value)[:60]
        raise UsageError(f"{name}[{key!r}] = {shown} is no JSON value: give a number, text, list or mapping") from None


def _names(value: Any, *, deep: int = 20) -> Iterator[str]:
    """The names of fields in a value, those further inside too."""
    if isinstance(value, Mapping) and deep:
        for key, part in value.items():
            yield str(key)
            yield from _names(part, deep=deep - 1)
    elif isinstance(value, list | tuple) and deep:
        for part in value:
            yield from _names(part, deep=deep - 1)


def from_text(text: str, *, name: str) -> dict[str, Any]:
    """The parameters on a command line: a JSON object.

    Raises:
        UsageError: it is none.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"{name} {text!r} is no JSON object: write '{{\"temperature\": 0.7}}'")
    return found
