"""`%convsim edit`: a grid in the cell, and a name that follows what is edited in it."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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


def grid_behind(name: str, names: Mapping[str, Any]) -> Any:
    """The grid that a name follows, where it still means what the grid gave it; else None."""
    found = _following.get(name)
    return found.grid if found and found.is_followed(names) else None


def follow(grid: Any, name: str, names: dict[str, Any]) -> None:
    """Let a name mean what the grid's cases are, from now on and after each edit.

    Where somebody gives the name to something else, it is theirs again.
    """
    if not name.isidentifier():
        sys.stdout.write("the edited cases are the grid's .cases; with -o NAME a name follows them\n")
        return
    following = _following[name] = _Following(grid, name, names)
    grid.on_change(following.changed)
    sys.stdout.write(f"{name} follows the grid: each edit rebinds it; rows to fix are left out until they are whole\n")


class _Following:
    """One name that follows a grid."""

    def __init__(self, grid: Any, name: str, names: dict[str, Any]) -> None:
        self.grid, self._name, self._names = grid, name, names
        self._mine: CaseSet = grid.cases
        names[name] = self._mine

    def is_followed(self, names: Mapping[str, Any]) -> bool:
        """Whether the name means what the grid gave it."""
        return names is self._names and names.get(self._name) is self._mine

    def changed(self) -> None:
        """Rebind the name, unless somebody else has taken it."""
        if _following.get(self._name) is self and self.is_followed(self._names):
            self._mine = self._names[self._name] = self.grid.cases


_following: dict[str, _Following] = {}
"""What each name follows."""
