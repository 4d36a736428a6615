"""Edits that are not saved yet, on disk: a kernel that is restarted loses none of them."""

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError
from convsim_nb.notebook.grid.rows import Row

EDITS = Path(".convsim/edits")
_LETTERS = 12


class KeptEdits:
    """The rows of one grid in a file; which one is told by the notebook, and by the cases that it was opened with."""

    def __init__(self, cases: Iterable[TestCase]) -> None:
        notebook = os.environ.get("JPY_SESSION_NAME", "")  # Jupyter servers say so which notebook a kernel is of
        said = json.dumps([notebook, *(f"{case.case_id} {case.digest}" for case in cases)])
        name = hashlib.sha256(said.encode()).hexdigest()[:_LETTERS]
        self.path = EDITS.absolute() / f"{name}.json"

    def read(self) -> tuple[Row, ...]:
        """The rows as they were left; none where nothing was, or where it cannot be read any more."""
        try:
            held = json.loads(self.path.read_text("utf-8"))
            return tuple(_row(number, one) for number, one in enumerate(held["rows"], start=1))
        except (OSError, ValueError, KeyError, TypeError, CaseError):
            return ()

    @property
    def when(self) -> str:
        """Day and hour of the last edit."""
        return f"{datetime.fromtimestamp(self.path.stat().st_mtime).astimezone():%d %b, %H:%M}"

    def write(self, rows: Iterable[Row]) -> None:
        """Keep the rows.

        Raises:
            OSError: the folder cannot be written.
        """
        held = {"rows": [_plain(row) for row in rows]}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(held, file, ensure_ascii=False)
        new.replace(self.path)

    def drop(self) -> None:
        """Nothing is to be kept any more: it was saved, or is not wanted."""
        self.path.unlink(missing_ok=True)


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
