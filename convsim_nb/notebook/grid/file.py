"""Which files a grid may write over: those that hold nothing but what stood in it."""

import json
from collections.abc import Iterable
from pathlib import Path

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.workflow.cases import load_cases

_SCHEME = "mlflow:"


class OwnFiles:
    """Knows what a grid was given, and where it wrote: nothing else is lost in silence by a save."""

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._written: set[Path] = set()

    def gave(self, cases: Iterable[TestCase]) -> None:
        """The grid was given these cases."""
        self._given.update(map(_all_of, cases))

    def wrote(self, where: str | Path) -> None:
        """The grid saved there."""
        if (path := _file(where)) is not None:
            self._written.add(path)

    def is_foreign(self, where: str | Path) -> bool:
        """Whether a file is there that holds what was never in this grid.

        Raises:
            UsageError: its folder is not there.
        """
        path = _file(where)
        if path is None:
            return False
        if not path.parent.is_dir():
            raise UsageError(f"the folder {path.parent} is not there: make it, or mend the path {where}")
        return path.is_file() and path not in self._written and not self._is_read(path)

    def _is_read(self, path: Path) -> bool:
        try:
            return all(_all_of(case) in self._given for case in load_cases(str(path)))
        except ConvsimError:  # it is no file of cases: somebody else's
            return False


def _file(where: str | Path) -> Path | None:
    return None if isinstance(where, str) and where.startswith(_SCHEME) else Path(where).absolute()


def _all_of(case: TestCase) -> str:
    held = {name: value for name, value in case.as_mapping().items() if name != "findings"}
    return json.dumps(held, sort_keys=True, ensure_ascii=False, default=str)
