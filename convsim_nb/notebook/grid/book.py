"""The rows of the grid as they were, are and may be again: edits, undo and redo, without a widget."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from convsim_nb.adapters.case_cells import COLUMNS
from convsim_nb.domain.case import TestCase
from convsim_nb.notebook.grid.rows import Row, free_id, row_of, with_ids

Rows = tuple[Row, ...]
Op = Mapping[str, Any]
"""What a page wants done with rows, as it comes: see `CaseBook.edit`."""
_MOST_STEPS = 500


@dataclass(frozen=True)
class Step:
    """What was before an edit, and what the edit was."""

    label: str
    """`Add case`, `Paste 12 cells`: what Undo says it takes back."""
    rows: Rows


class CaseBook:
    """Rows, and the way back. Not for several threads at once: who uses it holds a lock."""

    def __init__(self, cases: Iterable[TestCase] = ()) -> None:
        self._keys = 0
        self.rows: Rows = self._rows_of(cases)
        self.undone: list[Step] = []
        self.done: list[Step] = []

    # --- edits -----------------------------------------------------------------------

    def edit(self, label: str, ops: Sequence[Op]) -> bool:
        """Do what a page wants, as one step to undo; False where nothing changes.

        An op is one of, by `op`: `set` (`key`, `column`, `text`), `insert` (`key`, `at`, `texts`), `copy` (`key`,
        `of`), `delete` (`keys`), `move` (`keys`, `by`),
        `confirm` (`keys`: what a model proposed holds). What names a row that is gone, or a column that is none, is
        left alone: another page may have been quicker.
        """
        rows = {row.key: row for row in self.rows}
        for op in ops:
            act = _OPS.get(str(op.get("op")))
            rows = act(rows, op) if act else rows
        return self.put(label, rows.values())

    def put(self, label: str, rows: Iterable[Row]) -> bool:
        """Take other rows in the place of these, as one step to undo; False where they are the same."""
        now = with_ids(tuple(rows))
        if now == self.rows:
            return False
        self.done.append(Step(label, self.rows))
        del self.done[:-_MOST_STEPS]
        self.undone.clear()
        self.rows = now
        return True

    def undo(self) -> str | None:
        """Go a step back, and give its label."""
        return self._go(self.done, self.undone)

    def redo(self) -> str | None:
        """Do again what was undone last, and give its label."""
        return self._go(self.undone, self.done)

    def _go(self, there: list[Step], back: list[Step]) -> str | None:
        if not there:
            return None
        step = there.pop()
        back.append(Step(step.label, self.rows))
        self.rows = step.rows
        return step.label

    # --- cases in --------------------------------------------------------------------

    def with_cases(self, cases: Iterable[TestCase]) -> Rows:
        """Rows for these cases: those that stand here already keep their row, and what was typed in it."""
        same = {row.case_id: row for row in self.rows if row.case is not None}
        rows = []
        for case in cases:
            row = same.get(case.case_id)
            if row is None or row.case != case:
                row = row_of(row.key if row else self._key(), case)
            rows.append(row)
        return tuple(rows)

    def and_cases(self, cases: Iterable[TestCase]) -> Rows:
        """These rows, and below them the cases; one whose id is taken gets another."""
        taken = {row.case_id for row in self.rows}
        rows = []
        for case in cases:
            case_id = free_id(case.case_id, taken)
            taken.add(case_id)
            own = case if case_id == case.case_id else case.edited(case_id=case_id)
            rows.append(row_of(self._key(), own))
        return (*self.rows, *rows)

    def with_row(self, key: str, change: Callable[[Row], Row]) -> Rows:
        """These rows, one of them changed."""
        return tuple(change(row) if row.key == key else row for row in self.rows)

    def find(self, key: object) -> Row | None:
        """The row of a key."""
        return next((row for row in self.rows if row.key == key), None)

    def _rows_of(self, cases: Iterable[TestCase]) -> Rows:
        return tuple(row_of(self._key(), case) for case in cases)

    def _key(self) -> str:
        self._keys += 1
        return f"k{self._keys}"


# --- what a page may want ------------------------------------------------------------


_ByKey = dict[str, Row]


def _set(rows: _ByKey, op: Op) -> _ByKey:
    match op:
        case {"key": str(key), "column": str(column), "text": str(text)} if key in rows and column in COLUMNS:
            rows[key] = rows[key].typed_in(column, text)
    return rows


def _insert(rows: _ByKey, op: Op) -> _ByKey:
    match op:
        case {"key": str(key), "at": int(at), "texts": dict(texts)} if key not in rows:
            row = Row(key)
            for column in COLUMNS:
                if isinstance(text := texts.get(column), str) and text.strip():
                    row = row.typed_in(column, text)
            return _put_in(rows, row, at)
    return rows


def _copy(rows: _ByKey, op: Op) -> _ByKey:
    match op:
        case {"key": str(key), "of": str(of)} if of in rows and key not in rows:
            return _put_in(rows, replace(rows[of], key=key, case_id=""), list(rows).index(of) + 1)
    return rows


def _put_in(rows: _ByKey, row: Row, at: int) -> _ByKey:
    if at >= len(rows):
        rows[row.key] = row
        return rows
    every = [*rows.values()]
    every.insert(max(0, at), row)
    return _by_key(every)


def _delete(rows: _ByKey, op: Op) -> _ByKey:
    keys = _keys(op)
    return {key: row for key, row in rows.items() if key not in keys}


def _move(rows: _ByKey, op: Op) -> _ByKey:
    """A step up or down for each of the rows, as far as there is room; those beside each other stay so."""
    keys, by = _keys(op), op.get("by")
    if by not in (-1, 1):
        return rows
    moved = list(rows.values())[::-by]
    for place in range(1, len(moved)):
        if moved[place].key in keys and moved[place - 1].key not in keys:
            moved[place - 1], moved[place] = moved[place], moved[place - 1]
    return _by_key(moved[::-by])


def _confirm(rows: _ByKey, op: Op) -> _ByKey:
    keys = _keys(op)
    return {key: _confirmed(row) if key in keys else row for key, row in rows.items()}


def _confirmed(row: Row) -> Row:
    if row.base is None or not row.base.proposed:
        return row
    return replace(row, base=row.base.edited(proposed=()))


def _by_key(rows: Iterable[Row]) -> _ByKey:
    return {row.key: row for row in rows}


def _keys(op: Op) -> set[str]:
    keys = op.get("keys")
    return {key for key in keys if isinstance(key, str)} if isinstance(keys, list) else set()


_OPS: dict[str, Callable[[_ByKey, Op], _ByKey]] = {
    "set": _set,
    "insert": _insert,
    "copy": _copy,
    "delete": _delete,
    "move": _move,
    "confirm": _confirm,
}
