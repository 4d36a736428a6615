"""A recorded session, as far as a list shows it."""

from datetime import UTC, datetime
from typing import Self

from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Session

_NEVER = datetime.min.replace(tzinfo=UTC)


class SessionPreview(Record):
    """What is known of a session without reading it whole.

    A list is read backwards in time: `traces`, `began` and what the user said first are those found so far.
    """

    id: str
    began: datetime | None = None
    """When its earliest trace known began; None where a session that was given does not say."""
    last: datetime | None = None
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

    @classmethod
    def of(cls, session: Session, *, name: str = "") -> Self:
        """What a list shows of a session that is at hand whole; `name` stands for its id."""
        answers = [message.content for message in session.messages if message.role == "assistant"]
        calls = [call for message in session.messages for call in message.tool_calls]
        return cls(
            id=name or session.id,
            began=session.started_at,
            last=session.started_at,
            traces=len(session.user_messages),
            first_said=next(iter(session.user_messages), ""),
            last_answer=answers[-1] if answers else "",
            seconds=sum(message.seconds or 0.0 for message in session.messages),
            errors=sum(call.error is not None for call in calls),
            simulated=session.simulated,
        )

    def joined(self, other: Self) -> Self:
        """With a trace of the same session that was found later, and is older."""
        first, last = sorted((self, other), key=lambda one: one.began or _NEVER)
        return self.model_copy(
            update={
                "began": first.began,
                "last": max(self.last or _NEVER, other.last or _NEVER),
                "traces": self.traces + other.traces,
                "first_said": first.first_said or last.first_said,
                "last_answer": last.last_answer or first.last_answer,
                "seconds": self.seconds + other.seconds,
                "errors": self.errors + other.errors,
                "bad": tuple(dict.fromkeys((*self.bad, *other.bad))),
                "simulated": self.simulated or other.simulated,
            }
        )
