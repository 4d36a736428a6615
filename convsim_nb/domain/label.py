"""What a person says of one conversation."""

from datetime import datetime
from typing import Literal, get_args

from convsim_nb.domain.record import Record

LabelValue = Literal["reached", "not_reached", "simulator_fault"]
LABELS: tuple[LabelValue, ...] = get_args(LabelValue)
"""`simulator_fault`: the simulated user or the judge went wrong, so that it says nothing about the agent."""


class Label(Record):
    """A person's word on a conversation: beside the run, joined by the conversation's key; the newest counts.

    It changes no verdict and no rate.
    """

    key: str
    value: LabelValue | None
    """None takes an earlier label back."""
    note: str = ""
    session_id: str = ""
    """Of the attempt that was read."""
    at: datetime
    """UTC."""
