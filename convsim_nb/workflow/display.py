"""How a run shows itself and is waited for: plainly here, and otherwise where `notebook` fills the port."""

import math
import sys
import threading
import time
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.ports import Sink

if TYPE_CHECKING:
    from convsim_nb.workflow.cases import CaseSet
    from convsim_nb.workflow.run import Run

_SLICE = 0.5
"""Seconds."""


class Steps(Protocol):
    """Progress through a known number of steps."""

    def at(self, done: int) -> None:
        """So many steps are done."""
        ...

    def close(self, done: int, outcome: str) -> None:
        """No more will be done; say what came of them."""
        ...


class Display(Protocol):
    """What a place where runs are shown has to bring."""

    def show(self, run: "Run") -> Sink | None:
        """Begin to show a run; the sink hears its events."""
        ...

    def wait(self, run: "Run", timeout: float | None) -> bool:
        """Wait for the end, at most `timeout` seconds; True when it came.

        Raises:
            KeyboardInterrupt: the person interrupted; the run goes on until the caller stops it.
        """
        ...

    def awaiting(self, run: "Run") -> AbstractContextManager[None]:
        """Around an `await run`: an interrupt in it stops the run, and is raised when the run has ended."""
        ...

    def edit(self, cases: "CaseSet", *, path: str | None = None) -> Any:
        """Show test cases in a grid, and give the grid: its `cases` are what they are edited to.

        Raises:
            UsageError: there is nobody who could edit here.
        """
        ...

    def steps(self, total: int, noun: str) -> Steps:
        """Begin to show how many of so many steps are done."""
        ...


class Plain:
    """Terminals, jobs, nbclient: text on stderr, and a plain wait."""

    def show(self, run: "Run") -> Sink | None:
        """Progress as text."""
        from convsim_nb.views.text import TextProgress

        return TextProgress(state=run.state)

    def wait(self, run: "Run", timeout: float | None) -> bool:
        """Wait, so that Ctrl-C is heard on every system."""
        return wait_in_slices(run.ended, timeout)

    def awaiting(self, run: "Run") -> AbstractContextManager[None]:  # noqa: ARG002 - the port's form
        """Nothing: whoever runs the loop hears Ctrl-C."""
        return nullcontext()

    def edit(self, cases: "CaseSet", *, path: str | None = None) -> Any:  # noqa: ARG002 - the port's form
        """Refused: nobody edits in a job."""
        raise UsageError(
            "cases are edited in a notebook: elsewhere save them with .save('cases.yaml'), edit that file, and read it "
            "with load_cases('cases.yaml')"
        )

    def steps(self, total: int, noun: str) -> Steps:
        """A line of text on stderr."""
        from convsim_nb.views.steps import StepProgress

        return StepProgress(total, noun)


def wait_in_slices(ended: threading.Event, timeout: float | None) -> bool:
    """Wait for an event; only between slices does Python hear Ctrl-C on every system."""
    until = math.inf if timeout is None else time.monotonic() + timeout
    while not ended.wait(max(0.0, min(_SLICE, until - time.monotonic()))):
        if time.monotonic() >= until:
            return False
    return True


_display: list[Display] = []


def display() -> Display:
    """Where runs are shown now."""
    if not _display and _in_a_kernel():
        # The one place where `workflow` loads `notebook`, by its name: nothing below knows what is in it,
        # and what no kernel runs never loads a widget.
        import_module("convsim_nb.notebook.extension").attach()
    return _display[-1] if _display else Plain()


def show_in(place: Display | None) -> None:
    """Show all runs from now on in another place; None for what fits where this runs."""
    _display[:] = [] if place is None else [place]


def _in_a_kernel() -> bool:
    """Whether this is a live IPython kernel; IPython is not loaded to find out."""
    # Another thread may be importing IPython right now (MLflow does): then it has no such function yet.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and getattr(get_ipython(), "kernel", None) is not None
