"""Sessions to pick from where widgets of one's own do not show: a list, a transcript, the plainest of fields."""

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.domain.preview import SessionPreview
from convsim_nb.notebook.errands import Errands
from convsim_nb.notebook.live.desk import problem_of
from convsim_nb.notebook.picker.distillery import Distillery
from convsim_nb.notebook.picker.picking import Change, Picking
from convsim_nb.views.hidden import visible
from convsim_nb.views.session_table import cut, marks, when
from convsim_nb.views.static_html import session_html
from convsim_nb.views.words import count
from convsim_nb.workflow.shelves import StoreShelf

_WIDE = widgets.Layout(width="98%")
_LONGEST = 90
_TIMES = [
    ("Any time", ""),
    ("Last hour", "1h"),
    ("Last 24 hours", "24h"),
    ("Last 7 days", "7d"),
    ("Last 30 days", "30d"),
    ("Last 90 days", "90d"),
]
_ORDERS = ["Newest first", "Oldest first", "Most marks first", "Most turns first"]
_PERIOD = 0.3
"""Seconds between two drawings."""


class PlainPicker:
    """The same list and the same distilling as the live view's, by ipywidgets alone."""

    def __init__(self, picking: Picking, distillery: Distillery) -> None:
        self._picking, self._distillery = picking, distillery
        self._errands = Errands("convsim-plain-picker")
        self._closed = False
        self._drawer = 0
        """The thread that draws: what it sets is nobody's wish."""
        self._timer: threading.Timer | None = None
        self._experiment = widgets.Combobox(description="Experiment", ensure_option=False, continuous_update=False)
        last = picking.query.last or ""
        known = any(last == value for _, value in _TIMES)
        times = _TIMES if known else [*_TIMES, (f"Last {last}", last)]
        self._last = widgets.Dropdown(description="Time", options=times, value=last)
        self._where = widgets.Text(
            description="Filter",
            value=picking.query.where,
            placeholder="tags.team = 'billing'",
            continuous_update=False,
            layout=_WIDE,
        )
        self._simulated = widgets.Checkbox(description="Simulated sessions too", value=picking.query.simulated)
        self._search = widgets.Text(description="Search", placeholder="in what is loaded")
        self._order = widgets.Dropdown(description="Order", options=_ORDERS)
        self._list = widgets.SelectMultiple(description="Sessions", rows=12, layout=_WIDE)
        self._said = widgets.HTML()
        self._problem = widgets.HTML()
        self._shown = widgets.HTML()
        self._model = widgets.Text(
            description="Model", value=distillery.model if isinstance(distillery.model, str) else "", layout=_WIDE
        )
        self._progress = widgets.IntProgress(
            description="Distilled", layout=widgets.Layout(width="60%", display="none")
        )
        self._outcome = widgets.HTML()
        self.box = widgets.VBox(self._rows())
        self._listen()
        picking.hearers.append(self._changed)
        self._draw()

    def close(self) -> None:
        """Take it away: the page shows the real one."""
        self._closed = True
        self._picking.hearers.remove(self._changed)
        self.box.close()

    def _rows(self) -> list[Any]:
        asked = [self._experiment, self._last] if isinstance(self._picking.shelf, StoreShelf) else []
        store = [self._where, self._simulated] if asked else []
        return [
            *([widgets.HBox(asked)] if asked else []),
            *store,
            widgets.HBox([self._search, self._order]),
            self._list,
            widgets.HBox(
                [
                    self._button("Load more", self._more),
                    self._button("All shown", lambda: self._picking.pick(self._ids())),
                    self._button("None", lambda: self._picking.pick_only(())),
                    self._button("Read", self._read),
                    self._said,
                ]
            ),
            self._problem,
            self._model,
            widgets.HBox(
                [
                    self._button("Estimate", self._estimate),
                    self._button("Distill selected", self._distill),
                    self._button("Stop distilling", self._distillery.stop),
                ]
            ),
            self._progress,
            self._outcome,
            self._shown,
        ]

    def _listen(self) -> None:
        for field, name in ((self._experiment, "experiment"), (self._last, "last"), (self._where, "where")):
            field.observe(lambda change, name=name: self._query(name, change["new"]), names="value")
        self._simulated.observe(lambda change: self._query("simulated", change["new"]), names="value")
        self._list.observe(self._picked, names="value")
        for each in (self._search, self._order):
            each.observe(lambda _: self._draw(), names="value")
        if isinstance(self._picking.shelf, StoreShelf):
            self._errands.add(self._name_experiments)

    # --- drawing ---------------------------------------------------------------------

    def _changed(self, _change: Change) -> None:
        """Drawn soon, on a thread of its own: changes come in crowds, and from threads that hold the lock."""
        if self._timer is None or not self._timer.is_alive():
            self._timer = threading.Timer(_PERIOD, self._draw)
            self._timer.daemon = True
            self._timer.start()

    def _draw(self) -> None:
        if self._closed:
            return
        with self._picking.lock:
            self._drawer = threading.get_ident()
            try:
                self._draw_list()
                self._draw_job()
            finally:
                self._drawer = 0

    @property
    def _drawing(self) -> bool:
        return self._drawer == threading.get_ident()

    def _draw_list(self) -> None:
        options = [(_line(each), each.id) for each in self._fitting()]
        if list(self._list.options) != options:
            self._list.value = ()
            self._list.options = options
        shown, picked = {each for _, each in options}, self._picking.picked
        self._list.value = tuple(each for each in picked if each in shown)
        if self._picking.place:
            self._experiment.value = self._picking.place
        listed = self._picking.list
        far = count(len(self._picking.listed), "session") if listed is not None and listed.complete else ""
        far = far or f"{len(self._picking.listed):,} loaded so far"
        self._said.value = f"{escape(far)}, {len(picked):,} selected{', loading …' if self._picking.loading else ''}"
        self._problem.value = escape(visible(self._picking.problem or self._picking.slow_words))

    def _draw_job(self) -> None:
        job = self._distillery.job
        if job is None:
            return
        mine = [(each, self._distillery.outcomes[each]) for each in job.ids]
        done = sum(outcome.state in ("done", "failed") for _, outcome in mine)
        cases = sum(outcome.cases for _, outcome in mine)
        self._progress.layout.display = None
        self._progress.max, self._progress.value = len(job.ids), done
        lines = [f"{done} of {count(len(mine), 'session')}, {count(cases, 'test case')}, {job.stage}"]
        lines += [job.problem] if job.problem else []
        lines += [f"{each}: {line}" for each, outcome in mine for line in outcome.problems]
        self._outcome.value = "<br>".join(escape(visible(each)) for each in lines)

    def _fitting(self) -> list[SessionPreview]:
        words = self._search.value.lower().split()
        found = [each for each in self._picking.listed if all(word in _text(each) for word in words)]
        match self._order.value:
            case "Oldest first":
                return found[::-1]
            case "Most marks first":
                return sorted(found, key=lambda each: -len(marks(each)))
            case "Most turns first":
                return sorted(found, key=lambda each: -each.traces)
        return found

    def _ids(self) -> list[str]:
        return [each.id for each in self._fitting()]

    # --- what a person does ----------------------------------------------------------

    def _button(self, name: str, act: Callable[[], Any]) -> widgets.Button:
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._errands.add(lambda: self._tried(act)))
        return button

    def _tried(self, act: Callable[[], Any]) -> None:
        self._problem.value = ""
        try:
            act()
        except ConvsimError as error:
            self._problem.value = escape(visible(problem_of(error)))

    def _query(self, name: str, value: Any) -> None:
        if self._drawing or (name == "experiment" and value in ("", self._picking.place)):
            return
        self._picking.ask(**{name: None if name == "last" and not value else value})

    def _picked(self, change: Any) -> None:
        """What is cut away by the search stays as it is."""
        if not self._drawing:
            shown = set(self._ids())
            new = set(change["new"])
            self._picking.pick(new, [each for each in self._picking.picked if each in shown and each not in new])

    def _name_experiments(self) -> None:
        shelf = self._picking.shelf
        if isinstance(shelf, StoreShelf):
            self._tried(lambda: setattr(self._experiment, "options", [one.name for one in shelf.experiments().found]))

    def _read(self) -> None:
        chosen = [each for each in self._picking.picked if each in set(self._ids())]
        if not chosen:
            raise UsageError("no session is selected: select one to read it")
        self._shown.value = session_html(self._picking.open(chosen[0]))

    def _more(self) -> None:
        if self._picking.problem or self._picking.slow:
            self._picking.again()
        else:
            self._picking.more()

    def _estimate(self) -> None:
        found = self._distillery.estimate(self._picking.picked, self._chosen_model())
        self._outcome.value = escape(str(found))

    def _distill(self) -> None:
        self._distillery.begin(self._picking.picked, model=self._chosen_model())

    def _chosen_model(self) -> Any:
        return self._model.value.strip() or self._distillery.model


def _line(preview: SessionPreview) -> str:
    warned = "".join(f" [! {each}]" for each in marks(preview))
    said = cut(preview.first_said, _LONGEST)
    return visible(f"{when(preview)}  {said}{warned}  ({count(preview.traces, 'turn')}, {preview.id})")


def _text(preview: SessionPreview) -> str:
    return "\n".join([preview.id, preview.first_said, preview.last_answer, *marks(preview)]).lower()
