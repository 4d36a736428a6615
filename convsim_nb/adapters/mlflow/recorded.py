"""The agent's turns as a journal tells them, and each as a finished trace: for what no connection carried away."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from convsim_nb.adapters.mlflow.net import Caught, Claim
from convsim_nb.adapters.mlflow.tracing import RETURNED, turn_inputs, turn_metadata, turn_outputs, turn_tags
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.events import (
    ConversationEnded,
    ConversationStarted,
    MessageSent,
    RunEvent,
    RunStarted,
    UsageReported,
)
from convsim_nb.domain.session import Message
from convsim_nb.domain.state import RunState
from convsim_nb.engine.ports import AgentReply, AgentTurn

FROM_JOURNAL = "convsim.from_journal"
"""Metadata of a trace that was made from the journal: it holds the turn, and not what the agent traced inside."""
_LOST = "cancelled before the agent had answered"


@dataclass(frozen=True)
class PlayedTurn:
    """One turn of the agent, as it was played."""

    turn: AgentTurn
    trace_id: str
    """As the journal knows it; empty where the turn was not traced."""
    began: float
    """Seconds since 1970."""
    seconds: float
    reply: AgentReply
    error: str = ""
    """Why there is no reply, or a part of one alone."""

    @property
    def place(self) -> tuple[str, int]:
        """Its session, and its number from 1."""
        return self.turn.session_id, self.turn.turn

    @property
    def own_id(self) -> str:
        """An id for its trace that is always the same: pushed twice, it stands there once."""
        return f"tr-{hashlib.sha256(f'{self.turn.session_id}#{self.turn.turn}'.encode()).hexdigest()[:32]}"


class RecordedRun:
    """A run read back from its events: its state, and the turns that its agent played in the newest attempts."""

    def __init__(self, events: Iterable[RunEvent]) -> None:
        self.state = RunState()
        self.sessions: set[str] = set()
        """Of all attempts."""
        self._zero = 0.0
        self._asked: dict[str, float] = {}
        self._usage: dict[str, Usage] = {}
        self._turns: dict[str, dict[int, PlayedTurn]] = {}
        for event in events:
            self.hear(event)

    @property
    def turns(self) -> tuple[PlayedTurn, ...]:
        """Conversation by conversation, each in order."""
        return tuple(turn for one in self.state.conversations for turn in self._turns.get(one.key, {}).values())

    def hear(self, event: RunEvent) -> None:
        """Take in one more event."""
        match event:
            case RunStarted():
                self._zero = event.started_at.timestamp()
            case ConversationStarted():
                self._asked[event.key], self._turns[event.key] = self._zero + event.at, {}
                self.sessions.add(event.session_id)
            case UsageReported(spender="agent"):
                self._usage[event.key] = event.usage
            case MessageSent() if event.message.source == "agent":
                self._answered(event)
            case MessageSent():
                self._asked[event.key] = self._zero + event.at
            case ConversationEnded():
                self._ended(event)
            case _:
                pass
        self.state.apply(event)

    def _answered(self, event: MessageSent) -> None:
        usage = self._usage.pop(event.key, None)
        reply = AgentReply(
            content=event.message.content, tool_calls=event.message.tool_calls, wire=event.message.wire, usage=usage
        )
        error = _LOST if event.cut else ""
        heard = self.state.by_key[event.key].messages
        self._put(event, event.turn, heard=heard, message=event.message, reply=reply, error=error)

    def _ended(self, event: ConversationEnded) -> None:
        """A turn in which the agent failed has no message of its own, or a part of one."""
        conversation = self.state.by_key[event.key]
        played = self._turns.get(event.key, {}).get(conversation.turns)
        if event.stop not in ("agent_error", "agent_timeout") or (played and not played.error):
            return
        message = Message(role="assistant", content="", trace_id=event.trace_id or None)
        reply = played.reply if played else AgentReply("")
        heard = played.turn.messages if played else conversation.messages
        self._put(event, conversation.turns, heard=heard, message=message, reply=reply, error=event.detail)

    def _put(
        self,
        event: MessageSent | ConversationEnded,
        turn: int,
        *,
        heard: tuple[Message, ...],
        message: Message,
        reply: AgentReply,
        error: str,
    ) -> None:
        conversation = self.state.by_key[event.key]
        ended = self._zero + event.at
        seconds = message.seconds if message.seconds is not None else max(0.0, ended - self._asked[event.key])
        asked = AgentTurn(
            messages=heard,
            case=self.state.cases[conversation.case_id],
            key=event.key,
            trial=conversation.trial,
            turn=turn,
            session_id=conversation.session_id,
        )
        played = PlayedTurn(asked, message.trace_id or "", ended - seconds, seconds, reply, error)
        self._turns[event.key][turn] = played


# --- as a trace ----------------------------------------------------------------------


def as_trace(played: PlayedTurn, state: RunState, *, trace_id: str) -> Caught:
    """The turn as a finished trace, in the form in which the writer takes those that it has caught."""
    from mlflow.entities import Trace, TraceData, TraceInfo, TraceLocation
    from mlflow.entities.trace_state import TraceState

    claim, tokens = _claim(played, state, trace_id), _tokens(played.reply)
    spent = {"mlflow.trace.tokenUsage": json.dumps(tokens)} if tokens else {}
    info = TraceInfo(
        trace_id=trace_id,
        trace_location=TraceLocation.from_experiment_id("0"),  # the writer puts it where the run is
        request_time=round(played.began * 1000),
        execution_duration=round(played.seconds * 1000),
        state=TraceState.ERROR if played.error else TraceState.OK,
        request_preview=played.turn.messages[-1].content[:1000] if played.turn.messages else None,
        response_preview=played.reply.content[:1000] or None,
        trace_metadata={"mlflow.trace_schema.version": "3", FROM_JOURNAL: "true", **spent},
        tags={"mlflow.traceName": _name(state)},
    )
    return Caught(claim, Trace(info, TraceData([_span(played, state, trace_id)])))


def _claim(played: PlayedTurn, state: RunState, trace_id: str) -> Claim:
    of_run = {"convsim.run_id": state.run_id}
    if state.agent and state.agent.model_id:
        of_run["mlflow.modelId"] = state.agent.model_id
    return Claim(trace_id, *played.place, of_run | turn_metadata(played.turn), turn_tags(played.turn))


def _span(played: PlayedTurn, state: RunState, trace_id: str) -> Any:
    """The root span, as OpenTelemetry would have ended it: MLflow reads its attributes as JSON."""
    from mlflow.entities import Span
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, Status, StatusCode

    context = SpanContext(int(trace_id.removeprefix("tr-"), 16), _span_id(trace_id), is_remote=False)
    history = state.settings.agent_history if state.settings else "full"
    attributes: dict[str, Any] = {
        "mlflow.traceRequestId": trace_id,
        "mlflow.spanType": "AGENT",
        "mlflow.spanInputs": turn_inputs(played.turn, history=history),
        **({"mlflow.spanOutputs": turn_outputs(played.reply)} if played.reply.content or not played.error else {}),
        RETURNED: {},
    }
    if tokens := _tokens(played.reply):
        attributes["mlflow.chat.tokenUsage"] = tokens
    began = round(played.began * 1e9)
    return Span(
        ReadableSpan(
            _name(state),
            context=context,
            attributes={name: json.dumps(value, ensure_ascii=False) for name, value in attributes.items()},
            status=Status(StatusCode.ERROR, played.error) if played.error else Status(StatusCode.OK),
            start_time=began,
            end_time=began + round(played.seconds * 1e9),
        )
    )


def _span_id(trace_id: str) -> int:
    return int(hashlib.sha256(trace_id.encode()).hexdigest()[:16], 16)


def _name(state: RunState) -> str:
    return state.agent.name if state.agent else "agent"


def _tokens(reply: AgentReply) -> dict[str, int]:
    """What the agent said that it took, where it did."""
    usage = reply.usage
    if usage is None or not (usage.input_tokens or usage.output_tokens):
        return {}
    read, written = usage.input_tokens, usage.output_tokens
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
