"""The workbench where widgets of one's own do not show: cases as YAML, and the plainest of fields and buttons."""

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from convsim_nb.adapters.case_files import as_yaml
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.notebook.workbench.desk import WorkbenchDesk
from convsim_nb.notebook.workbench.settings import FIELDS
from convsim_nb.views.hidden import visible
from convsim_nb.views.plain_html import plain_html
from convsim_nb.views.static_html import run_html
from convsim_nb.workflow.cases import parse_cases
from convsim_nb.workflow.distill import distill

_PERIOD = 1.0
"""Seconds between two drawings of a run that plays."""
_WIDE = widgets.Layout(width="98%")
_MOST_BYTES = 300_000


class PlainWorkbench:
    """Sessions in a list, cases as YAML, settings in fields, Run and Stop; the run as HTML that is redrawn."""

    def __init__(self, desk: WorkbenchDesk) -> None:
        self._desk = desk
        self._closed = threading.Event()
        self._drawing: threading.Thread | None = None
        self._written = ""
        self._sessions = widgets.SelectMultiple(description="Sessions", rows=6, layout=_WIDE)
        self._cases = widgets.Textarea(description="Cases", rows=14, layout=_WIDE, placeholder="- goal: ...")
        self._fields = {field.name: self._field(field.name, field.label) for field in FIELDS}
        self._said = widgets.HTML()
        self._run = widgets.HTML()
        sessions = widgets.HBox(
            [self._button("List sessions", self._list), self._button("Distill selected", self._distill)]
        )
        buttons = widgets.HBox([self._button("Run", self._play), self._button("Stop", desk.stop)])
        settings = widgets.HBox(list(self._fields.values()), layout=widgets.Layout(flex_flow="row wrap"))
        self.box = widgets.VBox([self._sessions, sessions, self._cases, settings, buttons, self._said, self._run])
        self.box.add_class("convsim-plain")
        self._fill()
        desk.grid.on_change(self._fill)
        self._draw()

    def close(self) -> None:
        """Take it away: the page shows the real one."""
        self._closed.set()
        self.box.close()

    # --- what a person does ----------------------------------------------------------

    def _list(self) -> None:
        self._desk.open_sessions()
        picker = self._desk.picker
        if picker is None:
            return
        picker.wait(60)
        said = [(visible(f"{each.last:%d %b %H:%M}  {each.first_said}"[:110]), each.id) for each in picker.listed]
        self._sessions.options = said

    def _distill(self) -> None:
        if self._desk.picker is None:
            self._list()
            return
        self._desk.picker.selected = tuple(self._sessions.value)
        read = self._desk.picker.read()
        self._desk.grid.add(distill(read, model=self._fields["user_model"].value.strip() or None, progress=False))

    def _play(self) -> None:
        self._take_cases()
        for name, field in self._fields.items():
            self._desk.settings.put(name, str(field.value))
        self._desk.play(self._desk.grid.cases)
        self._draw_on()

    def _take_cases(self) -> None:
        """What was typed becomes the cases, where it says something new."""
        if self._cases.value != self._written:
            self._desk.grid.cases = parse_cases(self._cases.value, where="the cases")

    def _tried(self, act: Callable[[], Any]) -> None:
        """On a thread: the kernel must go on hearing its page."""
        self._said.value = ""
        threading.Thread(target=self._told, args=(act,), name="convsim-plain", daemon=True).start()

    def _told(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except ConvsimError as error:
            self._said.value = f"<b>{escape(visible(str(error)))}</b>"
            return
        self._say()

    # --- drawing ---------------------------------------------------------------------

    def _say(self) -> None:
        state = self._desk.as_json()
        words = [*state["estimate"].get("words", ()), state["agent"]["problem"], state["estimate"].get("problem", "")]
        self._said.value = escape(" · ".join(word for word in words if word))

    def _fill(self) -> None:
        """The cases as they stand in Python; what a check found is not theirs to edit."""
        self._written = as_yaml(case.model_copy(update={"findings": ()}) for case in self._desk.grid.cases)
        self._cases.value = self._written

    def _draw_on(self) -> None:
        """Redraw until the run has ended, on a thread of its own."""
        if self._drawing is None or not self._drawing.is_alive():
            self._drawing = threading.Thread(target=self._draw_until_the_end, name="convsim-plain-run", daemon=True)
            self._drawing.start()

    def _draw_until_the_end(self) -> None:
        while not self._closed.wait(_PERIOD):
            playing = self._desk.shelf.playing is not None
            self._draw()
            if not playing:
                return

    def _draw(self) -> None:
        shown = self._desk.shelf.shown
        if shown is None:
            return
        state = shown.run.state
        running = next((each.key for each in state.conversations if each.status == "running"), None)
        drawn = run_html(state, max_bytes=_MOST_BYTES) if state.ended else plain_html(state, shown=running)
        self._run.value = drawn

    def _field(self, name: str, label: str) -> Any:
        said = next(each for each in self._desk.settings.as_json()["fields"] if each["name"] == name)
        if said["kind"] == "flag":
            return widgets.Checkbox(value=said["value"] == "True", description=label, indent=False)
        style = {"description_width": "initial"}
        return widgets.Text(value=said["value"], description=label, placeholder=said["empty"], style=style)

    def _button(self, name: str, act: Callable[[], Any]) -> widgets.Button:
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._tried(act))
        return button
