"""The seams of the engine: each a Protocol with one call, so that a function or a lambda fits."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import BaseModel

from convsim_nb.domain.case import TestCase, Withheld
from convsim_nb.domain.conversation import Conversation, GoalCheck, Usage
from convsim_nb.domain.events import RunEvent
from convsim_nb.domain.session import Message, ToolCall

Report = Callable[[Usage], None]
"""Takes the usage of one model call, the moment it is known: also of a call that failed."""


# --- language models -----------------------------------------------------------------


@dataclass(frozen=True)
class ChatMessage:
    """One message to a language model, in the Chat Completions roles."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class ChatRequest:
    """One call to a language model."""

    messages: tuple[ChatMessage, ...]
    reply_type: type[BaseModel] | None = None
    """What the reply must parse as. A model that takes no schema is given it in the prompt."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Sampling parameters, by their Chat Completions names."""


@dataclass(frozen=True)
class ChatReply:
    """What the model answered, and what the call took, retries included."""

    text: str
    usage: Usage = field(default_factory=lambda: Usage(calls=1))


class Chat(Protocol):
    """A language model.

    Raises:
        ModelError: no usable answer, in all the tries it was given. Its `usage` says what they took.
    """

    async def __call__(self, request: ChatRequest, /) -> ChatReply: ...


# --- the agent under test ------------------------------------------------------------


@dataclass(frozen=True)
class AgentTurn:
    """What the agent is asked to answer."""

    messages: tuple[Message, ...]
    """The conversation so far, the user's message last."""
    case: TestCase
    """For tracing and for `context`; an agent is never given the rest of it."""
    key: str
    trial: int
    turn: int
    """From 1."""
    session_id: str
    delta: Callable[[str], None] = lambda _: None
    """Takes a piece of the agent's text as it streams. Must be called on the loop's thread."""
    again: Callable[[str], None] = lambda _: None
    """Takes the error, in a line, after which the agent is called again. Must be called on the loop's thread."""


@dataclass(frozen=True)
class AgentReply:
    """What the agent answered, whatever shape it came in."""

    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tells_calls: bool = True
    """False for mere text: tool calls would not stand in it, so that their absence says nothing."""
    wire: tuple[dict[str, Any], ...] = ()
    """The messages that go back to the agent in the next turn, where `content` alone would lose something."""
    refs: Mapping[str, Any] = field(default_factory=dict)
    """`trace_id`: the MLflow trace of the turn. `trace`: a finished one that a remote agent handed back.
    `since`: what the turn's trace holds from before that time, in nanoseconds since 1970, was said again, and is not
    of the turn."""
    raw: Any = None
    """The reply as it came."""
    usage: Usage | None = None
    """What the agent says its own model calls took."""
    seconds: float | None = None
    """How long the agent itself took, for one that waits for something else first."""

    def as_message(self, *, waited: float) -> Message:
        """The reply as a message of a conversation; `waited` are the seconds that whoever asked had to wait."""
        return Message(
            role="assistant",
            content=self.content,
            source="agent",
            tool_calls=self.tool_calls,
            calls_known=self.tells_calls or bool(self.tool_calls),
            wire=self.wire,
            trace_id=self.refs.get("trace_id"),
            seconds=self.seconds or waited,
        )


class Agent(Protocol):
    """The system under test.

    Raises:
        AgentError: it failed; `AgentTimeout` and `AgentUnreachable` are named apart.
    """

    async def __call__(self, turn: AgentTurn, /) -> AgentReply: ...


# --- the simulated user --------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """A message of the simulated user that was stopped, and why: it is asked for another."""

    text: str
    reason: str


@dataclass(frozen=True)
class UserView:
    """All that the simulated user may know."""

    case: TestCase
    """Its `withheld` and `expectations` are not for the user: read `released` instead."""
    messages: tuple[Message, ...]
    released: tuple[tuple[int, Withheld], ...] = ()
    """Withheld facts already released, each with the number of messages that had been said by then."""
    refused: tuple[Refusal, ...] = ()
    turn: int = 1
    """The turn its message will open, from 1."""
    report: Report = lambda _: None


@dataclass(frozen=True)
class UserMove:
    """What the simulated user does next."""

    action: Literal["say", "end"]
    text: str = ""
    because: str = ""


class User(Protocol):
    """Who speaks to the agent.

    Raises:
        ModelError: the model behind it gave no usable answer.
    """

    async def __call__(self, view: UserView, /) -> UserMove: ...


@dataclass(frozen=True)
class Finding:
    """What a guard has against a message of the simulated user."""

    guard: str
    reason: str
    """What the simulated user is told, in a sentence or two: never the withheld fact itself."""
    found: str = ""
    """What was found in the message: for the record alone."""
    soft: bool = False
    """Recorded only; the message is sent."""

    @property
    def record(self) -> str:
        """What the results say of it."""
        return f"{self.reason} [{self.found}]" if self.found else self.reason


Guard = Callable[[UserView, str], Sequence[Finding]]
"""Reads a message of the simulated user before the agent hears it; no model, under .3 ms."""


# --- the judge -----------------------------------------------------------------------


@dataclass(frozen=True)
class JudgeView:
    """All that the judge may know. The case's `expectations` are not for the judge."""

    case: TestCase
    messages: tuple[Message, ...]
    pending: tuple[tuple[int, Withheld], ...] = ()
    """The withheld facts not yet released, each with its place in the case."""
    turn: int = 1
    report: Report = lambda _: None


class Judge(Protocol):
    """Who says whether the goal is reached and which triggers fired.

    Raises:
        ModelError: the model behind it gave no usable answer, or no quote that is there.
    """

    async def __call__(self, view: JudgeView, /) -> GoalCheck: ...


GoalFunction = Callable[[Conversation], bool | GoalCheck | Awaitable[bool | GoalCheck]]
"""Decides in the judge's place whether the goal is reached, from the conversation so far."""


# --- readers of events ---------------------------------------------------------------


class Sink(Protocol):
    """Reads events: a plain call on the loop's thread, so it must be quick. One that raises is dropped."""

    def __call__(self, event: RunEvent, /) -> None: ...
