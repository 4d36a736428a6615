"""What happens in a run: one frozen record a fact, joined in one union by `kind`.

`simulate()` emits them; the fold (`state.RunState`), the views, the journal and MLflow read them.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from convsim_nb.domain.case import Kind, TestCase
from convsim_nb.domain.conversation import Doubt, GoalCheck, Origin, Spender, Stop, Usage, Verdict
from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Message, Whole

SCHEMA_VERSION = 1
RUN_KEY = "convsim.run_key"
"""The tag that says which job a run belongs to."""


class RunSettings(Record):
    """What a run was started with: enough to tell whether two runs may be compared."""

    user_model: str
    judge_model: str
    max_turns: int = 10
    trials: int = 1
    concurrency: int = 20
    goal_check: str = "every_turn"
    """`every_turn`, `on_end`, `first` (every turn, and before the user's next message is asked for), or
    `function:<name>:<hash of its source>`."""
    judge_check: Literal["suspect", "decoy", "off"] = "off"
    guards: Literal["stop", "record", "off"] = "off"
    """What was done about the simulated user's messages: stopped, recorded, or nothing."""
    script_then: Literal["simulate", "end"] = "simulate"
    redact: str = ""
    """`function:<name>:<hash of its source>` of what the texts that are kept went through."""
    loops: bool = True
    """Whether sides that repeat themselves end a conversation."""
    agent_history: Literal["full", "text"] = "full"
    agent_threads: bool = False
    stateful: bool = False
    agent_timeout: float = 300.0
    """Seconds for one reply of the agent."""
    agent_retries: int | None = None
    """How often a call that the agent's infrastructure failed is made again; None: where it surely came to nothing."""
    user_llm_params: dict[str, JsonValue] = {}
    """What goes with every call of the user's model: temperature, top_p, ..."""
    judge_llm_params: dict[str, JsonValue] = {}
    prompts: dict[str, str] = {}
    """Version of each prompt, by its name."""
    max_cost: float | None = None
    """US dollars that user and judge may take, over all sittings of the run."""
    max_tokens: int | None = None
    """Tokens, the same."""
    max_seconds: float | None = None
    """Seconds of one sitting."""


class AgentRef(Record):
    """Which agent was under test."""

    name: str
    source_hash: str = ""
    """12 hex digits of its source code, where it has one."""
    git_commit: str = ""
    model_id: str = ""
    """The MLflow LoggedModel, where there is one."""


class Event(Record):
    """What every event carries."""

    at: float
    """Seconds since the run's start."""


class RunStarted(Event):
    """The run and all that it will do. A resumed run has a second one, from which `at` counts anew."""

    kind: Literal["run_started"] = "run_started"
    version: int = SCHEMA_VERSION
    run_id: str
    run_name: str = ""
    started_at: datetime
    """UTC."""
    agent: AgentRef
    settings: RunSettings
    cases: tuple[TestCase, ...]
    tags: dict[str, str] = {}


class ConversationStarted(Event):
    """An attempt at one trial of a case."""

    kind: Literal["conversation_started"] = "conversation_started"
    key: str
    case_id: str
    agent: str
    trial: int
    attempt: int
    session_id: str
    origin: Origin | None = None


class MessageDelta(Event):
    """A piece of the agent's text, as it streams."""

    kind: Literal["message_delta"] = "message_delta"
    key: str
    turn: int
    text: Whole


class MessageSent(Event):
    """A whole message of either side; `turn` is 0 for given history."""

    kind: Literal["message_sent"] = "message_sent"
    key: str
    turn: int
    message: Message
    cut: bool = False
    """True where the end of the message never came."""
    doubts: tuple[Doubt, ...] = ()
    """What guards have against a message of the simulated user that was sent all the same."""


class MessageRejected(Event):
    """A guard stopped the simulated user's text; the agent never heard it."""

    kind: Literal["message_rejected"] = "message_rejected"
    key: str
    turn: int
    text: str
    guard: str
    reason: str


class AgentRetried(Event):
    """A call of the agent failed, and is made again."""

    kind: Literal["agent_retried"] = "agent_retried"
    key: str
    turn: int
    error: str


class FactReleased(Event):
    """A withheld fact became known to the simulated user."""

    kind: Literal["fact_released"] = "fact_released"
    key: str
    turn: int
    index: int
    fact: str
    fact_kind: Kind
    quote: str = ""


class GoalChecked(Event):
    """The judge, or a function, said whether the goal is reached."""

    kind: Literal["goal_checked"] = "goal_checked"
    key: str
    turn: int
    check: GoalCheck


class UsageReported(Event):
    """What one or more model calls took."""

    kind: Literal["usage_reported"] = "usage_reported"
    key: str
    spender: Spender
    model: str
    usage: Usage


class ConversationPaused(Event):
    """It waits before its next user message."""

    kind: Literal["conversation_paused"] = "conversation_paused"
    key: str


class ConversationResumed(Event):
    """It goes on."""

    kind: Literal["conversation_resumed"] = "conversation_resumed"
    key: str


class ConversationEnded(Event):
    """Why it ended, and what that says of the agent."""

    kind: Literal["conversation_ended"] = "conversation_ended"
    key: str
    stop: Stop
    verdict: Verdict
    detail: str = ""
    trace_id: str = ""
    """The trace of the turn in which the agent failed."""


class SinkDropped(Event):
    """A reader of events failed and hears no more of them; the run goes on."""

    kind: Literal["sink_dropped"] = "sink_dropped"
    sink: str
    reason: str


class Noticed(Event):
    """Something that who reads the results should know; a later one of the same topic takes its place."""

    kind: Literal["noticed"] = "noticed"
    topic: str
    text: str


class RunEnded(Event):
    """The run came to its end, or was stopped."""

    kind: Literal["run_ended"] = "run_ended"
    stopped: bool = False
    """True where it was stopped before every conversation had ended."""


RunEvent = (
    RunStarted
    | ConversationStarted
    | MessageDelta
    | MessageSent
    | MessageRejected
    | AgentRetried
    | FactReleased
    | GoalChecked
    | UsageReported
    | ConversationPaused
    | ConversationResumed
    | ConversationEnded
    | SinkDropped
    | Noticed
    | RunEnded
)
EVENT: TypeAdapter[RunEvent] = TypeAdapter(Annotated[RunEvent, Field(discriminator="kind")])
"""Reads any event back from its JSON."""
