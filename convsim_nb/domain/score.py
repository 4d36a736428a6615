"""What a scorer says of one conversation."""

from convsim_nb.domain.record import Record


class Score(Record):
    """One scorer's value for one conversation; stands beside the run, joined by the conversation's key."""

    key: str
    name: str
    value: float | int | bool | str | None
    """None where the scorer does not apply."""
    rationale: str = ""
