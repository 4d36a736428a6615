"""Test cases where widgets of one's own do not show: a table, and the plainest of forms for one case at a time."""

from collections.abc import Callable
from html import escape
from typing import Any
from uuid import uuid4

import ipywidgets as widgets

from convsim_nb.adapters.case_cells import COLUMNS
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.notebook.grid.case_grid import CaseGrid
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.views.hidden import visible
from convsim_nb.views.static_html import cases_html
from convsim_nb.views.words import count

_LINES = {"goal": 2, "persona": 2, "tags": 2}
_HINTS = {
    "simulation_guidelines": "one a line",
    "facts": "one a line",
    "script": "one a line",
    "withheld": "the fact; under it `after: ...`, and `kind: ...` where it is no correction",
    "expectations": "YAML or JSON; a plain list stands for guidelines",
    "context": "YAML or JSON",
    "tags": "name: value",
}
_MOST_BYTES = 300_000


class PlainGrid:
    """A table of the cases, and a form with the fields of the chosen one; what is edited stands in the grid."""

    def __init__(self, grid: CaseGrid) -> None:
        self._grid = grid
        self._closed = False
        self._table = widgets.HTML()
        self._problem = widgets.HTML()
        self._choice = widgets.Dropdown(description="Case", layout=widgets.Layout(width="98%"))
        self._fields = {name: _field(name) for name in COLUMNS}
        self._to_replace = ""
        self._path = widgets.Text(value=grid.path, placeholder="cases.yaml or mlflow:NAME", description="Save to")
        edits = [
            self._button("Keep", self._keep),
            self._button("Add case", self._add),
            self._button("Duplicate", self._copy),
            self._button("Delete", self._delete),
            self._button("Undo", grid.undo),
            self._button("Redo", grid.redo),
        ]
        self.box = widgets.VBox(
            [
                self._choice,
                *self._fields.values(),
                widgets.HBox(edits),
                widgets.HBox([self._path, self._button("Save", self._save)]),
                self._problem,
                self._table,
            ]
        )
        self._choice.observe(lambda _: self._fill(), names="value")
        grid.on_change(self._draw)
        self._draw()

    def close(self) -> None:
        """Take it away: something better shows the grid."""
        self._closed = True
        self.box.close()

    # --- drawing ---------------------------------------------------------------------

    def _draw(self) -> None:
        if self._closed:
            return
        rows = self._grid.rows
        options = [(_name(number, row), row.key) for number, row in enumerate(rows, start=1)]
        if list(self._choice.options) != options:
            chosen = self._choice.value
            self._choice.options = options
            keys = [key for _, key in options]
            self._choice.value = chosen if chosen in keys else next(iter(keys), None)
        self._fill()
        self._table.value = cases_html(self._grid.cases, self._grid.problems, max_bytes=_MOST_BYTES)

    def _fill(self) -> None:
        row = self._row
        for name, field in self._fields.items():
            field.value = row.texts.get(name, "") if row else ""
        lines = [f"{name}: {line}" for name, line in row.problems.items()] if row else []
        self._problem.value = "<br>".join(escape(visible(line)) for line in lines)

    @property
    def _row(self) -> Row | None:
        found = self._grid.row(self._choice.value)
        return found[1] if found else None

    # --- what a person does ----------------------------------------------------------

    def _keep(self) -> None:
        row = self._row
        if row is None:
            return
        typed = {name: field.value for name, field in self._fields.items() if field.value != row.texts.get(name, "")}
        ops = [{"op": "set", "key": row.key, "column": name, "text": text} for name, text in typed.items()]
        self._grid.edit("Edit case", ops)

    def _add(self) -> None:
        key = uuid4().hex
        self._grid.edit("Add case", [{"op": "insert", "key": key, "at": len(self._grid.rows), "texts": {}}])
        self._choice.value = key

    def _copy(self) -> None:
        key = uuid4().hex
        if self._grid.edit("Duplicate case", [{"op": "copy", "key": key, "of": self._choice.value}]):
            self._choice.value = key

    def _delete(self) -> None:
        self._grid.edit("Delete case", [{"op": "delete", "keys": [self._choice.value]}])

    def _save(self) -> None:
        self._keep()
        where = self._path.value.strip() or None
        asked, self._to_replace = self._to_replace, self._grid.would_replace(where)
        if self._to_replace and asked != self._to_replace:
            self._problem.value = escape(visible(f"{self._to_replace} is there already: Save once more replaces it"))
            return
        written = self._grid.save(where, replace=bool(self._to_replace))
        self._to_replace = ""
        left = len(self._grid.problems)
        rest = f"; {left} to fix left out" if left else ""
        self._problem.value = escape(visible(f"Saved {count(len(self._grid.cases), 'case')} to {written}{rest}"))

    def _button(self, name: str, act: Callable[[], Any]) -> Any:
        button = widgets.Button(description=name, layout=widgets.Layout(width="auto"))
        button.on_click(lambda _: self._tried(act))
        return button

    def _tried(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except ConvsimError as error:
            self._problem.value = escape(visible(str(error)))


def _field(name: str) -> Any:
    title = {"simulation_guidelines": "guidelines"}.get(name, name).capitalize()
    layout = widgets.Layout(width="98%")
    return widgets.Textarea(
        description=title,
        placeholder=_HINTS.get(name, ""),
        rows=_LINES.get(name, 3),
        continuous_update=False,
        layout=layout,
    )


def _name(number: int, row: Row) -> str:
    goal = " ".join(row.texts.get("goal", "").split()) or "no goal yet"
    return visible(f"{number}  {goal if len(goal) <= 80 else goal[:77] + '...'}")  # noqa: PLR2004
