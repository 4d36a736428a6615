"""What the command prints on stdout: results, and with `--json` nothing else, whoever else prints."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TextIO

from convsim_nb.domain.errors import StoreError

_results: list[TextIO] = []


def out(text: str) -> None:
    """Print a result.

    Raises:
        BrokenPipeError: nobody reads it any more.
        StoreError: it goes to a file that takes no more.
    """
    stream = _results[-1] if _results else sys.stdout
    try:
        stream.write(f"{text}\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        print_no_more()
        raise StoreError(f"the result cannot be written to stdout: {error}") from None


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
    for stream in (sys.stdout, *_results):
        with suppress(OSError, ValueError, AttributeError):  # it is no file of the system
            if stream.fileno() != sys.stderr.fileno():
                _to_nowhere(stream.fileno())


def _to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
