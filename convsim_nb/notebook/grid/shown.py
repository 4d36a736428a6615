"""A grid in the output of a cell: live, and below it, folded, the form that a saved notebook keeps."""

import threading
from typing import Any

import ipywidgets as widgets
from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle, display

from convsim_nb.notebook import display as places
from convsim_nb.notebook.display import Bundle, cell_of, folded, view_kind
from convsim_nb.notebook.grid.case_grid import CaseGrid
from convsim_nb.notebook.grid.kept import KeptEdits
from convsim_nb.notebook.grid.plain import PlainGrid
from convsim_nb.notebook.settling import Settling
from convsim_nb.views.static_html import cases_html
from convsim_nb.workflow.cases import CaseSet

_SETTLED = 1.5
"""Seconds without a change after which the saved form is drawn anew."""
_MOST_BYTES = 120_000
"""Of the saved form: the page cleans and draws it after every few edits, and half a megabyte takes it half a second."""


class ShownGrid:
    """One showing of a grid: as the place can, live, plain or as text."""

    def __init__(self, grid: CaseGrid, shell: Any) -> None:
        self._grid, self._shell = grid, shell
        self._below: DisplayHandle | None = None
        self._plain: PlainGrid | None = None
        self._stand_in: Any = None
        self._settling = Settling(self._settle, seconds=_SETTLED)
        self._changing = threading.Lock()

    def begin(self) -> None:
        """Show it in the cell that is running."""
        kind = view_kind(self._shell)
        if kind == "text":
            display(bundle_of(self._grid), raw=True)  # type: ignore[no-untyped-call]
            return
        if kind == "live":
            _put(self._grid)
            self._probe()
        else:
            display(PlainGrid(self._grid).box)  # type: ignore[no-untyped-call]
        self._below = DisplayHandle()  # type: ignore[no-untyped-call]
        self._below.display(folded(bundle_of(self._grid)), raw=True)  # type: ignore[no-untyped-call]
        self._grid.on_change(self._settling.soon)

    def _probe(self) -> None:
        """Put plain widgets in where no page asks for the state."""
        self._stand_in = widgets.VBox([])
        display(self._stand_in)  # type: ignore[no-untyped-call]
        timer = threading.Timer(places.PROBE_SECONDS, self._begin_plain)
        timer.daemon = True
        self._grid.on_heard(lambda: self._heard(timer))
        timer.start()

    def _begin_plain(self) -> None:
        with self._changing:
            self._plain = PlainGrid(self._grid)
            self._stand_in.children = (self._plain.box,)

    def _heard(self, timer: threading.Timer) -> None:
        """A page shows the live view: what stood in for it goes."""
        timer.cancel()
        with self._changing:
            plain, self._plain = self._plain, None
        if plain is not None:
            self._stand_in.children = ()
            plain.close()

    def _settle(self) -> None:
        if self._below is not None:
            self._below.update(folded(bundle_of(self._grid)), raw=True)  # type: ignore[no-untyped-call]


def _put(grid: CaseGrid) -> None:
    """Show the widget itself."""
    _putting.add(grid)
    try:
        display(grid)  # type: ignore[no-untyped-call]
    finally:
        _putting.discard(grid)


def bundle_of(grid: CaseGrid) -> Bundle:
    """A grid as a saved notebook shows it: its cases, and what the drafts lack."""
    cases, problems = grid.cases, grid.problems
    text = f"CaseGrid of {len(cases)} test cases" + (f", {len(problems)} to fix" if problems else "")
    html = cases_html(cases, (*cases.problems, *problems), max_bytes=_MOST_BYTES)
    return {"text/html": html, "text/plain": text}


# --- opened by a verb ----------------------------------------------------------------


def open_grid(cases: CaseSet, shell: Any, *, path: str | None = None) -> CaseGrid:
    """A grid of these cases, shown in the cell that is running; what is not saved is kept on disk."""
    grid = CaseGrid(cases, path=path)
    grid.keep_edits(KeptEdits(cases))
    _show(grid, shell)
    return grid


def show_grid(grid: CaseGrid) -> None:
    """Show a grid in the cell that is running, once.

    Raises:
        NotImplementedError: it is the widget itself that IPython asks for.
    """
    shell = get_ipython()
    if grid in _putting or shell is None:
        raise NotImplementedError
    _show(grid, shell)


def _show(grid: CaseGrid, shell: Any) -> None:
    cell = cell_of(shell)
    if cell and _shown.get(grid.model_id or "") == cell:
        return
    _shown[grid.model_id or ""] = cell
    ShownGrid(grid, shell).begin()


_putting: set[CaseGrid] = set()
_shown: dict[str, str] = {}
"""The cell that showed each grid last."""
