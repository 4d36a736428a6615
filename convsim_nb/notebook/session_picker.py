"""Picks recorded sessions out of a store, by hand, and distills them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from anywidget import AnyWidget

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.preview import SessionPreview
from convsim_nb.engine.ports import Chat
from convsim_nb.notebook.page import tell
from convsim_nb.notebook.picker_rows import row_json
from convsim_nb.notebook.picking import Change, Picking
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.sessions import Sessions
from convsim_nb.workflow.shelves import GivenShelf, Query, StoreShelf

_STATIC = Path(__file__).parent / "static"


class SessionPicker(AnyWidget):
    """Lists the recorded sessions of an experiment, or those that are given, to pick from and to distill."""

    _esm = (_STATIC / "session_picker.js").read_text(encoding="utf-8")
    _css = (_STATIC / "session_picker.css").read_text(encoding="utf-8")

    def __init__(
        self,
        experiment: str | None = None,
        *,
        sessions: Any = None,
        model: str | Chat | None = None,
        simulated: bool = False,
        last: str | None = None,
        where: str | None = None,
        **traits: Any,
    ) -> None:
        """List in the background; nothing of the list is in the widget's own state, nor in a saved notebook.

        Args:
            experiment: A name, an id or a path; by default the active experiment.
            sessions: Sessions to pick from in place of a store: what `load_sessions` takes.
            model: What distills, for "Distill selected"; asked for where it is not named.
            simulated: Whether sessions made by a simulator are listed too.
            last: How far back to look: "7d", "12h", "30m".
            where: A filter on traces in MLflow's language, such as "tags.team = 'billing'".
            traits: What every widget takes, such as `layout`.
        """
        super().__init__(**traits)
        if sessions is not None and experiment is not None:
            raise UsageError("experiment and sessions are given: give one of the two")
        self.model = model
        self._seq = 0
        self._callbacks: list[Callable[[CaseSet], None]] = []
        shelf = StoreShelf(experiment) if sessions is None else GivenShelf(sessions)
        query = Query(last=last, where=where or "", simulated=simulated)
        self._picking = Picking(shelf, query, heard=self._changed)
        self.on_msg(self._asked)
        self._picking.ask()

    # --- in Python -------------------------------------------------------------------

    @property
    def listed(self) -> Sequence[SessionPreview]:
        """The sessions listed so far, the newest first."""
        return self._picking.listed

    @property
    def selected(self) -> tuple[str, ...]:
        """The ids of what is selected, in the order of the list; may be set."""
        return self._picking.picked

    @selected.setter
    def selected(self, ids: Sequence[str]) -> None:
        self._picking.pick_only([ids] if isinstance(ids, str) else ids)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until what was asked for is listed; False where that takes longer than `timeout` seconds."""
        return self._picking.wait(timeout)

    def read(self) -> Sessions:
        """The selected sessions whole, with all their messages.

        Raises:
            UsageError: none is selected, or none of them holds a message.
            StoreError: the store did not answer.
        """
        if not self.selected:
            raise UsageError("no session is selected: click some in the list, or set picker.selected")
        return self._picking.read(self.selected)

    def on_distilled(self, callback: Callable[[CaseSet], None]) -> None:
        """Call `callback` with what each "Distill selected" gave, on a worker thread."""
        self._callbacks.append(callback)

    # --- the pages -------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        self._seq += 1
        tell(
            self,
            {
                "type": "batch",
                "seq": self._seq,
                "rows": [row_json(each) for each in change.rows],
                "added": list(change.added),
                "removed": list(change.removed),
                "reset": change.reset,
                "head": self._head(),
            },
        )

    def _head(self) -> dict[str, Any]:
        listed = self._picking.list
        return {
            "loading": self._picking.loading,
            "problem": self._picking.problem,
            "complete": listed is not None and listed.complete,
            "place": listed.place if listed is not None else "",
        }

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a page wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                with self._picking.lock:
                    rows = [row_json(each) for each in self.listed]
                    state = {"rows": rows, "selected": list(self.selected), "head": self._head()}
                    tell(self, {"type": "state", "to": view, "seq": self._seq, **state})
            case {"type": "ping", "view": str(view)}:
                tell(self, {"type": "pong", "to": view})
            case {"type": "do", "view": str(view), "id": str(asked), "what": "pick", "given": dict(given)}:
                self._picking.pick(given.get("add", ()), given.get("remove", ()))
                tell(self, {"type": "done", "to": view, "id": asked, "result": {}})
