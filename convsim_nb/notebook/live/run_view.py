"""The live view of a run: conversations that fill in while they are played, in one widget."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from anywidget import AnyWidget

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import RunEvent
from convsim_nb.domain.state import RunState
from convsim_nb.notebook.live.desk import Desk
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.notebook.live.stream import EventStream
from convsim_nb.notebook.page import STATIC, tell
from convsim_nb.notebook.wishes import Wishes

_STEERS = {"stop", "pause", "resume", "say", "fork", "again", "label", "concurrency", "case", "drop_case"}
"""What a person may do that other views should see."""


class RunView(AnyWidget):
    """Shows a run in a notebook, and lets a person step in.

    A sink of the run's events: it sends them to the browser, which folds them as `state` does. Nothing
    of the run is in the widget's own state, so that a saved notebook does not carry it.
    """

    _esm = (STATIC / "run_view.js").read_text(encoding="utf-8")
    _css = (STATIC / "run_view.css").read_text(encoding="utf-8")

    def __init__(
        self,
        state: RunState,
        *,
        stop: Callable[[], None],
        desk: Desk | None = None,
        heard: Callable[[], None] = lambda: None,
        **traits: Any,
    ) -> None:
        """Show `state`, which must have folded every event before it is heard here.

        `stop` is called on the kernel's thread, once or more often, and must return at once. `desk` takes
        all else that a person asks for, on a thread of its own; without one a person can only stop.
        `heard` is called whenever a page shows the view anew.
        """
        super().__init__(**traits)
        self._stop, self._desk, self._heard = stop, desk, heard
        steering, scored = (desk.steering, desk.scored) if desk else (dict, lambda _: {})
        self._stream = EventStream(state, partial(tell, self), steering=steering, scored=scored)
        self._wishes = Wishes(self._do, tell=self._stream.tell, name="convsim-desk")
        self.on_msg(self._asked)

    def __call__(self, event: RunEvent) -> None:
        """Show an event within 50 ms."""
        self._stream.take(event)

    def tell_beside(self) -> None:
        """Scores or labels have changed, of which no event tells; may be called on any thread."""
        self._stream.say_steering()

    def close_stream(self) -> None:
        """The run is over: send what is left. The view stays, and may be looked at again."""
        self._stream.close()

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a view wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                self._stream.answer(view, _text(content.get("open")))
                self._heard()
            case {"type": "ping", "view": str(view)}:
                self._stream.tell({"type": "pong", "to": view})
            case {"type": "open", "view": str(view), "key": str(key)}:
                self._stream.open(view, key)
            case {"type": "stop"} if not self._stream.state.ended:
                self._stream.say_stopping()
                self._stop()
            case {"type": "do", "view": str(), "id": str(), "what": str(), "given": dict()}:
                self._wishes.take(content)

    # --- what a person does ----------------------------------------------------------

    def _do(self, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
        if self._desk is None:
            raise UsageError(f"{what}: this view only watches; take the run itself")
        done = self._desk.do(what, given)
        if what in _STEERS:
            self._stream.say_steering()
        keys = {name: done[name] for name in ("key", "keys") if name in done}  # things are found again by them
        return {**sendable(done), **keys}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
