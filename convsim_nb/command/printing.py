"""What the command prints on stdout: results, and with `--json` nothing else, whoever else prints."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import TextIO

_results: list[TextIO] = []


def out(text: str) -> None:
    """Print a result."""
    stream = _results[-1] if _results else sys.stdout
    stream.write(f"{text}\n")
    stream.flush()


@contextmanager
def results_alone() -> Iterator[None]:
    """While it lasts, what agents and their processes print goes to stderr; results go to stdout as ever."""
    ours, theirs = sys.stdout, sys.stderr
    copy = os.dup(1) if _is(ours, 1) and _is(theirs, 2) else None
    ours.flush()
    if copy is None:
        _results.append(ours)
    else:
        os.dup2(2, 1)  # for what does not ask Python: programs that the agent starts
        _results.append(os.fdopen(copy, "w", encoding=ours.encoding))
    try:
        with redirect_stdout(theirs):
            yield
    finally:
        results = _results.pop()
        if copy is not None:
            os.dup2(copy, 1)
            results.close()


def _is(stream: TextIO, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError, AttributeError):
        return False


def print_no_more() -> None:
    """Nobody reads stdout any more, as behind `| head -1`: let what is left go nowhere, in silence."""
    if _is(sys.stdout, 1):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
