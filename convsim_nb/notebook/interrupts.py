"""Ctrl-C and the kernel's interrupt while a cell waits for a run."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


class Interrupts:
    """Keeps an interrupt as a flag while we wait, so that it never falls between two messages of the kernel.

    `then` is called at the first one, on the main thread, and must return at once; a second one does
    what it did before we waited. Off the main thread Python hears no signals: there this does nothing.
    """

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self.heard = False
        self._then = then
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._hear)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.heard and callable(self._before):
            self._before(number, frame)
        self.heard = True
        self._then()


def interrupted(run: "Run") -> KeyboardInterrupt:
    """What an interrupted cell ends with: one line that says what is left of the run."""
    error = KeyboardInterrupt()
    # IPython prints what this returns instead of a stack; it asks when the run has ended.
    error._render_traceback_ = lambda: [f"KeyboardInterrupt: {_kept(run)}"]  # type: ignore[attr-defined]
    return error


def _kept(run: "Run") -> str:
    every = run.conversations
    over = sum(one.stop not in (None, "cancelled") for one in every)
    return f"run {run.run_id} was stopped: {over} of {len(every)} conversations had ended; what was done is kept"
