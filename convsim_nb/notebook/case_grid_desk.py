"""What a person asks of the grid beside edits: the source of a case, saving, distilling again."""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.protocol import sendable

if TYPE_CHECKING:
    from convsim_nb.notebook.case_grid import CaseGrid

Answer = dict[str, Any]


class GridDesk:
    """Does what pages ask for, on the thread of the errands."""

    def __init__(self, grid: "CaseGrid", again: Callable[[TestCase, str], Any] | None) -> None:
        self._grid, self._again = grid, again
        self._verbs: dict[str, Callable[..., Answer | None]] = {"save": self._save}

    def do(self, what: str, given: Mapping[str, Any]) -> Answer:
        """Do what a page asks for: `given` are the arguments of a verb, from a page, of any kind.

        Raises:
            ConvsimError: it cannot be done; the line is for the person.
        """
        verb = self._verbs.get(what)
        if verb is None:
            raise UsageError(f"this kernel does not know {what!r}: reload the page")
        try:
            bound = inspect.signature(verb).bind(**given)
        except TypeError as error:
            raise UsageError(f"{what}: {error}: reload the page") from None
        return verb(*bound.args, **bound.kwargs) or {}

    def head(self) -> Answer:
        """What stands above the rows, of what is done here."""
        return {}

    def _save(self, path: str = "") -> Answer:
        self._grid.save(str(path).strip() or None)
        left = len(self._grid.problems)
        return {"path": sendable(self._grid.path), "saved": len(self._grid.cases), "left": left}
