"""One conversation, told as events."""

from convsim_nb.domain import events as ev
from convsim_nb.domain.case import Withheld
from convsim_nb.domain.conversation import Conversation, Doubt, GoalCheck, Spender, Stop, Usage, verdict_of
from convsim_nb.domain.quotes import plain
from convsim_nb.domain.session import Message
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Finding
from convsim_nb.engine.trial import Trial


class Narrator:
    """Tells what happens in one conversation, and knows which withheld facts are known by now."""

    def __init__(self, trial: Trial, emit: Emitter) -> None:
        self._trial, self._emit, self._key = trial, emit, trial.key
        self.known: dict[int, int] = {}
        """Withheld facts that are known: their place in the case, and how many messages had been said by then."""

    @property
    def conversation(self) -> Conversation:
        """The conversation so far."""
        return self._emit.state.by_key[self._key]

    @property
    def pending(self) -> tuple[tuple[int, Withheld], ...]:
        """The withheld facts that are not known yet, each with its place in the case."""
        return tuple((n, withheld) for n, withheld in enumerate(self._trial.case.withheld) if n not in self.known)

    def started(self) -> None:
        """An attempt begins."""
        trial = self._trial
        self._emit(
            ev.ConversationStarted(
                at=self._emit.now,
                key=trial.key,
                case_id=trial.case.case_id,
                agent=trial.agent,
                trial=trial.trial,
                attempt=trial.attempt,
                session_id=trial.session_id,
                origin=trial.origin,
            )
        )

    def given(self) -> None:
        """What was said and known before turn 1."""
        for message in self._trial.case.history:
            self.sent(0, message)
        for place, said, quote in self._trial.known:
            if place not in self.known:
                self.released(0, place, quote)
            self.known[place] = said

    def paused(self) -> None:
        """It waits for a person."""
        self._emit(ev.ConversationPaused(at=self._emit.now, key=self._key))

    def resumed(self) -> None:
        """It goes on."""
        self._emit(ev.ConversationResumed(at=self._emit.now, key=self._key))

    def delta(self, turn: int, text: str) -> None:
        """The agent's text goes on."""
        self._emit(ev.MessageDelta(at=self._emit.now, key=self._key, turn=turn, text=text))

    def retried(self, turn: int, error: str) -> None:
        """The agent is called again."""
        self._emit(ev.AgentRetried(at=self._emit.now, key=self._key, turn=turn, error=error))

    def sent(self, turn: int, message: Message, *, cut: bool = False, doubts: tuple[Finding, ...] = ()) -> None:
        """A message was said; a withheld fact that given text says is no secret any more."""
        noted = tuple(Doubt(turn=turn, guard=finding.guard, reason=finding.record) for finding in doubts)
        self._emit(ev.MessageSent(at=self._emit.now, key=self._key, turn=turn, message=message, cut=cut, doubts=noted))
        if message.source in ("recorded", "scripted", "operator"):
            for index, withheld in self.pending:
                if plain(withheld.fact) in plain(message.content):
                    self.released(turn, index)

    def cut(self, turn: int, trace_id: str = "") -> None:
        """Keep what the agent had said of a reply that never came to its end."""
        text = self._emit.state.in_flight.get(self._key, "")
        if text:
            message = Message(role="assistant", content=text, source="agent", trace_id=trace_id or None)
            self.sent(turn, message, cut=True)

    def stopped(self, turn: int, texts: tuple[tuple[str, Finding], ...]) -> None:
        """Messages of the simulated user that the agent never heard."""
        for text, finding in texts:
            self._emit(
                ev.MessageRejected(
                    at=self._emit.now, key=self._key, turn=turn, text=text, guard=finding.guard, reason=finding.record
                )
            )

    def checked(self, turn: int, check: GoalCheck) -> None:
        """The judge's word, and the facts that it released."""
        self._emit(ev.GoalChecked(at=self._emit.now, key=self._key, turn=turn, check=check))
        for fired in check.fired:
            self.released(turn, fired.index, fired.quote)

    def released(self, turn: int, index: int, quote: str = "") -> None:
        """A withheld fact becomes known to the simulated user."""
        withheld = self._trial.case.withheld[index]
        self.known[index] = len(self.conversation.messages)
        self._emit(
            ev.FactReleased(
                at=self._emit.now,
                key=self._key,
                turn=turn,
                index=index,
                fact=withheld.fact,
                fact_kind=withheld.kind,
                quote=quote,
            )
        )

    def used(self, spender: Spender, model: str, usage: Usage) -> None:
        """A model call is done, or failed."""
        self._emit(ev.UsageReported(at=self._emit.now, key=self._key, spender=spender, model=model, usage=usage))

    def ended(self, stop: Stop, *, detail: str, reached: bool, trace_id: str) -> None:
        """It is over."""
        self._emit(
            ev.ConversationEnded(
                at=self._emit.now,
                key=self._key,
                stop=stop,
                verdict=verdict_of(stop, reached=reached),
                detail=detail,
                trace_id=trace_id,
            )
        )
