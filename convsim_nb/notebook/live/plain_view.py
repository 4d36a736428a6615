"""A run where widgets of one's own do not show: HTML that is redrawn, and the plainest of buttons."""

import asyncio
import time
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from convsim_nb.domain.errors import ConvsimError
from convsim_nb.domain.events import MessageDelta, RunEnded, RunEvent
from convsim_nb.views.plain_html import plain_html
from convsim_nb.workflow.run import Run

_PERIOD = 1.0
"""Seconds between two drawings."""


class PlainView:
    """A sink that redraws a run once a second, with buttons that call what Python offers."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._drawn, self._due = 0.0, False
        self._handle = DisplayHandle()  # type: ignore[no-untyped-call]
        self._choice = widgets.Dropdown(description="Show", layout=widgets.Layout(width="420px"))
        self._text = widgets.Text(placeholder="Your words as the user; empty lets the simulated user speak")
        self._problem = widgets.HTML()
        self.box = widgets.VBox(
            [
                widgets.HBox(
                    [
                        self._button("Stop", run.stop),
                        self._button("Pause all", run.pause),
                        self._button("Resume all", run.resume),
                    ]
                ),
                widgets.HBox(
                    [
                        self._choice,
                        self._button("Take over", lambda: run.pause(self.shown)),
                        self._button("Hand back", lambda: run.resume(self.shown)),
                        self._button("Stop this one", lambda: run.stop(self.shown)),
                    ]
                ),
                widgets.HBox([self._text, self._button("Send", self._send)]),
                self._problem,
            ]
        )

    def show(self) -> None:
        """Show it in the cell that is running."""
        self._fill()
        self._handle.display(self._bundle(), raw=True)  # type: ignore[no-untyped-call]
        self._choice.observe(lambda _: self._draw(), names="value")
        display(self.box)  # type: ignore[no-untyped-call]

    def __call__(self, event: RunEvent) -> None:
        """Take one event in: drawn within a second."""
        if isinstance(event, MessageDelta):
            return
        if isinstance(event, RunEnded) or time.monotonic() - self._drawn >= _PERIOD:
            self._draw()
        elif not self._due:
            self._draw_soon()

    def close(self, bundle: dict[str, str] | None = None) -> None:
        """Take the buttons away; what is drawn becomes `bundle`, or nothing."""
        self._handle.update(bundle or {"text/plain": "", "text/html": ""}, raw=True)  # type: ignore[no-untyped-call]
        for each in (
            *(inner for row in self.box.children for inner in getattr(row, "children", ())),
            *self.box.children,
        ):
            each.close()
        self.box.close()

    @property
    def shown(self) -> str | None:
        """The key of the conversation that is shown."""
        value: str | None = self._choice.value
        return value

    # --- drawing ---------------------------------------------------------------------

    def _draw_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._draw()
            return
        self._due = True
        loop.call_later(_PERIOD, self._draw)

    def _draw(self) -> None:
        self._drawn, self._due = time.monotonic(), False
        self._fill()
        self._handle.update(self._bundle(), raw=True)  # type: ignore[no-untyped-call]

    def _fill(self) -> None:
        """What there is to choose from; what was chosen stays."""
        keys, shown = [each.key for each in self._run.conversations], self.shown
        if keys and keys != list(self._choice.options):
            self._choice.options = keys
            self._choice.value = shown or keys[0]

    def _bundle(self) -> dict[str, str]:
        return {"text/plain": repr(self._run), "text/html": plain_html(self._run.state, shown=self.shown)}

    # --- what a person does ----------------------------------------------------------

    def _button(self, name: str, act: Callable[[], Any]) -> widgets.Button:
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._tried(act))
        return button

    def _tried(self, act: Callable[[], Any]) -> None:
        self._problem.value = ""
        try:
            act()
        except ConvsimError as error:
            self._problem.value = escape(str(error))

    def _send(self) -> None:
        if self.shown is not None:
            self._run.say(self.shown, self._text.value.strip() or None)
            self._text.value = ""
