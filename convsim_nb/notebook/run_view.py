"""The live view of a run: conversations that fill in while they are played, in one widget."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from anywidget import AnyWidget

from convsim_nb.domain.events import RunEvent
from convsim_nb.domain.state import RunState
from convsim_nb.notebook.page import tell
from convsim_nb.notebook.stream import EventStream

_STATIC = Path(__file__).parent / "static"


class RunView(AnyWidget):
    """Shows a run in a notebook, and lets a person stop it.

    A sink of the run's events: it sends them to the browser, which folds them as `state` does. Nothing
    of the run is in the widget's own state, so that a saved notebook does not carry it.
    """

    _esm = (_STATIC / "run_view.js").read_text(encoding="utf-8")
    _css = (_STATIC / "run_view.css").read_text(encoding="utf-8")

    def __init__(self, state: RunState, *, stop: Callable[[], None], **traits: Any) -> None:
        """Show `state`, which must have folded every event before it is heard here.

        `stop` is called on the kernel's thread, once or more often, and must return at once.
        """
        super().__init__(**traits)
        self._stop = stop
        self._stream = EventStream(state, partial(tell, self))
        self.on_msg(self._asked)

    def __call__(self, event: RunEvent) -> None:
        """Show an event within 50 ms."""
        self._stream.take(event)

    def close_stream(self) -> None:
        """The run is over: send what is left. The view stays, and may be looked at again."""
        self._stream.close()

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a view wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                self._stream.answer(view, _text(content.get("open")))
            case {"type": "open", "view": str(view), "key": str(key)}:
                self._stream.open(view, key)
            case {"type": "stop"} if not self._stream.state.ended:
                self._stream.say_stopping()
                self._stop()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
