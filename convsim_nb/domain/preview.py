"""A recorded session, as far as a list shows it."""

from datetime import datetime
from typing import Self

from convsim_nb.domain.record import Record


class SessionPreview(Record):
    """What is known of a session without reading it whole.

    A list is read backwards in time: `traces`, `began` and what the user said first are those found so far.
    """

    id: str
    began: datetime
    """When its earliest trace known began."""
    last: datetime
    """When its latest trace began."""
    traces: int = 1
    """So many of its traces were listed: one a turn, as agents are usually traced."""
    first_said: str = ""
    """The request of its earliest trace known, cut short by MLflow."""
    last_answer: str = ""
    seconds: float = 0.0
    """How long the agent took in all."""
    errors: int = 0
    """Traces that ended in an error."""
    bad: tuple[str, ...] = ()
    """Assessments that say no, as `name=value`: false, "no", "fail", or a number below a half."""
    simulated: bool = False

    def joined(self, other: Self) -> Self:
        """With a trace of the same session that was found later, and is older."""
        first, last = sorted((self, other), key=lambda one: one.began)
        return self.model_copy(
            update={
                "began": first.began,
                "last": max(self.last, other.last),
                "traces": self.traces + other.traces,
                "first_said": first.first_said or last.first_said,
                "last_answer": last.last_answer or first.last_answer,
                "seconds": self.seconds + other.seconds,
                "errors": self.errors + other.errors,
                "bad": tuple(dict.fromkeys((*self.bad, *other.bad))),
                "simulated": self.simulated or other.simulated,
            }
        )
