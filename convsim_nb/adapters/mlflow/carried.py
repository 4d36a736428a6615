"""Traces made on one machine and written from another: a worker carries them off, the driver brings them home."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

from convsim_nb.adapters.mlflow.again import SUPERSEDED
from convsim_nb.adapters.mlflow.export import TRACES_AT_ONCE, Export, Findings, warm_up
from convsim_nb.adapters.mlflow.net import LATE_SECONDS, Caught, Claim, TraceNet, available
from convsim_nb.adapters.mlflow.recorded import RecordedRun, as_trace
from convsim_nb.adapters.mlflow.store import Destination
from convsim_nb.adapters.mlflow.tracing import TracedAgent
from convsim_nb.adapters.mlflow.veiling import veil_trace
from convsim_nb.adapters.mlflow.writer import TraceWriter
from convsim_nb.adapters.spool import CarriedTrace
from convsim_nb.domain.events import ConversationEnded, ConversationStarted, MessageSent, RunEvent
from convsim_nb.domain.veil import BARE, Veil
from convsim_nb.engine.ports import Agent

SETTLED = 3 * LATE_SECONDS
"""Seconds after a turn's end in which the agent's own spans may still end; later ones are not carried."""


class _Home:
    """The driver's way, or the worker's: no trace begins or ends here."""

    def __init__(self) -> None:
        self.off = False
        self.experiment_id = ""
        self.turns: dict[str, dict[int, str]] = {}
        self.on_stall: Callable[[str], None] = lambda _: None

    async def warm(self) -> None:
        """Nothing to get ready."""

    async def room(self) -> None:
        """Nobody has to wait."""

    def opened(self, claim: Claim) -> None:
        """No trace is opened here."""

    def closing(self, claim: Claim) -> None:
        """Nor closed."""

    def ended(self, claim: Claim) -> None:
        """Nor ended."""

    def assess(self, assessments: Sequence[Any]) -> bool:  # noqa: ARG002 - the port's form
        """One at a time."""
        return False

    def unsettled(self) -> float:
        """Nothing more is to be expected."""
        return 0.0

    def let_go(self) -> None:
        """The store is given up."""
        self.off = True

    def close(self) -> None:
        """The run is over."""
        self.off = True

    def write(self, destination: Destination, *, run_id: str, findings: Findings, everything: bool) -> set[str]:  # noqa: ARG002
        """Nothing is written from here."""
        return set()


class CarryingOff(_Home):
    """On a worker: the agent's turns are traced, and their traces taken away with `take`. Nothing goes to a store."""

    def __init__(self, veil: Veil = BARE) -> None:
        super().__init__()
        self._veil = veil
        self._net = TraceNet() if available() else None
        self.off = self._net is None
        self.on_failure: Callable[[str], None] = lambda _: None
        """Never called: nothing is written from here. It stands where a sink's does."""

    def traced(
        self,
        agent: Agent,
        *,
        name: str,
        run_id: str,
        model_id: str = "",
        history: Literal["full", "text"] = "full",
        shown: Any = None,
    ) -> TracedAgent:
        """The same agent, each of its turns a trace of the run."""
        export: Export = self
        return TracedAgent(
            agent, export=export, name=name, run_id=run_id, model_id=model_id, history=history, shown=shown
        )

    def get_ready(self) -> None:
        """Let MLflow do now what it would do at the first span, which would seem to take seconds."""
        try:
            if self._net is not None:
                warm_up()
        except Exception:  # noqa: BLE001 - a store that this worker cannot open: the driver makes the traces then
            self.off = True

    def opened(self, claim: Claim) -> None:
        if self._net is not None:
            self._net.claim(claim)

    def take(self, now: float) -> list[CarriedTrace]:
        """The traces whose turns ended a while before `now`, by the monotonic clock."""
        if self._net is None:
            return []
        caught = self._net.take(lambda claim: now - claim.ended_at > SETTLED, most=TRACES_AT_ONCE)
        if self._veil.secrets or self._veil.redact:
            for each in caught:
                veil_trace(each.trace, self._veil)
        return [_packed(each) for each in caught]

    def close(self) -> None:
        super().close()
        if self._net is not None:
            self._net.close()


def _packed(caught: Caught) -> CarriedTrace:
    claim = caught.claim
    return CarriedTrace(
        trace_id=claim.trace_id,
        session_id=claim.session_id,
        turn=claim.turn,
        metadata=dict(claim.metadata),
        tags=dict(claim.tags),
        trace=caught.trace.to_json(),
    )


class BringingHome(_Home):
    """On the driver: writes the traces that workers made, and at the end those that never came, from the events.

    Hears events and traces on the loop's thread, and writes on the sink's.
    """

    def __init__(self) -> None:
        super().__init__()
        self._recorded = RecordedRun(())
        self._waiting: deque[CarriedTrace] = deque()
        self._stored: set[tuple[str, int]] = set()
        self._newest: dict[str, str] = {}
        self._left: set[str] = set()
        self._writer: TraceWriter | None = None

    def hear(self, event: RunEvent) -> None:
        """Take in an event, before the sink hears it."""
        self._recorded.hear(event)
        if isinstance(event, ConversationStarted):
            before = self._newest.get(event.key)
            self._left |= {before} if before else set()
            self._newest[event.key] = event.session_id
        elif isinstance(event, MessageSent | ConversationEnded):
            self._note(event)

    def bring(self, traces: Iterable[CarriedTrace]) -> None:
        """Take traces in, to be written."""
        self._waiting.extend(traces)

    def write(self, destination: Destination, *, run_id: str, findings: Findings, everything: bool) -> set[str]:
        self._writer = self._writer or TraceWriter(destination)
        caught = self._come() or (self._missing() if everything else [])
        for each in caught:
            for finding in findings.pop(each.claim.trace_id, ()):
                finding.trace_id = each.claim.trace_id
                each.trace.info.assessments.append(finding)
        self._writer.write(caught, run_id=run_id)
        self._stored |= {(each.claim.session_id, each.claim.turn) for each in caught}
        return {each.claim.trace_id for each in caught}

    def assess(self, assessments: Sequence[Any]) -> bool:
        return self._writer is not None and self._writer.assess(assessments)

    def _note(self, event: MessageSent | ConversationEnded) -> None:
        said = event.message.trace_id if isinstance(event, MessageSent) else event.trace_id
        session, turn = self._newest.get(event.key, ""), self._recorded.state.by_key[event.key].turn
        if said:
            self.turns.setdefault(session, {})[turn] = said

    def _come(self) -> list[Caught]:
        return [self._unpacked(self._waiting.popleft()) for _ in range(min(TRACES_AT_ONCE, len(self._waiting)))]

    def _unpacked(self, carried: CarriedTrace) -> Caught:
        from mlflow.entities import Trace

        left = {SUPERSEDED: "true"} if carried.session_id in self._left else {}
        claim = Claim(carried.trace_id, carried.session_id, carried.turn, carried.metadata, carried.tags | left)
        return Caught(claim, Trace.from_json(carried.trace))

    def _missing(self) -> list[Caught]:
        """The turns whose traces died with a worker: what was said stands in the events."""
        lost = [turn for turn in self._recorded.turns if turn.place not in self._stored]
        state = self._recorded.state
        return [as_trace(turn, state, trace_id=turn.trace_id or turn.own_id) for turn in lost[:TRACES_AT_ONCE]]
