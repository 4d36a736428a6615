"""One trial of one test case, and what became of it."""

from typing import Literal

from convsim_nb.domain.case import Kind
from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Message

Stop = Literal[
    "goal_reached",
    "user_ended",
    "max_turns",
    "agent_silent",
    "agent_error",
    "agent_timeout",
    "looped",
    "model_error",
    "simulator_broke",
    "over_budget",
    "cancelled",
]
Verdict = Literal["reached", "not_reached", "void"]
Spender = Literal["agent", "user", "judge", "distiller"]
Status = Literal["waiting", "running", "paused", "ended"]

_VOID: frozenset[Stop] = frozenset({"model_error", "simulator_broke", "over_budget", "cancelled"})


def verdict_of(stop: Stop, *, reached: bool = False) -> Verdict:
    """The verdict that a stop reason implies; `reached` is the judge's last word, asked for `user_ended` alone."""
    if stop in _VOID:
        return "void"
    if stop == "goal_reached" or (stop == "user_ended" and reached):
        return "reached"
    return "not_reached"


def conversation_key(case_id: str, agent: str, trial: int) -> str:
    """What stays the same over every attempt at a trial of a case against an agent."""
    return f"{case_id}/{agent}/{trial}"


class Usage(Record):
    """What model calls took. Sums with `+`; an unknown cost makes the sum unknown."""

    calls: int = 0
    """Requests sent, retries included."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of `input_tokens`, those read from the provider's prompt cache."""
    cost: float | None = 0.0
    """US dollars; None where a price is not known."""
    seconds: float = 0.0

    def __add__(self, other: "Usage") -> "Usage":
        known = self.cost is not None and other.cost is not None
        return Usage(
            calls=self.calls + other.calls,
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            cost=(self.cost or 0.0) + (other.cost or 0.0) if known else None,
            seconds=self.seconds + other.seconds,
        )


class Fired(Record):
    """A trigger that the judge saw happen."""

    index: int
    """The place of the withheld fact in the case, from 0."""
    quote: str
    """The agent's words that prove it, verbatim."""


class GoalCheck(Record):
    """The judge's word after a turn."""

    reached: bool
    evidence: str = ""
    """The agent's words that meet the goal, verbatim; empty when it is not reached."""
    fired: tuple[Fired, ...] = ()
    why: str = ""
    turn: int = 0
    barred: bool = False
    """The judge was content, but a trigger that fired in the same turn bars the goal: `reached` is False."""


class Release(Record):
    """A withheld fact that became known to the simulated user."""

    index: int
    fact: str
    kind: Kind
    turn: int
    quote: str = ""
    """The agent's words that released it; empty when it was said in history, script or by a person."""


class Rejection(Record):
    """A message of the simulated user that was stopped before the agent heard it."""

    turn: int
    text: str
    guard: str
    reason: str


class Retry(Record):
    """A call of the agent that failed, and was made again."""

    turn: int
    error: str
    """In one line."""


class Doubt(Record):
    """What a guard has against a message of the simulated user that the agent heard all the same."""

    turn: int
    guard: str
    reason: str


class Origin(Record):
    """Where a forked or repeated conversation came from."""

    key: str
    turn: int
    how: Literal["fork", "again"] = "fork"


class Conversation(Record):
    """What was said in one trial of one case, how it was judged, and why it ended.

    Given by the fold of a run's events; a later event makes a new one.
    """

    key: str
    case_id: str
    agent: str
    trial: int = 1
    """From 1."""
    attempt: int = 0
    """From 1; 0 while it waits."""
    session_id: str = ""
    """MLflow's session of this attempt: `sim-` and random hex."""
    origin: Origin | None = None
    status: Status = "waiting"
    messages: tuple[Message, ...] = ()
    checks: tuple[GoalCheck, ...] = ()
    released: tuple[Release, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    retries: tuple[Retry, ...] = ()
    usage: dict[Spender, Usage] = {}
    turn_usage: dict[int, Usage] = {}
    """The same by turn, of all spenders: what came of a turn's reply, and the user's next words, belong to it."""
    stop: Stop | None = None
    """Never None after the end."""
    verdict: Verdict | None = None
    """Never None after the end."""
    detail: str = ""
    """One line more on the stop: the agent's error, the guard that was hit."""
    last_trace_id: str = ""
    """The trace of the turn in which the agent failed."""
    turn: int = 0
    """The turn it is in, from 1; 0 before the first."""
    started: float | None = None
    """Seconds since the run's start."""
    ended: float | None = None

    def __repr__(self) -> str:
        end = f"{self.verdict}: {self.stop}" if self.stop else self.status
        return f"Conversation({self.key!r}, {len(self.messages)} messages, {end})"

    @property
    def turns(self) -> int:
        """How many turns were begun: scripted ones count, given history does not."""
        return self.turn

    @property
    def assisted(self) -> bool:
        """True where a person spoke for the simulated user: such conversations stand outside rates."""
        return any(message.source == "operator" for message in self.messages)

    @property
    def counts(self) -> bool:
        """True where it stands in rates: neither void, nor assisted, nor forked."""
        return self.verdict in ("reached", "not_reached") and not self.assisted and self.origin is None

    @property
    def corrections(self) -> int:
        """How many of the agent's faults the simulated user came to correct, each proved by the agent's words."""
        return sum(release.kind == "correction" and bool(release.quote) for release in self.released)

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """The MLflow traces of its turns, in order; the one of a turn that failed stands last."""
        answered = [message.trace_id for message in self.messages if message.trace_id and message.source == "agent"]
        return tuple(dict.fromkeys([*answered, *([self.last_trace_id] if self.last_trace_id else [])]))

    @property
    def seconds(self) -> float | None:
        """How long it took, or None before its end."""
        return None if self.started is None or self.ended is None else self.ended - self.started
