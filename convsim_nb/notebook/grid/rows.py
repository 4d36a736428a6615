"""The rows of the grid: what a person typed, and the test case it makes, if it makes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from convsim_nb.adapters.case_cells import COLUMNS, cell_text, cell_value, cells_of
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError
from convsim_nb.domain.session import whole
from convsim_nb.notebook.grid.source import still_quoted

_Read = tuple[TestCase | None, Mapping[str, str]]
_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Row:
    """One row: a case as it came, and the texts that were typed over it. A draft where these make no case."""

    key: str
    """The row's name between kernel and page; never shown."""
    base: TestCase | None = None
    """The case that stood here before anybody typed; None for a row that a person began."""
    typed: Mapping[str, str] = field(default_factory=dict)
    """By field, the text of each cell that differs from the base."""
    case_id: str = ""
    """Empty until the row first makes a case."""

    @property
    def case(self) -> TestCase | None:
        """The test case; None for a draft."""
        return self._read[0]

    @property
    def problems(self) -> Mapping[str, str]:
        """Why it is a draft: a line for each cell that is at fault, by field."""
        return self._read[1]

    @property
    def is_draft(self) -> bool:
        """Somebody began it, and it is no test case yet."""
        return self.case is None and bool(self.base or self.typed)

    @property
    def edited(self) -> tuple[str, ...]:
        """The fields that a person changed, in the order of columns."""
        return tuple(name for name in COLUMNS if name in self.typed)

    @cached_property
    def texts(self) -> dict[str, str]:
        """The texts of all cells, by field; what is empty is left out."""
        before = {} if self.base is None else cells_of(self.base)
        return {name: text for name in COLUMNS if (text := self.typed.get(name, before.get(name, "")))}

    def typed_in(self, column: str, text: str) -> "Row":
        """The row with another text in one cell, which is written in our way where it can be read."""
        text = _ours(column, whole(text))
        before = "" if self.base is None else cell_text(column, getattr(self.base, column))
        others = {name: each for name, each in self.typed.items() if name != column}
        return replace(self, typed=others if text == before else {**others, column: text})

    # --- reading ---------------------------------------------------------------------

    @cached_property
    def _read(self) -> _Read:
        values: dict[str, Any] = {}
        problems: dict[str, str] = {}
        for name, text in self._to_read.items():
            try:
                values[name] = cell_value(name, text)
            except CaseError as error:
                problems[name] = str(error)
        return (None, problems) if problems else self._built(values)

    @property
    def _to_read(self) -> Mapping[str, str]:
        return self.typed if self.base is not None else {"goal": "", **self.typed}

    def _built(self, values: Mapping[str, Any]) -> _Read:
        if self.base is not None and not values:
            return self._named(self.base), _NONE
        try:
            return self._named(self._edited(values)), _NONE
        except CaseError as error:  # what only the whole of a case can tell
            said = str(error)
            return None, {next((name for name in values if re.search(rf"\b{name}\b", said)), "goal"): said}

    def _edited(self, values: Mapping[str, Any]) -> TestCase:
        if self.base is None:
            return TestCase(**values)
        source = still_quoted(self.base, values)
        return self.base.edited(**values, source=source, **_still_proposed(self.base, values))

    def _named(self, case: TestCase) -> TestCase:
        same = not self.case_id or case.case_id == self.case_id
        return case if same else case.model_copy(update={"case_id": self.case_id})


def row_of(key: str, case: TestCase) -> Row:
    """The row of a case as it came."""
    return Row(key, case, case_id=case.case_id)


def _ours(column: str, text: str) -> str:
    try:
        return cell_text(column, cell_value(column, text))
    except CaseError:
        return text  # a draft keeps what was typed, as it was typed


def _still_proposed(base: TestCase, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a person rewrote is no model's proposal any more."""
    if "expectations" not in values:
        return {}
    now, before = values["expectations"], base.expectations
    return {"proposed": tuple(name for name in base.proposed if name in now and now[name] == before.get(name))}


def with_ids(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    """The rows, where each that makes a case has an id of its own."""
    taken = {row.case_id for row in rows if row.case_id}
    named = []
    for row in rows:
        if not row.case_id and row.case is not None:
            named.append(replace(row, case_id=free_id(row.case.case_id, taken)))
            taken.add(named[-1].case_id)
        else:
            named.append(row)
    return tuple(named)


def free_id(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with the first number behind it that is not taken."""
    number, found = 2, wanted
    while found in taken:
        found, number = f"{wanted}~{number}", number + 1
    return found
