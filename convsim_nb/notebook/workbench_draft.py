"""What was edited in a workbench, on disk: after a kernel restart it is offered again."""

import hashlib
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Self

from convsim_nb.adapters.case_files import as_yaml
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.workflow.cases import CaseSet, load_cases

BENCHES = Path(".convsim/workbench")
_CASES = "cases.yaml"
_LETTERS = 12


class Draft:
    """The cases of one workbench, in a file that `load_cases` reads; which one is told by what it was opened with."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / _CASES
        self._written: CaseSet | None = None

    @classmethod
    def of(cls, opened_with: object) -> Self:
        """The draft of this notebook's workbench that was opened with these arguments (any JSON)."""
        notebook = os.environ.get("JPY_SESSION_NAME", "")  # Jupyter servers say so which notebook a kernel is of
        said = json.dumps([notebook, opened_with], default=str)
        return cls(BENCHES.absolute() / hashlib.sha256(said.encode()).hexdigest()[:_LETTERS])

    def read(self) -> CaseSet | None:
        """The cases as they were left; None where nothing was, or what is there cannot be read any more."""
        if not self.path.is_file():
            return None
        try:
            return load_cases(self.path)
        except ConvsimError:
            return None

    @property
    def when(self) -> str:
        """Day and hour of the last edit."""
        return f"{datetime.fromtimestamp(self.path.stat().st_mtime).astimezone():%d %b, %H:%M}"

    def write(self, cases: CaseSet) -> None:
        """Keep the cases, if they are not kept already.

        Raises:
            OSError: the folder cannot be written.
        """
        if cases == self._written:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(as_yaml(cases))
        new.replace(self.path)
        self._written = cases

    def same_as(self, cases: CaseSet) -> None:
        """Nothing was edited yet: these are what the workbench was opened with."""
        self._written = cases


def fingerprint(cases: Sequence[object] | None) -> list[str] | None:
    """What tells one set of cases from another."""
    return None if cases is None else [f"{case.case_id} {case.digest}" for case in CaseSet(cases)]  # type: ignore[arg-type]
