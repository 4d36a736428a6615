"""Options that commands share, and how they print."""

import argparse
import importlib
import re
from collections.abc import Callable, Iterable, Sequence
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


def add_limits(command: argparse.ArgumentParser, *, seconds: bool = True) -> None:
    """What a command may take."""
    limits = command.add_argument_group("what it may take")
    limits.add_argument("--max-cost", type=float, metavar="USD", help="US dollars of the models that convsim calls")
    limits.add_argument("--max-tokens", type=int, metavar="N", help="tokens of these models")
    if seconds:
        limits.add_argument("--max-seconds", type=float, metavar="S", help="seconds of the whole of it")


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


def as_flags(message: str, names: Iterable[str]) -> str:
    """An error's words for a terminal: `user_model=` is `--user-model` there, and `force=True` is `--force`."""
    for name in names:
        flag = f"--{name.replace('_', '-')}"
        message = re.sub(rf"(?<![\w-]){name}=(True\b|(?=[\s,:;)]|$))", flag, message)
        message = re.sub(rf"(?<![\w-]){name}=", f"{flag} ", message)
        if "_" in name:
            message = re.sub(rf"(?<![\w-]){name}\b", flag, message)
    return message
