"""What a person who waits is told: nothing at first, and what it is that takes long."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from convsim_nb.workflow.display import Plain, display

PATIENCE = 2.0
"""Seconds for which nobody wonders what is waited for."""


@contextmanager
def said_if_long(what: str, *, progress: bool) -> Iterator[None]:
    """Say once on stderr what is being done, where it takes long and runs are shown as text."""
    if not progress or not isinstance(display(), Plain):
        yield
        return
    late = threading.Timer(PATIENCE, sys.stderr.write, [f"convsim: {what} ...\n"])
    late.daemon = True
    late.start()
    try:
        yield
    finally:
        late.cancel()
