"""What the kernel tells a grid: rows and what stands above them, as plain JSON."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args

from convsim_nb.adapters.case_cells import COLUMNS
from convsim_nb.domain.case import CaseFinding, Kind, Source
from convsim_nb.domain.session import whole
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.views.hidden import visible
from convsim_nb.views.words import count

Json = dict[str, Any]
WORDS: Mapping[str, Any] = {"columns": COLUMNS, "kinds": get_args(Kind)}
"""The fields that have a cell, and what a withheld fact may be."""


def row_json(row: Row, findings: Iterable[CaseFinding], *, at_hand: bool) -> Json:
    """A row as the page shows it; `at_hand` says whether its session can be looked at.

    The texts are as they were typed, hidden characters too: they are edited, and the page shows what is hidden.
    """
    source = row.base.source if row.base else None
    return {
        "key": row.key,
        "id": visible(row.case_id),
        "texts": {name: whole(text) for name, text in row.texts.items()},
        "problems": {name: visible(line) for name, line in row.problems.items()},
        "findings": [sendable(one.model_dump(mode="json")) for one in findings],
        "edited": list(row.edited) if row.base else [],
        "new": row.base is None,
        "proposed": bool(row.case and row.case.proposed),
        "source": _source_json(source, at_hand=at_hand) if source else None,
        "more": _more(row),
    }


def _source_json(source: Source, *, at_hand: bool) -> Json:
    where = {"session": visible(source.session_id), "first": source.first, "last": source.last}
    return {**where, "model": visible(source.model), "at_hand": at_hand}


def _more(row: Row) -> list[str]:
    """What the case holds that has no column."""
    case = row.base
    if case is None:
        return []
    history = [f"a history of {count(len(case.history), 'message')}"] if case.history else []
    return [*history, *(["a measured style"] if case.style else [])]


def changed_rows(before: Sequence[Row], now: Sequence[Row]) -> tuple[list[Row], list[str] | None, list[str]]:
    """The rows that are new or other, the order of keys where it changed, and the keys that are gone."""
    known = {row.key: row for row in before}
    keys = [row.key for row in now]
    other = [row for row in now if known.get(row.key) is not row]
    order = keys if keys != [row.key for row in before] else None
    return other, order, list(known.keys() - set(keys))
