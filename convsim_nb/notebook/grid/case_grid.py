"""Test cases in a grid: edited in place, by hand; Python holds them, the page shows them."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from anywidget import AnyWidget

from convsim_nb.adapters.case_cells import COLUMNS
from convsim_nb.domain.case import CaseFinding, TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Session
from convsim_nb.notebook.grid.book import CaseBook, Op, Rows
from convsim_nb.notebook.grid.desk import GridDesk
from convsim_nb.notebook.grid.file import OwnFiles
from convsim_nb.notebook.grid.findings import Findings
from convsim_nb.notebook.grid.kept import KeptEdits
from convsim_nb.notebook.grid.protocol import WORDS, changed_rows, row_json
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.notebook.page import STATIC, tell
from convsim_nb.notebook.wishes import Wishes
from convsim_nb.views.hidden import visible
from convsim_nb.workflow.cases import CaseSet, load_cases

_REMEMBERED = 1000
"""Edits of which it is known that they were done."""
Json = dict[str, Any]
Again = Callable[[TestCase, str], Any]


class CaseGrid(AnyWidget):
    """Shows test cases as a grid, and takes what a person edits.

    `cases` are the rows that are whole test cases, `problems` says what the others lack. Pages send edits and show
    them at once; what holds is what stands here. Nothing of the cases is in the widget's own state, so that a saved
    notebook does not carry it.
    """

    _esm = (STATIC / "case_grid.js").read_text(encoding="utf-8")
    _css = (STATIC / "case_grid.css").read_text(encoding="utf-8")

    def __init__(
        self,
        cases: Any = (),
        *,
        sessions: Iterable[Session] = (),
        distill_again: Again | None = None,
        path: str | Path | None = None,
        **traits: Any,
    ) -> None:
        """Show `cases`: a CaseSet, or whatever `load_cases` takes.

        Args:
            cases: What is edited.
            sessions: Where the cases came from, beside those that the set brings: shown in the side panel.
            distill_again: Called with a case and the name of a field, it gives that field's new value, or a whole
                case of which the field is taken. By default the case's session is distilled with a model that
                the person names.
            path: Where `save` writes: a file, or `mlflow:NAME`.
            traits: Of the widget, such as `layout`.
        """
        super().__init__(**traits)
        given = load_cases(cases)
        self._lock = threading.RLock()
        self._book = CaseBook(given)
        self._told = given[:0].problems
        self._usage = given.usage
        self._sessions = {session.id: session for session in (*given.sessions, *sessions)}
        self._saved: Rows = self._book.rows
        self._path = path
        self._files = OwnFiles()
        self._files.gave(given)
        self._marked: tuple[str, ...] = ()
        self._columns: tuple[str, ...] | None = None
        self._name = uuid4().hex
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._seq = 0
        self._listeners: list[Callable[[], None]] = []
        self._heard: list[Callable[[], None]] = []
        self._on_marked: list[Callable[[], None]] = []
        self._findings = Findings(self._checked)
        self._desk = GridDesk(self, distill_again)
        self._wishes = Wishes(self._desk.do, tell=self._tell, name="convsim-grid")
        self.on_msg(self._asked)
        self._findings.look(self._book.rows, self._sessions)

    def _ipython_display_(self) -> None:
        """Show it once in a cell, with the form that a saved notebook keeps; elsewhere as any widget."""
        from convsim_nb.notebook.grid.shown import show_grid

        show_grid(self)

    # --- for Python ------------------------------------------------------------------

    @property
    def cases(self) -> CaseSet:
        """The rows that are test cases, as they are now; setting them is one edit, which can be undone."""
        with self._lock:
            cases = [self._findings.on(row) for row in self._book.rows if row.case is not None]
            sessions = tuple(self._sessions.values())
            return CaseSet(cases, problems=self._told, sessions=sessions, usage=self._usage)

    @cases.setter
    def cases(self, cases: Any) -> None:
        given = load_cases(cases)
        self._files.gave(given)
        self._remember(given.sessions)
        with self._lock:
            self._put("Change from Python", self._book.with_cases(given))

    @property
    def problems(self) -> tuple[str, ...]:
        """What the other rows lack, a line each."""
        with self._lock:
            drafts = [(number, row) for number, row in enumerate(self._book.rows, start=1) if row.case is None]
        return tuple(
            f"row {number}: {name}: {line}" for number, row in drafts for name, line in list(row.problems.items())[:1]
        )

    def add(self, cases: Any) -> None:
        """Append cases, and keep their sessions for the side panel: one edit, which can be undone."""
        given = load_cases(cases)
        self._files.gave(given)
        self._remember(given.sessions)
        with self._lock:
            self._put(f"Add {len(given)} cases", self._book.and_cases(given))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Call this after every change of the rows, on the thread that made it."""
        self._listeners.append(callback)

    def on_marked(self, callback: Callable[[], None]) -> None:
        """Call this whenever other rows are selected."""
        self._on_marked.append(callback)

    def on_heard(self, callback: Callable[[], None]) -> None:
        """Call this whenever a page shows the grid anew."""
        self._heard.append(callback)

    @property
    def unsaved(self) -> bool:
        """Whether rows changed since they came, or were saved last."""
        return self._book.rows != self._saved

    @property
    def path(self) -> str:
        """Where `save` writes; empty where nobody has said."""
        return str(self._path or "")

    def save(self, path: str | Path | None = None, *, replace: bool = False) -> str | Path:
        """Write the valid cases to a file or to `mlflow:NAME`; drafts stay here alone.

        A file that holds what never stood in this grid is only written over with `replace`.

        Raises:
            UsageError: no path is known, there is nothing to save, the folder is not there, or the file is foreign.
            StoreError: it cannot be written.
        """
        where = path or self._path
        if not where:
            raise UsageError("save() needs a path: a file such as cases.yaml, or mlflow:NAME")
        with self._lock:
            rows, cases = self._book.rows, self.cases
        if not cases:
            raise UsageError("there is no valid case to save yet: see .problems")
        if self._files.is_foreign(where) and not replace:
            raise UsageError(f"{where} is there already, and was not read here: save(path, replace=True) replaces it")
        written = cases.save(where)
        with self._lock:
            self._files.wrote(where)
            self._saved, self._path = rows, where
            self._desk.saved(cases)
            self.refresh_head()
        return written

    def would_replace(self, path: str | Path | None = None) -> str:
        """The file that `save` would write over, though it holds what never stood here; empty where there is none."""
        where = path or self._path
        return str(where) if where and self._files.is_foreign(where) else ""

    def marked(self) -> tuple[str, ...]:
        """The ids of the cases whose rows are selected, in their order."""
        with self._lock:
            return tuple(row.case_id for row in self._book.rows if row.key in self._marked and row.case is not None)

    def undo(self) -> str | None:
        """Take the last edit back; gives what it was, None where there was none."""
        return self._gone(self._book.undo)

    def redo(self) -> str | None:
        """Do again what was undone last."""
        return self._gone(self._book.redo)

    def close(self) -> None:
        """Show it no more; what was edited stays here."""
        self._findings.close()
        self._desk.stop()
        super().close()

    def edit(self, label: str, ops: Sequence[Op]) -> bool:
        """Do what a page could want, as one step to undo; see `CaseBook.edit`."""
        with self._lock:
            before = self._book.rows
            changed = self._book.edit(label, ops)
            self._say_changed((), before=before)
        if changed:
            self._changed()
        return changed

    def keep_edits(self, kept: KeptEdits) -> None:
        """Keep on disk what is not saved; what was kept there earlier is offered."""
        self._desk.offer(kept)
        self.on_change(self._desk.keep_soon)

    # --- for the desk ----------------------------------------------------------------

    def row(self, key: object) -> tuple[int, Row] | None:
        """The place and the row of a key."""
        with self._lock:
            return next(((n, row) for n, row in enumerate(self._book.rows) if row.key == key), None)

    def session(self, session_id: str) -> Session | None:
        """A session that is at hand."""
        return self._sessions.get(session_id)

    @property
    def rows(self) -> Rows:
        """All rows, drafts too."""
        return self._book.rows

    def put_rows(self, label: str, rows: Rows) -> bool:
        """Take other rows in the place of all, as one step to undo."""
        with self._lock:
            return self._put(label, rows)

    def change(self, key: str, label: str, change: Callable[[Row], Row]) -> bool:
        """Change one row, as one step to undo; False where it is gone, or stays the same."""
        with self._lock:
            return self._put(label, self._book.with_row(key, change))

    def refresh_head(self, said: Json | None = None) -> None:
        """Say again what stands above the rows, and with it a line for the person: `words`, and whether it is `bad`."""
        with self._lock:
            self._say({"rows": [], "head": self._head(), **({"said": said} if said else {})})

    # --- pages -----------------------------------------------------------------------

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a page wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                self._tell(self._state(view))
                for heard in self._heard:
                    heard()
            case {"type": "ping", "view": str(view)}:
                self._tell({"type": "pong", "to": view})
            case {"type": "edit", "id": str(asked), "label": str(label), "ops": list(ops)}:
                self._edit(asked, label, [op for op in ops if isinstance(op, Mapping)])
            case {"type": "undo" | "redo" as what, "id": str(asked)}:
                self._gone(self._book.undo if what == "undo" else self._book.redo, asked)
            case {"type": "marked", "keys": list(keys)}:
                self._marked = tuple(key for key in keys if isinstance(key, str))
                for callback in self._on_marked:
                    callback()
            case {"type": "columns", "names": list(names)}:  # they stay as chosen when the page is loaded anew
                self._columns = tuple(name for name in COLUMNS if name in names) or None
            case {"type": "do", "view": str(), "id": str(), "what": str(), "given": dict()}:
                self._wishes.take(content)

    def _edit(self, asked: str, label: str, ops: list[Op]) -> None:
        with self._lock:
            before = self._book.rows
            changed = self._once(asked) and self._book.edit(label[:80], ops)
            self._say_changed((asked,), before=before)
        if changed:
            self._changed()

    def _once(self, asked: str) -> bool:
        """Whether an edit is new: a page that missed the answer sends it again."""
        if asked in self._answered:
            return False
        self._answered[asked] = None
        if len(self._answered) > _REMEMBERED:
            self._answered.popitem(last=False)
        return True

    def _put(self, label: str, rows: Rows) -> bool:
        before = self._book.rows
        changed = self._book.put(label, rows)
        if changed:
            self._say_changed((), before=before)
            self._changed()
        return changed

    def _gone(self, go: Callable[[], str | None], asked: str = "") -> str | None:
        with self._lock:
            before = self._book.rows
            label = go() if not asked or self._once(asked) else None
            self._say_changed((asked,) if asked else (), before=before)
        if label is not None:
            self._changed()
        return label

    def _changed(self) -> None:
        self._findings.look(self._book.rows, self._sessions)
        for listener in self._listeners:
            listener()

    def _checked(self, keys: set[str]) -> None:
        """A check found other things on these rows."""
        with self._lock:
            rows = [row for row in self._book.rows if row.key in keys]
            self._say({"rows": [self._json(row) for row in rows]})
        for listener in self._listeners:
            listener()

    def _remember(self, sessions: Iterable[Session]) -> None:
        self._sessions = {**self._sessions, **{session.id: session for session in sessions}}

    # --- what is said ----------------------------------------------------------------

    def _state(self, view: str) -> Json:
        with self._lock:
            rows = [self._json(row) for row in self._book.rows]
            state = {"type": "state", "to": view, "grid": self._name, "seq": self._seq, "rows": rows}
            return {
                **state,
                "head": self._head(),
                "words": WORDS,
                "marked": list(self._marked),
                "columns": self._columns,
            }

    def _say_changed(self, answered: tuple[str, ...], *, before: Rows) -> None:
        """Tell every page what is other than before; `answered` are the edits that are in it."""
        rows, order, gone = changed_rows(before, self._book.rows)
        self._say(
            {"answered": answered, "rows": [self._json(row) for row in rows], "order": order, "gone": gone}
            | {"head": self._head()}
        )

    def _say(self, batch: Json) -> None:
        self._seq += 1
        self._tell({"type": "batch", "seq": self._seq, **batch})

    def _tell(self, message: Json) -> None:
        if self.comm is not None:  # closed: nobody looks
            tell(self, message)

    def _json(self, row: Row) -> Json:
        source = row.base.source if row.base else None
        at_hand = source is not None and source.session_id in self._sessions
        return row_json(row, self._found(row), at_hand=at_hand)

    def _found(self, row: Row) -> tuple[CaseFinding, ...]:
        case = self._findings.on(row) if row.case is not None else None
        return case.findings if case is not None else ()

    def _head(self) -> Json:
        done, undone = self._book.done, self._book.undone
        return {
            "undo": visible(done[-1].label) if done else "",
            "redo": visible(undone[-1].label) if undone else "",
            "unsaved": self.unsaved,
            "path": visible(self.path),
            **self._desk.head(),
        }
