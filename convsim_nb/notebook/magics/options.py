"""What a verb of the magics takes: read off the Python function that it calls."""

import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

Wants = Literal["text", "number", "flag", "choice", "object"]
"""What a value has to be; only objects and numbers are looked up among the notebook's names."""
_TEXT = {str, os.PathLike, Path}
_NUMBERS = {int, float}


@dataclass(frozen=True)
class Option:
    """One parameter of a function, as a magic's option or argument."""

    name: str
    """In Python: `max_turns`."""
    annotation: Any
    default: Any = inspect.Parameter.empty
    """`empty` where it has to be given."""
    positional: bool = False
    about: str = ""
    wants: Wants = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wants", _wants(self.annotation))

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return self.default is inspect.Parameter.empty

    @property
    def flag(self) -> str:
        """On a line: `--max-turns`."""
        return "--" + self.name.replace("_", "-")

    @property
    def off(self) -> str | None:
        """On a line, for False: `--no-mlflow`; None where False means nothing."""
        return "--no-" + self.name.replace("_", "-") if bool in _members(self.annotation) else None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be, where these are known."""
        return tuple(word for word in _literals(self.annotation) if isinstance(word, str))


@cache
def options_of(function: Callable[..., Any]) -> tuple[Option, ...]:
    """The options that a function takes; `self` is left out."""
    about = _argument_lines(function)
    return tuple(
        Option(
            name,
            Any if isinstance(parameter.annotation, str) else parameter.annotation,
            parameter.default,
            positional=parameter.kind is parameter.POSITIONAL_OR_KEYWORD,
            about=about.get(name, ""),
        )
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    )


# --- what a type wants ---------------------------------------------------------------


def _wants(annotation: Any) -> Wants:
    members = {member for member in _members(annotation) if member is not NoneType}
    if members == {bool}:
        return "flag"
    members -= {bool}
    if members <= _TEXT:
        return "text"
    if members <= _NUMBERS:
        return "number"
    return "choice" if all(get_origin(member) is Literal for member in members) else "object"


def _members(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _members(member)
    else:
        yield os.PathLike if get_origin(annotation) is os.PathLike else annotation


def _literals(annotation: Any) -> Iterable[Any]:
    return (word for member in _members(annotation) if get_origin(member) is Literal for word in get_args(member))


def _argument_lines(function: Callable[..., Any]) -> dict[str, str]:
    """What the `Args:` of a docstring say, by name, in one line each."""
    sections = re.findall(r"^Args:\n(.*?)(?:\n\n|\Z)", inspect.getdoc(function) or "", re.DOTALL | re.MULTILINE)
    entries = (entry for section in sections for entry in re.split(r"\n(?=    \w)", section))
    parted = (entry.strip().partition(": ") for entry in entries)
    return {name: " ".join(text.split()) for name, _, text in parted}
