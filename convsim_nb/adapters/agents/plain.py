"""Whatever an agent hands back, as plain dicts and lists: pydantic and LangChain objects, dataclasses, arrays."""

import dataclasses
from collections.abc import Mapping
from typing import Any

_TELLING = (
    "choices",
    "messages",
    "output",
    "content",
    "response",
    "answer",
    "output_text",
    "delta",
    "text",
    "trace_id",
)
"""Attributes by which an object of an unknown class is read."""


def plain(value: Any) -> Any:
    """Dicts, lists and scalars all the way down, as far as the value can be read; else the value itself."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    for read in (_by_pydantic, _by_array, _by_attributes):
        if (found := read(value)) is not value:
            return plain(found)
    return value


def _by_pydantic(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    if not callable(dump) or isinstance(value, type):
        return value
    try:
        return dump(exclude_none=True, warnings=False)
    except TypeError:  # a class of its own with a `model_dump` of its own
        return dump()


def _by_array(value: Any) -> Any:
    """A pandas DataFrame as rows, a numpy array as a list: what pyfunc models return."""
    if hasattr(value, "columns") and callable(getattr(value, "to_dict", None)):
        return value.to_dict("records")
    return value.tolist() if callable(getattr(value, "tolist", None)) else value


def _by_attributes(value: Any) -> Any:
    named = {name: getattr(value, name) for name in _TELLING if hasattr(value, name)}
    return {name: child for name, child in named.items() if child is not None and not callable(child)} or value
