"""A recorded conversation, and the messages that every conversation is made of."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, JsonValue, field_validator

from convsim_nb.domain.record import Record

Role = Literal["user", "assistant"]
MessageSource = Literal["recorded", "simulated", "scripted", "operator", "agent"]


class ToolCall(Record):
    """One call that the agent made to a tool, with what came back."""

    name: str
    arguments: JsonValue = None
    """Parsed JSON where it parses, else the text as it was sent."""
    result: JsonValue = None
    error: str | None = None
    id: str | None = None
    seconds: float | None = None


def whole(text: str) -> str:
    """Text without half characters, which a cut stream leaves behind and no file or store takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


Whole = Annotated[str, AfterValidator(whole)]


class Message(Record):
    """One message, as it was said once."""

    role: Role
    content: Whole
    source: MessageSource = "recorded"
    tool_calls: tuple[ToolCall, ...] = ()
    """The calls made on the way to this message, in order."""
    calls_known: bool = True
    """False where nothing tells which tools were called: the agent replied with mere text, and traced nothing."""
    wire: tuple[dict[str, JsonValue], ...] = ()
    """The messages that go back to the agent for this one, where `content` alone would lose tool calls or images."""
    trace_id: str | None = None
    seconds: float | None = None
    """How long the agent took for it."""


class Session(Record):
    """A recorded conversation: every message once, in order, and the traces it came from."""

    id: str
    messages: tuple[Message, ...]
    trace_ids: tuple[str, ...] = ()
    started_at: datetime | None = None
    simulated: bool = False
    """True for a session that a simulator made."""
    metadata: dict[str, JsonValue] = {}
    """Whatever else the record held; never shown to a model."""

    @field_validator("messages")
    @classmethod
    def _has_messages(cls, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        if not messages:
            raise ValueError("a session needs at least one message")
        return messages

    def __repr__(self) -> str:
        return f"Session({self.id!r}, {len(self.messages)} messages)"

    @property
    def user_messages(self) -> tuple[str, ...]:
        """What the user said, in order."""
        return tuple(message.content for message in self.messages if message.role == "user")
