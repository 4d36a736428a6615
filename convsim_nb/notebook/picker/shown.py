"""A picker in the output of a cell: live, and below it, folded, the form that a saved notebook keeps."""

import threading
from typing import Any

import ipywidgets as widgets
from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle, display

from convsim_nb.notebook.display import PROBE_SECONDS, Bundle, folded, view_kind
from convsim_nb.notebook.picker.distillery import Distillery
from convsim_nb.notebook.picker.picking import Picking
from convsim_nb.notebook.picker.plain import PlainPicker
from convsim_nb.notebook.picker.session_picker import SessionPicker
from convsim_nb.notebook.settling import Settling
from convsim_nb.views.session_table import picked_html
from convsim_nb.views.static_html import cases_html

_SETTLED = 1.0
"""Seconds without a change after which the saved form is drawn anew."""
_MOST_BYTES = 300_000


def show_picker(picker: SessionPicker, picking: Picking, distillery: Distillery) -> None:
    """Show it in the cell that is running, as the place can: live, plain or as text."""
    ShownPicker(picker, picking, distillery).begin()


class ShownPicker:
    """One showing of a picker."""

    def __init__(self, picker: SessionPicker, picking: Picking, distillery: Distillery) -> None:
        self._picker, self._picking, self._distillery = picker, picking, distillery
        self._below: DisplayHandle | None = None
        self._settling = Settling(self._settle, seconds=_SETTLED)
        self._plain: PlainPicker | None = None
        self._changing = threading.Lock()

    def begin(self) -> None:
        """Show it, and below it what is saved with the notebook."""
        kind = view_kind(get_ipython())
        if kind == "text":
            self._picker.wait(PROBE_SECONDS)
            display(bundle_of(self._picker), raw=True)  # type: ignore[no-untyped-call]
            return
        if kind == "live":
            data, metadata = self._picker._repr_mimebundle_() or ({}, {})
            display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]
        self._place = widgets.Box()
        self._place.add_class("convsim-plain")
        display(self._place)  # type: ignore[no-untyped-call]
        if kind == "live":
            self._probe()
        else:
            self._stand_in()
        self._below = DisplayHandle()  # type: ignore[no-untyped-call]
        self._below.display(folded(bundle_of(self._picker)), raw=True)  # type: ignore[no-untyped-call]
        self._picker.on_change(self._settling.soon)

    def _probe(self) -> None:
        """Put plain widgets in where no page asks for the state."""
        timer = threading.Timer(PROBE_SECONDS, self._stand_in)
        timer.daemon = True
        self._picker.on_heard(lambda: self._heard(timer))
        timer.start()

    def _heard(self, timer: threading.Timer) -> None:
        timer.cancel()
        with self._changing:
            plain, self._plain = self._plain, None
        if plain is not None:
            plain.close()

    def _stand_in(self) -> None:
        with self._changing:
            self._plain = PlainPicker(self._picking, self._distillery)
            self._place.children = (self._plain.box,)

    def _settle(self) -> None:
        if self._below is not None:
            self._below.update(folded(bundle_of(self._picker)), raw=True)  # type: ignore[no-untyped-call]


def bundle_of(picker: SessionPicker) -> Bundle:
    """A picker as a saved notebook shows it: what is selected of what is listed, and the test cases that came of it."""
    said = picker.problem or picker.said
    html = picked_html(picker.listed, picker.selected, said)
    cases: Any = picker.cases
    if len(cases):
        html += cases_html(cases, cases.problems, max_bytes=_MOST_BYTES)
    return {"text/html": html, "text/plain": f"SessionPicker: {said}"}
