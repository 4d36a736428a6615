"""The one fold of a run's events: what everybody reads instead of the engine."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, assert_never

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Rejection, Release, Retry, Spender, Usage, conversation_key
from convsim_nb.domain.events import (
    AgentRef,
    AgentRetried,
    ConversationEnded,
    ConversationPaused,
    ConversationResumed,
    ConversationStarted,
    FactReleased,
    GoalChecked,
    MessageDelta,
    MessageRejected,
    MessageSent,
    Noticed,
    RunEnded,
    RunEvent,
    RunSettings,
    RunStarted,
    SinkDropped,
    UsageReported,
)


@dataclass
class RunState:
    """A run as its events tell it. Two states are equal when the same things happened in them.

    `apply` changes the state in place; the `Conversation`s in it are immutable and may be kept.
    """

    run_id: str = ""
    run_name: str = ""
    started_at: datetime | None = None
    agent: AgentRef | None = None
    settings: RunSettings | None = None
    tags: dict[str, str] = field(default_factory=dict)
    cases: dict[str, TestCase] = field(default_factory=dict)
    by_key: dict[str, Conversation] = field(default_factory=dict)
    superseded: Usage = field(default_factory=Usage)
    """What attempts took that a newer one has replaced: it was paid for."""
    dropped: list[SinkDropped] = field(default_factory=list)
    notices: dict[str, str] = field(default_factory=dict)
    """What should be known with the results, by topic."""
    ended: bool = False
    stopped: bool = False
    at: float = 0.0
    """Seconds since the start, of the last event; where a run is played on, for a fork or the rest, they start anew."""
    before: float = 0.0
    """Seconds that it had played by then."""
    in_flight: dict[str, str] = field(default_factory=dict, compare=False)
    """The agent's text so far, where a reply is streaming."""

    @classmethod
    def replay(cls, events: Iterable[RunEvent]) -> "RunState":
        """The state after all of `events`."""
        state = cls()
        for event in events:
            state.apply(event)
        return state

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """One conversation a key, in case order, the newest attempt."""
        return tuple(self.by_key.values())

    @property
    def usage(self) -> dict[Spender, Usage]:
        """What the model calls took, by who made them."""
        total: dict[Spender, Usage] = {}
        for conversation in self.by_key.values():
            for spender, usage in conversation.usage.items():
                total[spender] = total.get(spender, Usage()) + usage
        return total

    @property
    def seconds(self) -> float:
        """How long it has played in all."""
        return self.before + self.at

    @property
    def spent(self) -> Usage:
        """What all model calls took that this run has made, those of replaced attempts too."""
        return sum(self.usage.values(), self.superseded)

    def apply(self, event: RunEvent) -> None:  # noqa: C901, PLR0912 - one arm an event
        """Take one event in."""
        if isinstance(event, RunStarted):
            self.before += self.at
        if not isinstance(event, MessageDelta):  # a journal holds no deltas, and its replay must give an equal state
            self.at = event.at
        match event:
            case RunStarted():
                self._run_started(event)
            case ConversationStarted():
                self._conversation_started(event)
            case MessageDelta():
                self.in_flight[event.key] = self.in_flight.get(event.key, "") + event.text
            case MessageSent():
                self._message_sent(event)
            case MessageRejected():
                rejection = Rejection(turn=event.turn, text=event.text, guard=event.guard, reason=event.reason)
                self._update(event.key, rejections=(*self.by_key[event.key].rejections, rejection))
            case AgentRetried():
                retry = Retry(turn=event.turn, error=event.error)
                self._update(event.key, retries=(*self.by_key[event.key].retries, retry))
            case FactReleased():
                self._fact_released(event)
            case GoalChecked():
                check = event.check.model_copy(update={"turn": event.turn})
                self._update(event.key, checks=(*self.by_key[event.key].checks, check))
            case UsageReported():
                self._usage_reported(event)
            case ConversationPaused():
                self._update(event.key, status="paused")
            case ConversationResumed():
                self._update(event.key, status="running")
            case ConversationEnded():
                self._conversation_ended(event)
            case SinkDropped():
                self.dropped.append(event)
            case Noticed():
                self.notices[event.topic] = event.text
            case RunEnded():
                self._run_ended(event)
            case _:
                assert_never(event)

    def _update(self, key: str, **fields: Any) -> None:
        self.by_key[key] = self.by_key[key].model_copy(update=fields)

    def _run_started(self, event: RunStarted) -> None:
        self.run_id, self.run_name, self.tags = event.run_id, event.run_name, dict(event.tags)
        self.started_at, self.agent, self.settings = event.started_at, event.agent, event.settings
        self.ended = self.stopped = False
        for case in event.cases:
            self.cases[case.case_id] = case
            for trial in range(1, event.settings.trials + 1):
                key = conversation_key(case.case_id, event.agent.name, trial)
                waiting = Conversation(key=key, case_id=case.case_id, agent=event.agent.name, trial=trial)
                self.by_key.setdefault(key, waiting)

    def _conversation_started(self, event: ConversationStarted) -> None:
        self.in_flight.pop(event.key, None)
        before = self.by_key.get(event.key)
        if before is not None:
            self.superseded = sum(before.usage.values(), self.superseded)
        self.by_key[event.key] = Conversation(
            key=event.key,
            case_id=event.case_id,
            agent=event.agent,
            trial=event.trial,
            attempt=event.attempt,
            session_id=event.session_id,
            origin=event.origin,
            status="running",
            started=event.at,
        )

    def _message_sent(self, event: MessageSent) -> None:
        if event.message.role == "assistant":
            self.in_flight.pop(event.key, None)
        told = self.by_key[event.key]
        messages, doubts = (*told.messages, event.message), (*told.doubts, *event.doubts)
        self._update(event.key, messages=messages, doubts=doubts, turn=event.turn)

    def _fact_released(self, event: FactReleased) -> None:
        release = Release(index=event.index, fact=event.fact, kind=event.fact_kind, turn=event.turn, quote=event.quote)
        self._update(event.key, released=(*self.by_key[event.key].released, release))

    def _usage_reported(self, event: UsageReported) -> None:
        told = self.by_key[event.key]
        usage = {**told.usage, event.spender: told.usage.get(event.spender, Usage()) + event.usage}
        by_turn = {**told.turn_usage, told.turn: told.turn_usage.get(told.turn, Usage()) + event.usage}
        self._update(event.key, usage=usage, turn_usage=by_turn)

    def _conversation_ended(self, event: ConversationEnded) -> None:
        self.in_flight.pop(event.key, None)
        self._update(
            event.key,
            status="ended",
            ended=event.at,
            stop=event.stop,
            verdict=event.verdict,
            detail=event.detail,
            last_trace_id=event.trace_id,
        )

    def _run_ended(self, event: RunEnded) -> None:
        self.ended, self.stopped = True, event.stopped
        for key, conversation in self.by_key.items():
            if conversation.stop is None:
                self._update(key, status="ended", stop="cancelled", verdict="void", ended=event.at)
