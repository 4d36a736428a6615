"""From the words of a line to the keyword arguments of a Python call, checked by a pydantic model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.magics.options import Option, options_of
from convsim_nb.notebook.magics.words import Names


@dataclass
class Line:
    """What stands on a magic's line after the verb."""

    given: dict[str, Any] = field(default_factory=dict)
    """The arguments of the call, by their Python names."""
    output: str | None = None
    """The name after `-o`."""
    said: dict[str, str] = field(default_factory=dict)
    """The word that each argument was given by."""


def read_line(words: Sequence[str], function: Callable[..., Any], *, verb: str, names: Names) -> Line:
    """The arguments for `function` in the words after the verb.

    Raises:
        UsageError: an option is not known or has no value, or a value is of the wrong kind.
    """
    reading = _Reading(verb, options_of(function), names)
    reading.take(words)
    return Line(_checked(reading, function), reading.output, reading.said)


class _Reading:
    def __init__(self, verb: str, options: Sequence[Option], names: Names) -> None:
        self.verb, self.names = verb, names
        self.output: str | None = None
        self.by_flag = {option.flag: option for option in options}
        self.off = {option.off: option for option in options if option.off}
        self.places = [option for option in options if option.positional]
        self.values: dict[str, Any] = {}
        self.said: dict[str, str] = {}

    def take(self, words: Sequence[str]) -> None:
        rest = iter(words)
        for word in rest:
            if word == "-o":
                self.output = self._name(next(rest, ""))
            elif word.startswith("-") and not word[1:2].isdigit():
                self._option(word, rest)
            else:
                self._place(word)

    def _option(self, word: str, rest: Iterator[str]) -> None:
        flag, has_value, value = word.partition("=")
        if word in self.off:
            self._put(self.off[word], word, value=False)
        elif flag not in self.by_flag:
            raise UsageError(f"%convsim {self.verb} has no option {flag}{self._meant(flag)}")
        elif self.by_flag[flag].wants == "flag" and not has_value:
            self._put(self.by_flag[flag], word, value=True)
        else:
            said = value if has_value else next(rest, "")
            self._read(self.by_flag[flag], said, as_=flag)

    def _place(self, word: str) -> None:
        free = next((option for option in self.places if option.name not in self.values), None)
        if free is None:
            raise UsageError(f"%convsim {self.verb} cannot place {word!r}: its options begin with --")
        self._read(free, word, as_=free.name)

    def _read(self, option: Option, word: str, *, as_: str) -> None:
        if not word or (word.startswith("--") and word in {*self.by_flag, *self.off}):
            raise UsageError(f"{as_} needs a value")
        plain = option.wants in ("text", "choice") or word in option.choices
        self._put(option, word, value=self.names.text(word) if plain else self.names.object(word))

    def _put(self, option: Option, word: str, *, value: Any) -> None:
        if option.name in self.values:
            raise UsageError(f"{option.flag} is given twice: {self.said[option.name]} and {word}")
        self.values[option.name], self.said[option.name] = value, word

    def _name(self, word: str) -> str:
        if not word.isidentifier():
            raise UsageError(f"-o {word or '...'}: give a name for the result, such as -o result")
        return word

    def _meant(self, flag: str) -> str:
        close = get_close_matches(flag, [*self.by_flag, *self.off], n=1)
        return f": did you mean {close[0]}?" if close else f": see %convsim help {self.verb}"


# --- checking ------------------------------------------------------------------------


@cache
def arguments_model(function: Callable[..., Any]) -> type[BaseModel]:
    """A model with a field for each option, named as in Python; what may be any object is not checked here."""
    fields: dict[str, Any] = {}
    for option in options_of(function):
        checked = Any if option.wants == "object" else option.annotation
        fields[option.name] = (checked, ... if option.required else None)
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True, protected_namespaces=())
    return create_model(f"{function.__name__}_arguments", __config__=config, **fields)


def _checked(reading: _Reading, function: Callable[..., Any]) -> dict[str, Any]:
    try:
        checked = arguments_model(function)(**reading.values)
    except ValidationError as error:
        raise UsageError(_one_line(reading, error.errors()[0])) from None
    return {name: getattr(checked, name) for name in checked.model_fields_set}


def _one_line(reading: _Reading, fault: Mapping[str, Any]) -> str:
    name = fault["loc"][0]
    option = next(option for option in reading.by_flag.values() if option.name == name)
    if fault["type"] == "missing":
        return f"%convsim {reading.verb} needs {_as_given(option)}: see %convsim help {reading.verb}"
    wanted = f"one of {', '.join(option.choices)}" if option.choices else f"a {option.wants}"
    return f"{option.flag}={reading.said[option.name]}: give {wanted}"


def _as_given(option: Option) -> str:
    return (
        option.name.upper()
        if option.name in ("cases", "sessions", "run", "first", "second")
        else f"{option.flag} {option.name.upper()}"
    )
