"""What a scorer says of one conversation, or of one turn of it."""

from convsim_nb.domain.record import Record

_YES_OR_NO = {"yes": 1.0, "pass": 1.0, "true": 1.0, "no": 0.0, "fail": 0.0, "false": 0.0}


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
