"""Sessions in files and tables: JSON lines, JSON, CSV and data frames, as entries with their place."""

import csv
import json
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError

if TYPE_CHECKING:
    import pandas as pd

Entries = list[tuple[str, object]]
"""What one line, row or item of a source holds, each after its place: `chats.jsonl, line 3`."""

_READ = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
_WRAPPERS = ("sessions", "conversations", "dialogues", "data", "records", "rows", "items")
_CELL = 2**31 - 1
_TOO_DEEP = "nested too deep to be read"


def read_file(path: Path) -> tuple[Entries, list[str]]:
    """What the file holds, and a line for each place that cannot be parsed.

    Raises:
        NotFoundError: no such file.
        StoreError: it cannot be read as text.
        UsageError: it is of another kind, or is no JSON at all.
    """
    kind = path.suffix.lower()
    if path.is_dir() or (kind not in _READ and path.exists()):
        what = "a folder" if path.is_dir() else f"of kind {kind!r}"
        raise UsageError(f"{path} is {what}: sessions are read from files ending in {', '.join(_READ)}")
    text = _text(path)
    if kind in (".jsonl", ".ndjson"):
        return _lines(path.name, text)
    return (_items(path.name, text) if kind == ".json" else _rows(path.name, text)), []


def read_frame(frame: "pd.DataFrame") -> Entries:
    """The rows of a data frame; cells without a value are left out."""
    records = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return [(f"row {number}", _row(record)) for number, record in enumerate(records, 1)]


def _row(record: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): _plain(value) for key, value in record.items() if value is not None}


def _plain(value: Any) -> Any:
    """Arrays and scalars of numpy as Python's own: frames read from Parquet are full of them."""
    tolist = getattr(value, "tolist", None)
    return tolist() if callable(tolist) else value


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"no file {str(path)!r}: {_instead(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}; save it as UTF-8 text") from None


def _instead(path: Path) -> str:
    """What else lies where the file was looked for."""
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r} either"
    found = sorted(other.name for other in path.parent.iterdir() if other.suffix.lower() in _READ)
    return f"there are {', '.join(found[:5])}" if found else f"nothing that could be read lies in {path.parent}"


def _lines(name: str, text: str) -> tuple[Entries, list[str]]:
    entries: Entries = []
    problems = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            entries.append((f"{name}, line {number}", json.loads(line)))
        except ValueError as fault:
            problems.append(f"{name}, line {number}: not JSON ({fault})")
        except RecursionError:
            problems.append(f"{name}, line {number}: {_TOO_DEEP}")
    return entries, problems


def _items(name: str, text: str) -> Entries:
    try:
        held = json.loads(text)
    except ValueError as fault:
        raise UsageError(f"{name} is not JSON ({fault}); one object a line goes into a file ending in .jsonl") from None
    except RecursionError:
        raise UsageError(f"{name}: {_TOO_DEEP}") from None
    wrapped = next((held[key] for key in _WRAPPERS if isinstance(held, dict) and _wraps(held.get(key))), held)
    if isinstance(wrapped, list):
        return [(f"{name}, item {number}", item) for number, item in enumerate(wrapped, 1)]
    if isinstance(held, dict) and held and all(_wraps(value) for value in held.values()):
        return [(f"{name}, {key!r}", {"session_id": key, "messages": value}) for key, value in held.items()]
    return [(name, held)]


def _wraps(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict | list) for item in value)


def _rows(name: str, text: str) -> Entries:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    csv.field_size_limit(_CELL)  # a cell may hold a whole conversation
    return list(_numbered(name, csv.DictReader(StringIO(text, newline=""), delimiter=delimiter)))


def _numbered(name: str, reader: "csv.DictReader[str]") -> Iterator[tuple[str, object]]:
    """Rows with the line they end on: a cell may hold line breaks."""
    for row in reader:
        yield f"{name}, line {reader.line_num}", {key: value for key, value in row.items() if key and value}
