"""What was in memory before a run is not searched for garbage while it plays.

MLflow, LiteLLM and pandas alone make a third of a million objects, and Python's collector walks all of them
every so often: a pause of 50 to 150 ms for every conversation, and for the text that streams to the screen.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_runs = 0
_ours = False


@contextmanager
def standing_heap() -> Iterator[None]:
    """Leave what is there now out of garbage collection; a freeze of somebody else's is not touched."""
    global _runs, _ours  # noqa: PLW0603 - the collector is the process's, and so is the count of who needs it still
    with _lock:
        _runs += 1
        if _runs == 1 and gc.isenabled() and not gc.get_freeze_count():
            gc.freeze()
            _ours = True
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if not _runs and _ours:
                gc.unfreeze()
                _ours = False
