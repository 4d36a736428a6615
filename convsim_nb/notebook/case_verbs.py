"""`%convsim edit`: a grid in the cell, and a name that follows what is edited in it."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from convsim_nb.domain.errors import UsageError
from convsim_nb.workflow.cases import CaseSet, load_cases

_ENDINGS = (".yaml", ".yml", ".json", ".jsonl", ".ndjson", ".csv")


def edit(cases: Any, *, path: str | Path | None = None) -> Any:
    """Edit test cases in a grid; each accepted edit gives the name of the cases what they are now.

    Args:
        cases: A CaseSet, a list, a frame, a file, or mlflow:NAME.
        path: Where the grid saves: a file, or mlflow:NAME; by default the file that the cases came from.
    """
    came_from = cases if (isinstance(cases, str) and cases.endswith(_ENDINGS)) or _is_dataset(cases) else None
    if isinstance(cases, str) and came_from is None:
        raise UsageError(f"%convsim edit {cases}: there is no such name, and files end in {', '.join(_ENDINGS)}")
    return load_cases(cases).edit(path=path or came_from)


def _is_dataset(cases: object) -> bool:
    return isinstance(cases, str) and cases.startswith("mlflow:")


def follow(grid: Any, name: str, names: dict[str, Any]) -> None:
    """Let a name mean what the grid's cases are, from now on and after each edit.

    Where somebody gives the name to something else, it is theirs again.
    """
    if not name.isidentifier():
        sys.stdout.write("the edited cases are the grid's .cases; with -o NAME a name follows them\n")
        return
    known = _following.setdefault(grid, {})
    if name in known:
        known[name].begin()
        return
    known[name] = _Following(grid, name, names)
    grid.on_change(known[name].changed)
    sys.stdout.write(f"{name} follows the grid: each edit rebinds it; rows to fix are left out until they are whole\n")


class _Following:
    """One name that follows a grid."""

    def __init__(self, grid: Any, name: str, names: dict[str, Any]) -> None:
        self._cases: Callable[[], CaseSet] = lambda: grid.cases
        self._name, self._names = name, names
        self.begin()

    def begin(self) -> None:
        """The name is the grid's, whatever it was."""
        self._mine = self._names[self._name] = self._cases()

    def changed(self) -> None:
        """Rebind the name, unless somebody else has taken it."""
        if self._names.get(self._name) is self._mine:
            self.begin()


_following: WeakKeyDictionary[Any, dict[str, _Following]] = WeakKeyDictionary()
