"""Test cases in a table whose cells are text: CSV, for spreadsheets."""

import ast
import csv
import json
import re
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError

_TEXT = ("case_id", "goal", "persona")
"""Columns that hold a text and nothing else."""
_LINES = ("simulation_guidelines", "facts", "script", "proposed")
"""Columns with a list of texts: a line each. What has lines of its own is JSON, as in every other column."""
_CELL = 2**31 - 1
_INDEX = re.compile(r"(?:Unnamed: \d+)?")
"""The name of a column that a frame's index was written to: none, or what pandas calls it when it is read."""


def as_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """A row a case, a column a field; columns that are empty in all cases are left out."""
    held = list(rows)
    columns = ["case_id", *(name for name in TestCase.model_fields if name != "case_id")]
    used = [name for name in columns if any(name in row for row in held)]
    out = StringIO()
    writer = csv.DictWriter(out, used, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in held)
    return out.getvalue()


def rows_in(text: str, *, where: str) -> list[Mapping[str, Any]]:
    """The mappings in a table, unchecked; empty cells are left out.

    Raises:
        CaseError: it has no rows, or a cell that should be JSON is none; the line is named.
    """
    csv.field_size_limit(_CELL)
    head = text.split("\n", 1)[0]
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    rows: list[Mapping[str, Any]] = []
    for row in reader:
        if None in row:
            raise CaseError(f"{where}:{reader.line_num} has more cells than the table has columns")
        place = f"{where}:{reader.line_num}"
        cells = {name: cell for name, cell in row.items() if cell and not is_index(name)}
        rows.append({name: _value(name, cell, place) for name, cell in cells.items()})
    if not rows:
        raise CaseError(f"{where} holds no test cases: write a table with at least a column named goal")
    return rows


def is_index(column: str) -> bool:
    """Whether the column holds the numbers of a frame's rows, and nothing of a case."""
    return _INDEX.fullmatch(column) is not None


def from_text(name: str, cell: Any) -> Any:
    """A frame's cell, where a list or a mapping is still the text that a CSV file has for it."""
    if not isinstance(cell, str) or name in _TEXT or not cell.startswith(("[", "{")):
        return cell
    try:
        return _structure(cell)
    except (ValueError, SyntaxError, RecursionError):
        return cell  # a text of its own; what does not fit is refused with the case


def _cell(name: str, value: Any) -> str:
    if name in _TEXT:
        return str(value)
    lone = name in _LINES and not any("\n" in text or text.startswith(("[", '"')) for text in value)
    return "\n".join(value) if lone else json.dumps(value, ensure_ascii=False)


def _value(name: str, cell: str, where: str) -> Any:
    if name in _TEXT:
        return cell
    if name in _LINES and not cell.startswith("["):
        return [line for line in cell.split("\n") if line.strip()]
    try:
        return _structure(cell)
    except (ValueError, SyntaxError, RecursionError):
        raise CaseError(f"{where}: {name} is {cell[:60]!r}, which is no JSON: write it as in a .jsonl file") from None


def _structure(cell: str) -> Any:
    """What JSON says, or the literal that a frame's `to_csv` writes for a list or a mapping."""
    try:
        return json.loads(cell)
    except ValueError:
        if not cell.startswith(("[", "{")):
            raise
        return ast.literal_eval(cell)
