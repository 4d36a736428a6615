"""What was edited in a workbench, on disk: after a kernel restart it is offered again."""

import hashlib
import json
import os
import tempfile
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from convsim_nb.adapters.case_files import as_yaml
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.notebook.grid.kept import read_rows, write_rows
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.views.words import count
from convsim_nb.workflow.cases import CaseSet, load_cases

BENCHES = Path(".convsim/workbench")
_CASES = "cases.yaml"
_KEPT = "kept-{stamp}.yaml"
_DISMISSED = "dismissed.yaml"
_SETTINGS = "settings.json"
_LETTERS = 12
Rows = Sequence[Row]


@dataclass(frozen=True)
class Kept:
    """Cases that an earlier kernel left, in a file of their own that no edit touches."""

    path: Path
    cases: CaseSet
    rows: tuple[Row, ...] = ()
    """All rows as they stood, where some of them were no cases yet."""

    @property
    def when(self) -> str:
        """Day and hour of the last edit."""
        return f"{datetime.fromtimestamp(self.path.stat().st_mtime).astimezone():%d %b, %H:%M}"

    @property
    def words(self) -> str:
        """What it is, in a sentence."""
        drafts = sum(row.is_draft for row in self.rows)
        left = count(drafts, "row that is not valid yet", "rows that are not valid yet") if drafts else ""
        what = " and ".join(each for each in (count(len(self.cases), "case") if self.cases else "", left) if each)
        return f"{what} edited here on {self.when} {'is' if len(self.cases) + drafts == 1 else 'are'} on disk."

    def drop(self) -> None:
        """They were taken or dismissed: they are offered no more, and stand in `dismissed.yaml` until the next.

        Raises:
            OSError: the folder cannot be written.
        """
        _move(self.path, self.path.with_name(_DISMISSED))


class Draft:
    """The cases of one workbench, in a file that `load_cases` reads; which one is told by what it was opened with.

    Where rows are no cases yet, all rows stand in a file beside it.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _CASES
        self._written: tuple[CaseSet, Rows] | None = None
        self._set: dict[str, str] = {}
        self._writing = threading.Lock()

    @classmethod
    def of(cls, opened_with: object, *, cell: str = "", in_use: Collection[Path] = ()) -> Self:
        """The draft of this notebook's workbench that was opened with these arguments (any JSON).

        `in_use` are those of the open workbenches: a second cell with the same arguments gets one of its own. The
        first has none of its cell alone, for there are hosts that name their cells anew each day.
        """
        notebook = os.environ.get("JPY_SESSION_NAME", "")  # Jupyter servers say so which notebook a kernel is of
        shared, own = cls(_folder(notebook, opened_with)), cls(_folder(notebook, opened_with, cell))
        return own if shared.path in in_use or own.path.parent.is_dir() else shared

    def set_aside(self, begun: CaseSet) -> list[Kept]:
        """What earlier kernels left other than `begun`, the newest first; no edit overwrites it from now on.

        Raises:
            OSError: the folder cannot be written.
        """
        with self._writing:
            self._written = (begun, ())
            if self.path.is_file():
                left = _read(self.path)
                if left is None or (left and not same_cases(left, begun)) or read_rows(_rows_of(self.path)):
                    _move(self.path, self._free_name())
        found = sorted(self.path.parent.glob(_KEPT.format(stamp="*")), key=_edited_at, reverse=True)
        every = [Kept(path, _read(path) or CaseSet(), read_rows(_rows_of(path))) for path in found]
        return [each for each in every if each.rows or (each.cases and not same_cases(each.cases, begun))]

    def write(self, cases: CaseSet, rows: Rows = ()) -> None:
        """Keep the cases, and of the rows those that are none yet, if they are not kept already.

        Raises:
            OSError: the folder cannot be written.
        """
        with self._writing:
            drafts = tuple(rows) if any(row.is_draft for row in rows) else ()
            if (cases, drafts) == self._written:
                return
            self._put(self.path, as_yaml(cases))
            if drafts:
                write_rows(_rows_of(self.path), drafts)
            else:
                _rows_of(self.path).unlink(missing_ok=True)
            self._written = (cases, drafts)

    def settings(self) -> dict[str, str]:
        """The settings that were typed in an earlier kernel; none where they are not there, or cannot be read."""
        try:
            held = json.loads(self.path.with_name(_SETTINGS).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        self._set = {str(name): str(word) for name, word in held.items()} if isinstance(held, dict) else {}
        return dict(self._set)

    def write_settings(self, typed: dict[str, str]) -> None:
        """Keep settings, if they are not kept already.

        Raises:
            OSError: the folder cannot be written.
        """
        with self._writing:
            if typed != self._set:
                self._put(self.path.with_name(_SETTINGS), json.dumps(typed, ensure_ascii=False))
                self._set = dict(typed)

    def _put(self, path: Path, text: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, new = tempfile.mkstemp(dir=self.path.parent, prefix=".cases-", suffix=".new")  # for its owner alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(new).replace(path)

    def _free_name(self) -> Path:
        edited = datetime.fromtimestamp(self.path.stat().st_mtime).astimezone()
        stamp = f"{edited:%Y%m%d-%H%M%S}"
        found, again = self.path.with_name(_KEPT.format(stamp=stamp)), 2
        while found.exists():
            found, again = self.path.with_name(_KEPT.format(stamp=f"{stamp}-{again}")), again + 1
        return found


def _rows_of(path: Path) -> Path:
    """The file of rows beside a file of cases."""
    return path.with_suffix(".rows.json")


def _move(path: Path, to: Path) -> None:
    """Both files; where there is one of cases only, none of rows is left beside it."""
    path.replace(to)
    if _rows_of(path).is_file():
        _rows_of(path).replace(_rows_of(to))
    else:
        _rows_of(to).unlink(missing_ok=True)


def same_cases(one: Sequence[TestCase] | None, other: Sequence[TestCase] | None) -> bool:
    """Whether a person would call them the same: what a check found in them is not theirs."""
    return _unchecked(one or ()) == _unchecked(other or ())


def _unchecked(cases: Iterable[TestCase]) -> list[TestCase]:
    return [case.model_copy(update={"findings": ()}) for case in cases]


def _edited_at(path: Path) -> int:
    return path.stat().st_mtime_ns


def _folder(*opened_with: object) -> Path:
    said = json.dumps(opened_with, default=str)
    return BENCHES.absolute() / hashlib.sha256(said.encode()).hexdigest()[:_LETTERS]


def _read(path: Path) -> CaseSet | None:
    """The cases of a file; None where it cannot be read any more: then it stays where it is."""
    try:
        return load_cases(path)
    except ConvsimError:
        return None


def fingerprint(cases: Sequence[object] | None) -> list[str] | None:
    """What tells one set of cases from another."""
    return None if cases is None else [f"{case.case_id} {case.digest}" for case in CaseSet(cases)]  # type: ignore[arg-type]
