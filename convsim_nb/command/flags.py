"""Options that commands share, and how they print."""

import argparse
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from convsim_nb.domain.errors import UsageError

EXIT_CODES = """
exit codes:
  0    the command did what it says; for `run`: it came to its end, whatever the verdicts
  1    it failed on the way: the tracking store, a file, or a run that was cut off
  2    the call is wrong: an option, a file that is not there, a model that is not known
  130  interrupted by Ctrl-C or SIGTERM; what was done is kept
  141  nobody reads its output any more
"""
ALL_EXIT_CODES = EXIT_CODES.replace(
    "  130", "  3    of `gate`: the new version is worse\n  4    of `gate`: it cannot be told\n  130"
)
_LIMITS = ("max_cost", "max_tokens", "max_seconds")


def add_limits(command: argparse.ArgumentParser, *, seconds: bool = True) -> None:
    """What a command may take."""
    limits = command.add_argument_group("what it may take", "none lifts a limit that a run was begun with")
    limits.add_argument(
        "--max-cost",
        type=partial(_limit, kind=float),
        metavar="USD",
        help="US dollars of the models that convsim calls",
    )
    limits.add_argument("--max-tokens", type=partial(_limit, kind=int), metavar="N", help="tokens of these models")
    if seconds:
        limits.add_argument(
            "--max-seconds", type=partial(_limit, kind=float), metavar="S", help="seconds of the whole of it"
        )


def _limit(text: str, *, kind: Callable[[str], float]) -> float:
    """A limit; 0 for none."""
    try:
        return 0 if text.strip().lower() == "none" else kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: give a number, or none for no limit") from None


def given(options: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    """The options of these names that were given; a limit of 0 is none at all."""
    named = {name: getattr(options, name, None) for name in names}
    chosen = {name: value for name, value in named.items() if value is not None}
    return {name: None if name in _LIMITS and not value else value for name, value in chosen.items()}


def add_output(command: argparse.ArgumentParser) -> None:
    """How a command prints."""
    command.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    command.add_argument("--quiet", action="store_true", help="no progress on stderr")


def add_redact(command: Any) -> None:
    """What takes out of texts what must not be kept."""
    command.add_argument("--redact", metavar="NAME", help="module:function of a text: what it gives is kept instead")


def function(name: str, *, flag: str) -> Callable[..., Any]:
    """A function by `module:name`.

    Raises:
        UsageError: there is none.
    """
    module, colon, path = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), path) if colon and path else None
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{flag} {name}: {error}: give module:function, from a folder on the import path") from None
    if not callable(found):
        raise UsageError(f"{flag} {name} is no function: give module:function")
    return found  # type: ignore[no-any-return]


def pairs(given: Sequence[str], *, flag: str) -> dict[str, str]:
    """`NAME=VALUE`, several times.

    Raises:
        UsageError: one has no name, or no value.
    """
    split = [each.partition("=") for each in given]
    for name, equals, _ in split:
        if not (name and equals):
            raise UsageError(f"{flag} {name}{equals}: write it as NAME=VALUE")
    return {name: value for name, _, value in split}


_PYTHON = (
    (r"pass journal=FOLDER or False", "give --journal FOLDER"),
    (r"give journal= another file, or False", "give --journal another file"),
    (r"\bNone for no limit", "none for no limit"),
    (r"\bcs\.runs\(\)", "convsim runs"),
    (r"\bcs\.(resume|push)\('([^']+)', agent=\.\.\., force=True\)", r"convsim \1 \2 --agent ... --force"),
    (r"\bcs\.(resume|push)\('([^']+)', agent=\.\.\.\)", r"convsim \1 \2 --agent ..."),
    (r"\bcs\.(resume|push)\('([^']+)'\)", r"convsim \1 \2"),
    (r"; or give OpenAIChat\(\.\.\., api_key=\.\.\.\)", ""),
)
"""What an error says to who writes Python, and what it is on a command line."""


def as_flags(message: str, names: Iterable[str]) -> str:
    """An error's words for a terminal: `user_model=` is `--user-model` there, and `force=True` is `--force`."""
    for python, here in _PYTHON:
        message = re.sub(python, here, message)
    for name in names:
        flag = f"--{name.replace('_', '-')}"
        message = re.sub(rf"(?<![\w-]){name}=(True\b|(?=[\s,:;)]|$))", flag, message)
        message = re.sub(rf"(?<![\w-]){name}=", f"{flag} ", message)
        if "_" in name:
            message = re.sub(rf"(?<![\w-]){name}\b", flag, message)
    return message
