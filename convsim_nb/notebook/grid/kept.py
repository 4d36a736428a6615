"""Edits that are not saved yet, and drafts, on disk: a kernel that is restarted loses none of them."""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.views.words import count

EDITS = Path(".convsim/edits")
_LETTERS = 12


class KeptEdits:
    """The rows of one grid in a file; which one is told by the notebook, and by the cases that it was opened with."""

    def __init__(self, cases: Iterable[TestCase]) -> None:
        self.path = _path(cases)
        self._paths = {self.path}

    def read(self) -> tuple[Row, ...]:
        """The rows as they were left; none where nothing was, or where it cannot be read any more."""
        return read_rows(self.path)

    def saved(self, cases: Iterable[TestCase]) -> None:
        """These were saved: whoever opens a grid with them is offered the drafts that stood beside them."""
        self._paths.add(_path(cases))

    @property
    def when(self) -> str:
        """Day and hour of the last edit."""
        return f"{datetime.fromtimestamp(self.path.stat().st_mtime).astimezone():%d %b, %H:%M}"

    def write(self, rows: Iterable[Row]) -> None:
        """Keep the rows.

        Raises:
            OSError: the folder cannot be written.
        """
        rows = tuple(rows)
        for path in self._paths:
            write_rows(path, rows)

    def drop(self) -> None:
        """Nothing is to be kept any more: it was saved, or is not wanted."""
        for path in self._paths:
            path.unlink(missing_ok=True)


def _path(cases: Iterable[TestCase]) -> Path:
    notebook = os.environ.get("JPY_SESSION_NAME", "")  # Jupyter servers say so which notebook a kernel is of
    said = json.dumps([notebook, *(f"{case.case_id} {case.digest}" for case in cases)])
    return EDITS.absolute() / f"{hashlib.sha256(said.encode()).hexdigest()[:_LETTERS]}.json"


def kept_words(rows: Iterable[Row]) -> str:
    """`5 rows, 1 of them not valid yet`."""
    rows = tuple(rows)
    drafts = sum(row.is_draft for row in rows)
    left = f", {drafts} of them not valid yet" if drafts else ""
    return f"{count(len(rows), 'row')}{left}"


# --- rows in a file ------------------------------------------------------------------


def read_rows(path: Path) -> tuple[Row, ...]:
    """The rows of a file, drafts too; none where it is not there, or cannot be read any more."""
    try:
        held = json.loads(path.read_text("utf-8"))
        return tuple(_row(number, one) for number, one in enumerate(held["rows"], start=1))
    except (OSError, ValueError, KeyError, TypeError, CaseError):
        return ()


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, for their owner alone.

    Raises:
        OSError: the folder cannot be written.
    """
    held = {"rows": [_plain(row) for row in rows]}
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(held, file, ensure_ascii=False)
    new.replace(path)


def _plain(row: Row) -> dict[str, object]:
    base = None if row.base is None else row.base.as_mapping()
    return {"base": base, "typed": dict(row.typed), "case_id": row.case_id}


def _row(number: int, held: dict[str, object]) -> Row:
    base, typed = held["base"], held["typed"]
    if not isinstance(typed, dict) or not isinstance(base, dict | None):
        raise TypeError(number)
    case = None if base is None else TestCase.model_validate(base)
    texts = {str(name): str(text) for name, text in typed.items()}
    return Row(f"d{number}", case, texts, str(held["case_id"]))
