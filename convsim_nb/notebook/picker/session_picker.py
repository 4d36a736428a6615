"""Picks recorded sessions out of a store, by hand, and distills them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from anywidget import AnyWidget

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.preview import SessionPreview
from convsim_nb.engine.ports import Chat
from convsim_nb.notebook.errands import Errands
from convsim_nb.notebook.page import STATIC, tell
from convsim_nb.notebook.picker.desk import SLOW, PickerDesk
from convsim_nb.notebook.picker.distillery import Distillery
from convsim_nb.notebook.picker.picking import PAGE, Change, Picking
from convsim_nb.notebook.picker.rows import head_json, outcomes_json, row_json
from convsim_nb.notebook.wishes import Wishes
from convsim_nb.views.words import count
from convsim_nb.workflow.browse import check_experiment
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.sessions import Sessions
from convsim_nb.workflow.shelves import GivenShelf, Query, StoreShelf


class SessionPicker(AnyWidget):
    """Lists the recorded sessions of an experiment, or those that are given, to pick from and to distill."""

    _esm = (STATIC / "session_picker.js").read_text(encoding="utf-8")
    _css = (STATIC / "session_picker.css").read_text(encoding="utf-8")

    def __init__(
        self,
        experiment: str | None = None,
        *,
        sessions: Any = None,
        model: str | Chat | None = None,
        simulated: bool = False,
        last: str | None = None,
        where: str | None = None,
        must_exist: bool = True,
        **traits: Any,
    ) -> None:
        """List in the background; nothing of the list is in the widget's own state, nor in a saved notebook.

        Raises:
            NotFoundError: no such experiment.

        Args:
            experiment: A name, an id or a path; by default the active experiment.
            sessions: Sessions to pick from in place of a store: what `load_sessions` takes.
            model: What distills, for "Distill selected"; asked for where it is not named.
            simulated: Whether sessions made by a simulator are listed too.
            last: How far back to look: "7d", "12h", "30m".
            where: A filter on traces in MLflow's language, such as "tags.team = 'billing'".
            must_exist: Whether an experiment that is not there is an error at once; else the list says so.
            traits: What every widget takes, such as `layout`.
        """
        if sessions is not None and (experiment is not None or where is not None):
            other = "where" if experiment is None else "experiment"
            raise UsageError(f"sessions and {other} are given: {other} is for a search in MLflow, leave one out")
        if experiment is not None and must_exist:
            check_experiment(experiment)
        super().__init__(**traits)
        shelf = StoreShelf(experiment) if sessions is None else GivenShelf(sessions)
        self._picking = Picking(shelf, Query(last=last, where=where or "", simulated=simulated), place=experiment or "")
        self._distillery = Distillery(self._picking, model)
        desk = PickerDesk(self._picking, self._distillery)
        self._states = Errands("convsim-picker-state")
        self._quick = Wishes(desk.do, tell=self._tell, name="convsim-picker")
        self._slow = Wishes(desk.do, tell=self._tell, name="convsim-picker-slow")
        self._seq = 0
        self._greeted: list[Callable[[], None]] = []
        self._picking.hearers.append(self._changed)
        self.on_msg(self._asked)
        self._picking.ask()

    # --- the list --------------------------------------------------------------------

    @property
    def listed(self) -> Sequence[SessionPreview]:
        """The sessions listed so far, the newest first; `picker.more()` lists on."""
        return self._picking.listed

    @property
    def problem(self) -> str:
        """Why the list could not be read; empty where it could."""
        return self._picking.problem

    def more(self, sessions: int | None = PAGE) -> None:
        """List so many more, or all (None); returns at once."""
        self._picking.more(sessions)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being listed or distilled; False where that takes longer than `timeout` seconds."""
        return self._picking.wait(timeout) and self._distillery.wait(timeout)

    # --- what is selected ------------------------------------------------------------

    @property
    def selected(self) -> tuple[str, ...]:
        """The ids of what is selected, in the order of the list; may be set.

        Setting raises:
            NotFoundError: an id that is not listed.
        """
        return self._picking.picked

    @selected.setter
    def selected(self, ids: Sequence[str]) -> None:
        self._picking.pick_only([ids] if isinstance(ids, str) else ids)

    def on_select(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change of what is selected, on the thread that made it."""
        self._picking.hearers.append(lambda change: callback() if change.added or change.removed else None)

    def read(self) -> Sessions:
        """The selected sessions whole, with all their messages.

        Raises:
            UsageError: none is selected, or none of them holds a message.
            StoreError: the store did not answer.
        """
        if not self.selected:
            raise UsageError("no session is selected: click some in the list, or set picker.selected")
        return self._picking.read(self.selected)

    # --- distilling ------------------------------------------------------------------

    @property
    def cases(self) -> CaseSet:
        """All test cases that were distilled here."""
        return self._distillery.cases

    def distill(self, model: str | Chat | None = None, *, again: bool = False, **options: Any) -> None:
        """Distill what is selected, in the background; `wait()` waits for it, `stop()` ends it.

        Sessions that this model has distilled here before are left out, unless `again`: nothing is paid for twice.
        `options` are those of `cs.distill`.

        Raises:
            UsageError: nothing is selected or left to distill, or sessions are being distilled already.
            ModelNameError: no model is named, or none that is known.
        """
        self._distillery.begin(self.selected, model=model, again=again, **options)

    def stop(self) -> None:
        """End what is being distilled, and keep what was done; returns at once."""
        self._distillery.stop()

    def on_distilled(self, callback: Callable[[CaseSet], None]) -> None:
        """Call `callback` with what each "Distill selected" gave, on a worker thread."""
        self._distillery.callbacks.append(callback)

    def on_model(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the model that a person named, each time that it begins to distill."""
        self._distillery.on_model.append(callback)

    # --- where it is shown -----------------------------------------------------------

    def __repr__(self) -> str:
        return f"SessionPicker: {self.said}"

    @property
    def said(self) -> str:
        """In a line, what is selected, of how many, and what came of it."""
        listed = self._picking.list
        far = "" if listed is None or listed.complete else " loaded so far"
        cases = f", {count(len(self.cases), 'test case')}" if len(self.cases) else ""
        place = f"{self._picking.place}: " if self._picking.place else ""
        return f"{place}{len(self.selected):,} selected of {count(len(self.listed), 'session')}{far}{cases}"

    def on_heard(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever a page shows the picker anew."""
        self._greeted.append(callback)

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call `callback` after each change of list, selection or distilling, on the thread that made it."""
        self._picking.hearers.append(lambda _: callback())

    def _ipython_display_(self) -> None:
        from convsim_nb.notebook.picker.shown import show_picker

        show_picker(self, self._picking, self._distillery)

    # --- the pages -------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        self._seq += 1
        told = {
            "rows": [row_json(each, self._picking.shelf) for each in change.rows],
            "added": list(change.added),
            "removed": list(change.removed),
            "outcomes": outcomes_json(self._distillery.outcomes, change.outcomes),
            "reset": change.reset,
            "head": head_json(self._picking, self._distillery),
        }
        self._tell({"type": "batch", "seq": self._seq, **told})

    def _tell_all(self, view: str) -> None:
        with self._picking.lock:
            outcomes = self._distillery.outcomes
            state = {
                "rows": [row_json(each, self._picking.shelf) for each in self.listed],
                "selected": list(self.selected),
                "outcomes": outcomes_json(outcomes, outcomes),
                "head": head_json(self._picking, self._distillery),
            }
            self._tell({"type": "state", "to": view, "seq": self._seq, **state})

    def _tell(self, message: dict[str, Any]) -> None:
        tell(self, message)

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a page wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                self._states.add(partial(self._tell_all, view))  # of ten thousand rows it takes a moment
                for greeted in tuple(self._greeted):
                    greeted()
            case {"type": "ping", "view": str(view)}:
                self._tell({"type": "pong", "to": view})
            case {"type": "pick", "view": str(view), "add": list(add), "remove": list(remove)}:
                self._picking.pick(filter(_is_text, add), filter(_is_text, remove))
                self._tell({"type": "picked", "to": view, "click": content.get("click", 0)})
            case {"type": "do", "view": str(), "id": str(), "what": str(what), "given": dict()}:
                (self._slow if what in SLOW else self._quick).take(content)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)
