"""What a person asks of the grid beside edits: the source of a case, saving, distilling a cell again."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.case_cells import COLUMNS
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.notebook.grid.kept import KeptEdits, kept_words
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.notebook.grid.source import source_json
from convsim_nb.notebook.live.desk import asked_of, problem_of
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.views.hidden import visible
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.distill_again import distill_again, with_field

if TYPE_CHECKING:
    from convsim_nb.notebook.grid.case_grid import CaseGrid

_WRITTEN = 0.3
"""Seconds after an edit in which it is on disk."""
Answer = dict[str, Any]
Again = Callable[[TestCase, str], Any]


@dataclass
class Distilled:
    """A cell that is being distilled again."""

    key: str
    column: str
    words: str
    future: "Future[TestCase] | None" = None
    stopped: bool = False


class GridDesk:
    """Does what pages ask for, on the thread of the wishes."""

    def __init__(self, grid: "CaseGrid", again: Again | None) -> None:
        self._grid, self._again = grid, again
        self._busy: Distilled | None = None
        self._model = ""
        self._kept: KeptEdits | None = None
        self._left: tuple[Row, ...] = ()
        self._when = ""
        self._writing: threading.Timer | None = None
        self._problem = ""
        self._verbs: dict[str, Callable[..., Answer | None]] = {
            "save": self._save,
            "source": self._source,
            "again": self._distill,
            "stop_again": self._stop,
            "bring_back": self._bring_back,
            "let_go": self._let_go,
        }

    def do(self, what: str, given: Mapping[str, Any]) -> Answer:
        """Do what a page asks for: `given` are the arguments of a verb, from a page, of any kind.

        Raises:
            ConvsimError: it cannot be done; the line is for the person.
        """
        return asked_of(self._verbs, what, given)

    def head(self) -> Answer:
        """What stands above the rows, of what is done here."""
        busy = self._busy
        told = busy and {"key": busy.key, "column": busy.column, "words": busy.words}
        return {
            "busy": told,
            "model": visible(self._model),
            "asks": self._again is None,
            "offer": self._offered(),
            "problem": visible(self._problem),
        }

    def stop(self) -> None:
        """End what is being distilled; the cell stays as it is."""
        if (busy := self._busy) is not None:
            busy.stopped = True
            if busy.future is not None:
                busy.future.cancel()

    # --- what is on disk -------------------------------------------------------------

    def offer(self, kept: KeptEdits) -> None:
        """Keep edits there from now on; what lies there already may be brought back."""
        self._kept, self._left = kept, kept.read()
        self._when = kept.when if self._left else ""

    def keep_soon(self) -> None:
        """Write what is not saved to disk, a moment after the first of several edits."""
        if self._kept is None or self._writing is not None or (self._left and not self._grid.unsaved):
            return
        self._left = ()  # somebody edits: what was offered is not wanted
        self._writing = threading.Timer(_WRITTEN, self._keep)
        self._writing.daemon = True
        self._writing.start()

    def saved(self, cases: CaseSet) -> None:
        """The valid cases were saved; drafts are kept as before, and for whoever opens what was saved."""
        if self._kept is not None:
            self._kept.saved(cases)
        self.keep_soon()

    def _keep(self) -> None:
        kept, self._writing = self._kept, None
        if kept is None:
            return
        try:
            if self._grid.unsaved or any(row.is_draft for row in self._grid.rows):
                kept.write(self._grid.rows)
            else:
                kept.drop()
        except OSError as error:
            self._problem = f"Edits cannot be kept on disk, save them before the kernel ends: {error}"
            self._grid.refresh_head()

    def _offered(self) -> str:
        return f"Edits of {self._when} were never saved: {kept_words(self._left)}." if self._left else ""

    def _bring_back(self) -> None:
        left, self._left = self._left, ()
        self._grid.put_rows("Bring back unsaved edits", left)

    def _let_go(self) -> None:
        self._left = ()
        if self._kept is not None:
            self._kept.drop()
        self._grid.refresh_head()

    # --- the verbs -------------------------------------------------------------------

    def _save(self, path: str = "", *, replace: bool = False) -> Answer:
        """Save, or say which file is `there` already: the page asks before it is replaced."""
        where = str(path).strip() or None
        if replace is not True and (there := self._grid.would_replace(where)):
            return {"there": visible(there)}
        self._grid.save(where, replace=replace is True)
        left = len(self._grid.problems)
        return {"path": sendable(self._grid.path), "saved": len(self._grid.cases), "left": left}

    def _source(self, key: str) -> Answer:
        _, row = self._found(key)
        case = row.case or row.base
        session = self._grid.session(case.source.session_id) if case and case.source else None
        if case is None or session is None:
            raise NotFoundError("the session that it came from is not at hand")
        return source_json(case, session)

    def _distill(self, key: str, column: str, model: str = "") -> None:
        """Begin; what comes of it is told to all pages."""
        place, row = self._found(key)
        case = row.case or row.base
        if self._busy is not None:
            raise UsageError(f"{self._busy.words}: wait for it, or stop it")
        if column not in COLUMNS or case is None:
            raise UsageError(f"{column} of row {place + 1} cannot be distilled: the case came from no session")
        busy = Distilled(row.key, column, f"Distilling {_named(column)} of row {place + 1} again")
        work = self._own(case, column) if self._again else self._ours(case, str(model), busy)
        self._busy = busy
        self._grid.refresh_head()
        threading.Thread(target=self._wait, args=(busy, work), name="convsim-again", daemon=True).start()

    def _own(self, case: TestCase, column: str) -> Callable[[], Any]:
        again = self._again
        return lambda: again(case, column) if again else None

    def _ours(self, case: TestCase, model: str, busy: Distilled) -> Callable[[], Any]:
        if case.source is None:
            raise UsageError(f"case {case.case_id} came from no session: it cannot be distilled again")
        session = self._grid.session(case.source.session_id)
        if session is None:
            raise NotFoundError(f"session {case.source.session_id} is not at hand: give it as sessions=")
        busy.future = distill_again(case, session, model=model)
        self._model = model
        return busy.future.result

    def _stop(self) -> None:
        self.stop()

    def _wait(self, busy: Distilled, work: Callable[[], Any]) -> None:
        try:
            found = work()
        except CancelledError:
            said, bad = f"Stopped: {_named(busy.column)} stays as it was", False
        except Exception as error:  # noqa: BLE001 - a model may be anybody's code; the person has to hear of it
            said, bad = f"{_named(busy.column).capitalize()} was not distilled: {problem_of(error)}", True
        else:
            said, bad = self._taken(busy, found)
        self._busy = None
        self._grid.refresh_head({"words": visible(said), "bad": bad})

    def _taken(self, busy: Distilled, found: Any) -> tuple[str, bool]:
        """Put what came back into the cell, as one step to undo; what it was is a step away."""
        if busy.stopped:
            return f"Stopped: {_named(busy.column)} stays as it was", False
        name = _named(busy.column)
        changed = self._grid.change(busy.key, f"Distill {name} again", lambda row: _with(row, busy.column, found))
        return (f"Distilled {name} again; Ctrl+Z takes it back" if changed else f"{name}: nothing else came"), False

    def _found(self, key: object) -> tuple[int, Row]:
        found = self._grid.row(key)
        if found is None:
            raise NotFoundError("the row is gone")
        return found


def _with(row: Row, column: str, found: Any) -> Row:
    """The row with a cell that a model wrote: what a person typed in it is gone, their other cells stand."""
    case = row.case or row.base
    if case is None:
        return row
    base = row.base or case
    new = with_field(base, found, column) if isinstance(found, TestCase) else base.edited(**{column: found})
    typed = {name: text for name, text in row.typed.items() if name != column}
    return replace(row, base=new, typed=typed)


def _named(column: str) -> str:
    return "guidelines" if column == "simulation_guidelines" else column
