"""What a scorer says of one conversation, or of one turn of it."""

import re
from math import isfinite

from convsim_nb.domain.record import Record

_YES_OR_NO = {"yes": 1.0, "pass": 1.0, "true": 1.0, "no": 0.0, "fail": 0.0, "false": 0.0}
TAKEN = frozenset(
    {
        *("case_id", "trial", "goal", "verdict", "stop", "turns", "corrections", "seconds", "detail", "assisted"),
        *("label", "note", "session_id", "source_session", "key", "agent_tokens", "user_tokens", "judge_tokens"),
        *("reach rate", "agent seconds a reply", "agent tokens", "agent cost"),
    }
)
"""What a run's frame and a comparison show of themselves: a score of such a name would stand in its place."""
_LONGEST = 240
_STORABLE = re.compile(r"(?!.*(^|/)(\.\.?)?(/|$))[\w.\-: /]+")
"""Letters, digits, and `_ . - : /` and spaces, of which MLflow makes the metric `<name>/mean`."""


def name_fault(name: str) -> str | None:
    """Why nothing can be scored under a name; None where it can."""
    if name in TAKEN:
        return f"a score cannot be named {name!r}, which a run has already"
    if len(name) > _LONGEST or not _STORABLE.fullmatch(name):
        return f"a score cannot be named {name[:60]!r}: MLflow takes letters, digits, spaces and _ . - : / alone"
    return None


def value_fault(value: object) -> str | None:
    """Why a number is none; None for every other value."""
    return None if not isinstance(value, float) or isfinite(value) else f"it gave {value}, which is no number"


class Score(Record):
    """One scorer's value; stands beside the run, joined by the conversation's key."""

    key: str
    name: str
    value: float | int | bool | str | None
    """None where the scorer does not apply, or failed."""
    rationale: str = ""
    turn: int | None = None
    """The turn that was scored, from 1; None where it is the whole conversation."""
    error: str = ""
    """Why the scorer has no value: it raised, or its model gave no answer."""

    @property
    def number(self) -> float | None:
        """The value as a number, 1 for yes and 0 for no; None for any other text."""
        if isinstance(self.value, int | float):
            return float(self.value)
        return _YES_OR_NO.get(str(self.value).lower())

    @property
    def holds(self) -> bool | None:
        """Whether it says yes or no; None where it says anything else."""
        said = _YES_OR_NO.get(str(self.value).lower())
        return None if said is None else bool(said)
