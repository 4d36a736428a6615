"""How a run shows itself and is waited for: plainly here, and otherwise where `notebook` fills the port."""

from typing import TYPE_CHECKING, Protocol

from convsim_nb.engine.ports import Sink

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


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


class Plain:
    """Terminals, jobs, nbclient: text on stderr, and a plain wait."""

    def show(self, run: "Run") -> Sink | None:  # noqa: ARG002 - the port's form
        """Progress as text."""
        from convsim_nb.views.text import TextProgress

        return TextProgress()

    def wait(self, run: "Run", timeout: float | None) -> bool:
        """Wait in slices: only between them does Python hear Ctrl-C on every system."""
        return run.ended.wait(timeout)


_display: list[Display] = [Plain()]


def display() -> Display:
    """Where runs are shown now."""
    return _display[-1]


def show_in(place: Display) -> None:
    """Show all runs from now on in another place."""
    _display[:] = [place]
