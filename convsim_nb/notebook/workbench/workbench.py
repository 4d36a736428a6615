"""The workbench: sessions, cases, Run and its results in one place, for work by hand."""

import threading
from datetime import datetime
from typing import Any, Unpack

import ipywidgets as widgets
from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle, display

from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.notebook.display import PROBE_SECONDS, Bundle, NotebookDisplay, cell_id, folded, view_kind
from convsim_nb.notebook.extension import attach
from convsim_nb.notebook.grid.case_grid import CaseGrid
from convsim_nb.notebook.picker.session_picker import SessionPicker
from convsim_nb.notebook.settling import Settling
from convsim_nb.notebook.workbench.bar import WorkbenchPart
from convsim_nb.notebook.workbench.desk import Offer, WorkbenchDesk
from convsim_nb.notebook.workbench.draft import Draft, Kept, fingerprint, same_cases
from convsim_nb.notebook.workbench.runs import RunShelf
from convsim_nb.notebook.workbench.settings import Settings
from convsim_nb.views.static_html import cases_html, run_html
from convsim_nb.views.words import count
from convsim_nb.workflow.browse import check_experiment
from convsim_nb.workflow.cases import CaseSet, load_cases
from convsim_nb.workflow.display import display as shown_now
from convsim_nb.workflow.options import SimulateOptions, spelled_out
from convsim_nb.workflow.run import Run

_PERIOD = 0.15
"""Seconds between two tellings of what changed."""
_SETTLED = 2.0
"""Seconds without a change after which the saved form is drawn anew."""
_MOST_BYTES = 500_000
"""Of the cases, and of the run, in the saved form."""
_NOTHING: Bundle = {"text/plain": ""}


class Workbench:
    """Pick sessions, distill them, edit the cases, run them against an agent, and read what came of it.

    Opened again by the same cell with the same arguments, it is the same workbench: nothing is lost.
    """

    @spelled_out
    def __init__(
        self,
        agent: Any = None,
        *,
        cases: Any = None,
        sessions: Any = None,
        **options: Unpack[SimulateOptions],
    ) -> None:
        """Open a workbench; the last expression of a cell shows it. `user_model` distills, too.

        `experiment` is that of the sessions and of the runs.

        Raises:
            UsageError: an argument is wrong, or there is no notebook around.
            NotFoundError: no such experiment, and there is nothing else to begin with.

        Args:
            agent: The agent under test, or its name: it is looked up again at each run.
            cases: Test cases to begin with: a CaseSet, a list, a frame, or a file.
            sessions: Recorded sessions to pick from, in the place of an experiment's.
        """
        place = _place()
        shell = place.shell
        begun = None if cases is None else load_cases(cases)
        given = {"agent": agent, **options}
        experiment = options.get("experiment")
        if experiment and cases is None and sessions is None:  # with cases it may be one that their run makes
            check_experiment(experiment)
        opened_with = [fingerprint(begun), experiment, sessions is not None]  # the same in the next kernel
        cell = cell_id(shell)
        key = (id(shell), cell, repr([*opened_with, id(sessions)]))
        if key in _open:
            self._room = _open[key]
            self._room.open_again(given)
            return
        in_use = [each.desk.draft.path for each in _open.values()]
        draft = Draft.of(opened_with, cell=cell, in_use=in_use)
        room = Room(place, begun, settings=Settings(shell.user_ns, given), draft=draft)
        room.picks_from(experiment, sessions, model=options.get("user_model"))
        self._room = _open[key] = room

    @property
    def grid(self) -> CaseGrid:
        """The test cases: `grid.cases` are the valid ones, and may be set."""
        return self._room.desk.grid

    @property
    def picker(self) -> SessionPicker:
        """The sessions; they are listed from the first time that this is asked for, or shown."""
        self._room.desk.open_sessions()
        picker = self._room.desk.picker
        assert picker is not None  # noqa: S101 - it was opened
        return picker

    @property
    def runs(self) -> tuple[Run, ...]:
        """The runs that were played here, or taken up from disk, the newest first."""
        return self._room.desk.shelf.runs

    @property
    def run(self) -> Run | None:
        """The newest of them."""
        return self.runs[0] if self.runs else None

    def play(self) -> Run:
        """Do what the button Run does: play the marked cases, or all, with the settings as they stand.

        Raises:
            UsageError: there is no valid case, no agent or no model; said before any model is called.
        """
        desk = self._room.desk
        return desk.play(desk.chosen())

    def __repr__(self) -> str:
        return self._room.line

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Workbench) and self._room is other._room

    def __hash__(self) -> int:
        return id(self._room)

    def _ipython_display_(self) -> None:
        self._room.show()


class Room:
    """The widgets of a workbench, where they stand, and when they are told what changed."""

    def __init__(self, place: NotebookDisplay, begun: CaseSet | None, *, settings: Settings, draft: Draft) -> None:
        self._shell = place.shell
        self._changes = threading.Lock()
        self._due = False
        self._settling = Settling(self._settle, seconds=_SETTLED)
        self._handles: list[DisplayHandle] = []
        self._probes: list[threading.Timer] = []
        self._plain: list[tuple[Any, DisplayHandle]] = []
        self._picked: dict[str, Any] = {}
        self._kept: Bundle = {}
        self._texts: list[DisplayHandle] = []
        self._unkept = ""
        self.shelf = RunShelf(place, self.changed)
        self.desk = WorkbenchDesk(
            CaseGrid(begun or ()),
            settings=settings,
            shelf=self.shelf,
            draft=draft,
            make_picker=lambda: SessionPicker(**self._picked),
            changed=self.changed,
        )
        self.bar: WorkbenchPart | None = None
        self._begun = begun
        settings.bring_back(draft.settings())
        self._offer_what_is_on_disk()
        # A cell may have defined the agent anew. Not `post_execute`, which each word of a page sets off, too.
        place.shell.events.register("post_run_cell", lambda _: self._after_cell())

    def picks_from(self, experiment: str | None, sessions: Any, *, model: Any) -> None:
        """Where the sessions come from, and what distills them."""
        self._picked = {"experiment": experiment, "sessions": sessions, "model": model, "must_exist": False}
        if self._begun is None or experiment is not None or sessions is not None:
            self.desk.open_sessions()

    def open_again(self, given: dict[str, Any]) -> None:
        """The cell was run again: what it passes counts, and what was edited stays, which is said."""
        self.desk.settings.take({name: value for name, value in given.items() if value is not None})
        begun = self._begun or CaseSet()
        if self._begun is not None and not same_cases(self.desk.grid.cases, begun):
            text = "This is the workbench as you left it: its cases differ from those that were passed."
            self.desk.offer(Offer(begun, text=text, name="Take those that were passed"))
        self.changed()

    def _offer_what_is_on_disk(self) -> None:
        try:
            found = self.desk.draft.set_aside(self.desk.grid.cases)
        except OSError as error:
            self.desk.trouble = f"what was edited here earlier cannot be set aside: {error}"
            return
        self.desk.offer(*(self._offer_of(kept) for kept in found))

    def _offer_of(self, kept: Kept) -> Offer:
        name = "Bring it back" if len(kept.rows or kept.cases) == 1 else "Bring them back"
        return Offer(kept.cases, text=kept.words, name=name, rows=kept.rows, settled=kept.drop)

    # --- telling ---------------------------------------------------------------------

    def changed(self) -> None:
        """Something changed: the pages are told soon, on a thread of its own."""
        with self._changes:
            if self._due:
                return
            self._due = True
        timer = threading.Timer(_PERIOD, self._tell)
        timer.daemon = True
        timer.start()

    def _tell(self) -> None:
        with self._changes:
            self._due = False
        self._keep()
        if self.bar is None:
            return
        self._lay_out()
        state = self.desk.as_json()
        self.bar.tell_all(state)
        self.runs_part.tell_all(state)
        self._settling.soon()
        if (run := self.shelf.playing) is not None and run.state.ended:
            self.changed()  # it is still being written somewhere, and no event tells when that is done

    def _keep(self) -> None:
        """Write what was edited to disk."""
        try:
            self.desk.draft.write(self.desk.grid.cases, self.desk.grid.rows)
            self.desk.draft.write_settings(self.desk.settings.to_keep)
        except OSError as error:
            self._unkept = self.desk.trouble = f"the edits cannot be kept on disk: {error}"
        else:
            if self.desk.trouble == self._unkept:
                self.desk.trouble = ""

    # --- laying out ------------------------------------------------------------------

    def build(self) -> None:
        bar = WorkbenchPart(self, part="bar")
        self.runs_part = WorkbenchPart(self, part="runs")
        self._run_pane = _box("cs-wb-runs-pane", self.runs_part)
        self._session_pane = _box("cs-wb-sessions-pane")
        panes = _box("cs-wb-panes", self._session_pane, _box("cs-wb-cases-pane", self.desk.grid), self._run_pane)
        self.box = _box("convsim-workbench cs-look", bar, panes)
        self.shelf.show_live()
        self._lay_out()
        self.bar = bar  # last: with it, other threads tell all the parts

    def _lay_out(self) -> None:
        """Put what is shown now into the panes."""
        view = self.shelf.shown.view if self.shelf.shown is not None else None
        shown = (self.runs_part,) if view is None else (self.runs_part, view)
        picked = () if self.desk.picker is None else (self.desk.picker,)
        for pane, children in ((self._run_pane, shown), (self._session_pane, picked)):
            if tuple(pane.children) != children:
                pane.children = children

    def do(self, what: str, given: Any) -> Any:
        """Do what a page asks for; a run stands in its pane before the page hears that it has begun."""
        if what == "form":  # a page that was loaded since it was drawn: no update reaches that one
            return {"form": folded(self._kept, as_of=self.desk.kept_as_of)}
        try:
            done = self.desk.do(what, given)
        except ConvsimError:
            self._tell()  # what it was refused for is known to the page before the refusal: a later change clears it
            raise
        if what == "run":
            self._tell()
        return done

    def as_json(self) -> Any:
        """What the pages show."""
        return self.desk.as_json()

    def heard(self) -> None:
        """A page shows the workbench: plain widgets need not stand in for it."""
        while self._probes:
            self._probes.pop().cancel()
        while self._plain:
            plain, handle = self._plain.pop()
            plain.close()
            handle.update(_NOTHING, raw=True)  # type: ignore[no-untyped-call]

    # --- in a cell -------------------------------------------------------------------

    def show(self) -> None:
        """Show it in the cell that is running: live where there is a page, else as it stands."""
        kind = view_kind(self._shell)
        if kind == "text":
            self._show_text()
            return
        if kind == "plain":
            self._show_plain()
            return
        if self.bar is None:
            self.build()
        DisplayHandle().display(self._as_widget(), raw=True)  # type: ignore[no-untyped-call]
        self._probe()
        handle = DisplayHandle()  # type: ignore[no-untyped-call]
        self._kept = {}
        handle.display(form := self._kept_form(), raw=True)  # type: ignore[no-untyped-call]
        self._redraw(self._handles, form)
        self._handles.append(handle)
        self.changed()

    def _as_widget(self) -> dict[str, Any]:
        """The widget, with a line for those who cannot show it in the place of a listing of its parts."""
        return {**self.box._repr_mimebundle_(), "text/plain": self.line}

    @property
    def line(self) -> str:
        """What it is, in a line."""
        runs = self.shelf.runs
        played = f", {count(len(runs), 'run')}" if runs else ""
        return f"Workbench: {count(len(self.desk.grid.cases), 'test case')}{played}"

    def _probe(self) -> None:
        """Put plain widgets in where no page asks for the state."""
        handle = DisplayHandle()  # type: ignore[no-untyped-call]
        handle.display(_NOTHING, raw=True)  # type: ignore[no-untyped-call]
        timer = threading.Timer(PROBE_SECONDS, lambda: self._stand_in(handle))
        timer.daemon = True
        timer.start()
        self._probes.append(timer)

    def _stand_in(self, handle: DisplayHandle) -> None:
        from convsim_nb.notebook.workbench.plain import PlainWorkbench

        plain = PlainWorkbench(self.desk)
        handle.update(plain.box)  # type: ignore[no-untyped-call]
        self._plain.append((plain, handle))

    def _show_plain(self) -> None:
        from convsim_nb.notebook.workbench.plain import PlainWorkbench

        self.shelf.kind = "plain"
        plain = PlainWorkbench(self.desk)
        display(plain.box)  # type: ignore[no-untyped-call]

    def _show_text(self) -> None:
        handle = DisplayHandle()  # type: ignore[no-untyped-call]
        self._kept = self.bundle()
        handle.display(self._kept, raw=True)  # type: ignore[no-untyped-call]
        if getattr(self._shell, "kernel", None) is not None:  # a terminal would print it once more
            self._redraw(self._texts, self._kept)
            self._texts.append(handle)

    def _after_cell(self) -> None:
        """A cell was run: it may have changed what others show."""
        self.desk.have_changed()
        if self._texts and (bundle := self.bundle()) != self._kept:
            self._kept = bundle
            self._redraw(self._texts, bundle)

    @staticmethod
    def _redraw(handles: list[DisplayHandle], form: Bundle) -> None:
        """Every cell that shows the workbench keeps the same."""
        for handle in handles:
            handle.update(form, raw=True)  # type: ignore[no-untyped-call]

    def _settle(self) -> None:
        """Draw the saved form: nothing has changed for a while."""
        if self.shelf.playing is not None:
            return
        before, form = self.desk.kept_as_of, self._kept_form()
        if self.desk.kept_as_of == before:
            return
        self._redraw(self._handles, form)
        self.changed()

    def _kept_form(self) -> Bundle:
        """What a saved notebook shows, with the hour from which on it has been so."""
        bundle = self.bundle()
        if bundle != self._kept:
            self._kept, self.desk.kept_as_of = bundle, f"{datetime.now().astimezone():%H:%M:%S}"
        return folded(bundle, as_of=self.desk.kept_as_of)

    def bundle(self) -> Bundle:
        """The workbench as a saved notebook shows it: its cases, and the run that is shown."""
        grid, shown = self.desk.grid, self.shelf.shown
        said = cases_html(grid.cases, grid.problems, max_bytes=_MOST_BYTES)
        if shown is not None:
            said += run_html(shown.run.state, scores=shown.run.scores, max_bytes=_MOST_BYTES)
        return {"text/html": said, "text/plain": self.line}


def _box(names: str, *children: Any) -> Any:
    box = widgets.Box(children)
    for name in names.split():
        box.add_class(name)
    return box


def _place() -> NotebookDisplay:
    """Where runs are shown in this notebook."""
    place = shown_now()
    if isinstance(place, NotebookDisplay):
        return place
    if get_ipython() is None:
        raise UsageError("a workbench needs a notebook: in a script, call simulate(cases, agent, ...)")
    return attach()


_open: dict[tuple[int, str, str], Room] = {}
"""The workbenches of this kernel, by their cell and what they were opened with."""
