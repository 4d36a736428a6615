"""The live view of a run: conversations that fill in while they are played, in one widget."""

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from anywidget import AnyWidget

from convsim_nb.domain.events import RunEvent
from convsim_nb.domain.state import RunState
from convsim_nb.notebook.live.desk import Desk, problem_of
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.notebook.live.stream import EventStream
from convsim_nb.notebook.page import STATIC, tell

_REMEMBERED = 1000
_STEERS = {"stop", "pause", "resume", "say", "fork", "again", "label", "concurrency", "case"}
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
        self._asked_before: OrderedDict[str, None] = OrderedDict()
        self._waiting: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
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
            case {"type": "do", "view": str(), "id": str(asked), "what": str(), "given": dict()}:
                self._take_on(asked, content)

    # --- what a person does ----------------------------------------------------------

    def _take_on(self, asked: str, content: dict[str, Any]) -> None:
        """Each wish once, in order, and off the kernel's thread: a fork waits for the engine's loop."""
        if self._desk is None or asked in self._asked_before:
            return
        self._asked_before[asked] = None
        if len(self._asked_before) > _REMEMBERED:
            self._asked_before.popitem(last=False)
        self._waiting.put(content)
        if self._worker is None or not self._worker.is_alive():
            self._worker = threading.Thread(target=self._work, args=(self._desk,), name="convsim-desk", daemon=True)
            self._worker.start()

    def _work(self, desk: Desk) -> None:
        while self.comm is not None:  # closed with the view
            try:
                asked = self._waiting.get(timeout=60)
            except queue.Empty:
                continue
            answer = {"to": asked["view"], "id": asked["id"]}
            try:
                done = desk.do(asked["what"], asked["given"])
            except Exception as error:  # noqa: BLE001 - whatever fails, the person has to hear of it
                self._stream.tell({"type": "refused", **answer, "problem": sendable(problem_of(error))})
                continue
            keys = {name: done[name] for name in ("key", "keys") if name in done}  # things are found again by them
            self._stream.tell({"type": "done", **answer, "result": {**sendable(done), **keys}})
            if asked["what"] in _STEERS:
                self._stream.say_steering()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
