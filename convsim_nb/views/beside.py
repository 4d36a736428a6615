"""A run beside others in its report: comparisons, the matrix of verdicts, and whatever else is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from convsim_nb.analysis.compare import Compared
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.views.comparison import table_rows
from convsim_nb.views.inline import Html
from convsim_nb.views.side_by_side import Sided, changed_cases


@dataclass(frozen=True)
class Versus:
    """One comparison: an earlier run, and the one that the report is of."""

    said: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    """Under a head."""
    changed: Sequence[Html] = ()
    """The cases that changed, side by side."""


@dataclass(frozen=True)
class Cell:
    """The trials of a case in one run."""

    reached: int
    counted: int
    void: int

    @property
    def tone(self) -> str:
        """Its colour."""
        if not self.counted:
            return "void"
        return "good" if self.reached == self.counted else "bad" if not self.reached else "live"

    @property
    def text(self) -> str:
        """As it is read: sign, and how many of how many."""
        if not self.counted:
            return f"○ {self.void} void" if self.void else "–"
        sign = {"good": "✓", "bad": "✗", "live": "~"}[self.tone]
        void = f", {self.void} void" if self.void else ""
        return f"{sign} {self.reached} of {self.counted}{void}"


@dataclass(frozen=True)
class Measured:
    """A table that somebody else made, such as fidelity."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    said: Sequence[str] = ()


@dataclass(frozen=True)
class Beside:
    """Everything in a report that a run alone has not."""

    versus: Sequence[Versus] = ()
    names: Sequence[str] = ()
    """Of the runs in the matrix, the report's own last."""
    matrix: Sequence[tuple[str, str, Sequence[Cell]]] = ()
    """For each case its id, its goal, and a cell a run; those that differ first."""

    @property
    def uneven(self) -> Sequence[tuple[str, str, Sequence[Cell]]]:
        """The cases that some trial of some version did not pass."""
        return [row for row in self.matrix if any(cell.tone != "good" for cell in row[2])]

    @property
    def even(self) -> Sequence[str]:
        """The ids of the cases that every version passes, each time."""
        return [row[0] for row in self.matrix if all(cell.tone == "good" for cell in row[2])]

    measured: Sequence[Measured] = ()


def versus(
    compared: Compared, *, sides: tuple[Sided, Sided], said: Sequence[str], cases: Mapping[str, TestCase], room: int
) -> Versus:
    """A comparison as words and rows, with the transcripts of the cases that changed, in so many bytes."""
    rows = table_rows(compared, first=sides[0].name, second=sides[1].name)
    return Versus(said=said, rows=rows, changed=changed_cases(compared.cases, sides=sides, cases=cases, room=room))


def matrix(
    runs: Sequence[Sequence[Conversation]], *, cases: Mapping[str, TestCase]
) -> list[tuple[str, str, Sequence[Cell]]]:
    """The verdict of each case in each run; cases that changed most for the worse first."""
    rows = [
        (case_id, case.goal, [_cell([one for one in run if one.case_id == case_id]) for run in runs])
        for case_id, case in cases.items()
    ]
    return sorted(rows, key=lambda each: _rate(each[2][-1]) - _rate(each[2][0]))


def _cell(conversations: Sequence[Conversation]) -> Cell:
    counted = [one for one in conversations if one.counts]
    return Cell(
        reached=sum(one.verdict == "reached" for one in counted),
        counted=len(counted),
        void=sum(one.verdict == "void" and one.origin is None for one in conversations),
    )


def _rate(cell: Cell) -> float:
    return cell.reached / cell.counted if cell.counted else 0.0
