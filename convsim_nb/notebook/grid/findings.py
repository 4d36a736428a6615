"""What a check has against the rows, looked at again after every edit, off the kernel's thread."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from convsim_nb.domain.case import CaseFinding, TestCase
from convsim_nb.domain.session import Session
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.workflow.checking import rechecked, with_duplicates

_PAUSE = 0.3
"""Seconds without an edit after which it is looked."""


@dataclass(frozen=True)
class Found:
    """What was found on a row, and the case as it was then."""

    row: Row
    case: TestCase


class Findings:
    """Keeps what was found on each row. What is not looked at yet has what its case came with."""

    def __init__(self, told: Callable[[set[str]], None]) -> None:
        """`told` is called on another thread, with the keys of the rows on which other things were found."""
        self._told = told
        self._found: dict[str, Found] = {}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._asked = 0

    def on(self, row: Row) -> TestCase:
        """The case of a row with what is to be said against it."""
        if row.case is None:
            raise ValueError(row.key)
        found = self._found.get(row.key)
        return found.case if found is not None and found.row is row else row.case

    def look(self, rows: Sequence[Row], sessions: Mapping[str, Session]) -> None:
        """Look at the rows soon, unless others come first; returns at once."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if self._closed:
                return
            self._asked += 1
            self._timer = threading.Timer(_PAUSE, self._look, (self._asked, tuple(rows), dict(sessions)))
            self._timer.daemon = True
            self._timer.start()

    def close(self) -> None:
        """Look no more."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()

    def _look(self, asked: int, rows: Sequence[Row], sessions: Mapping[str, Session]) -> None:
        whole = [row for row in rows if row.case is not None]
        cases = with_duplicates([self._alone(row, sessions) for row in whole])
        with self._lock:
            if asked != self._asked or self._closed:  # rows have changed meanwhile: another look is under way
                return
            looked = list(zip(whole, cases, strict=True))
            other = {row.key for row, case in looked if case.findings != self.on(row).findings}
            self._found = {row.key: Found(row, case) for row, case in looked}
        if other:
            self._told(other)

    def _alone(self, row: Row, sessions: Mapping[str, Session]) -> TestCase:
        """The case of a row without a look at the others: as it came, unless somebody edited it."""
        case = self.on(row)
        looked_at = row.key in self._found and self._found[row.key].row is row
        if looked_at or (row.base is not None and not row.typed):
            return _without_duplicates(case)
        return rechecked(case, sessions, edited=row.edited)


def _without_duplicates(case: TestCase) -> TestCase:
    kept: tuple[CaseFinding, ...] = tuple(one for one in case.findings if one.check != "duplicate")
    return case if kept == case.findings else case.model_copy(update={"findings": kept})
