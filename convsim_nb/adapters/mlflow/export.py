"""How a run's traces get to its store: caught by a net of ours, or, where that can't be, MLflow's own way.

Both leave conversations alone: an agent's turn waits only while so many traces wait to be written that
memory is at stake. No trace is dropped.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from convsim_nb.adapters.mlflow.net import LATE_SECONDS, Claim, TraceNet, available
from convsim_nb.adapters.mlflow.store import Destination, make_ready
from convsim_nb.adapters.mlflow.veiling import veil_trace, veiled_span
from convsim_nb.adapters.mlflow.writer import TraceWriter
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.veil import BARE, Veil

Findings = dict[str, list[Any]]
"""Assessments to be logged, by trace id. A trace whose turn is over stands here, if with none."""

TRACES_AT_ONCE = 50
HOLD_SECONDS = 5.0
"""So long a trace waits for its turn's end, for what is found then is stored with it at hardly a cost."""
CROWDED = 1000
"""With so many traces waiting, agents wait too."""
CROWDED_IN_MLFLOW = 300
"""MLflow's own queue takes a thousand tasks, two a trace, and drops the rest."""


STALLED_SECONDS = 60.0
"""Agents that wait for room wait no longer than this for a store that takes nothing at all."""
_LOOK_AGAIN = 0.05


class Export(Protocol):
    """The way of one run's traces. `write` and `close` are called by one thread; the rest by any."""

    off: bool
    """True once the store is given up: no more traces are made."""
    experiment_id: str
    """Where MLflow is told to put the traces; empty until the store has answered."""
    on_stall: Callable[[str], None]
    """Told why the store is to be given up: agents are waiting, and it takes nothing."""
    turns: dict[str, dict[int, str]]
    """By session, the trace of each turn, from 1; of a turn that was tried again, the last."""

    async def warm(self) -> None:
        """Let MLflow get ready to trace, off the loop."""

    async def room(self) -> None:
        """Wait while too many traces are waiting to be written."""

    def opened(self, claim: Claim) -> None:
        """The root span of a trace was opened."""

    def closing(self, claim: Claim) -> None:
        """The root span is about to end, and is the current one."""

    def ended(self, claim: Claim) -> None:
        """The root span has ended."""

    def write(self, destination: Destination, *, run_id: str, findings: Findings, everything: bool) -> set[str]:
        """Write what is due, or all; gives the ids of the traces that are now stored. No `run_id`: they are of no run.

        What it stores of `findings` with their traces, it takes out.
        """

    def assess(self, assessments: Sequence[Any]) -> bool:
        """Store assessments of stored traces at once, all or none; False where that can't be."""

    def unsettled(self) -> float:
        """Seconds until nothing more is to be expected of any trace that has ended."""

    def let_go(self) -> None:
        """The store is given up: what waits, and what still comes, is dropped."""

    def close(self) -> None:
        """The run is over: nothing more will come or be written; what still waits is let go."""


def export(veil: Veil = BARE) -> Export:
    """The best way that the installed MLflow has. What is stored goes through `veil`.

    Raises:
        UsageError: this release of MLflow has no way on which traces can be redacted.
    """
    if available():
        return NetExport(veil)
    if veil.redact is not None:
        raise UsageError("redact is given, and the traces of this MLflow release cannot be redacted: say mlflow=False")
    return FlushExport()


class NetExport:
    """Our own way: a third of the cost, to the pinned store, nothing dropped."""

    def __init__(self, veil: Veil = BARE) -> None:
        self._veil = veil
        self.off = False
        self.experiment_id = ""
        self.turns: dict[str, dict[int, str]] = {}
        self._net = TraceNet()
        self._writer: TraceWriter | None = None
        self._warm = False
        self._written = 0
        self.on_stall: Callable[[str], None] = lambda _: None

    async def warm(self) -> None:
        if self._warm or self.off:
            return
        try:
            await asyncio.to_thread(warm_up)
            self._warm = True
        except Exception:  # noqa: BLE001 - a store that is no store: the sink, which goes there too, says so
            self.off = True

    async def room(self) -> None:
        await self.warm()
        seen, since = self._written, time.monotonic()
        while self._net.waiting >= CROWDED and not self.off:
            await asyncio.sleep(_LOOK_AGAIN)
            if self._written != seen:
                seen, since = self._written, time.monotonic()
            elif time.monotonic() - since > STALLED_SECONDS:
                self.on_stall(f"the store has taken no trace for {STALLED_SECONDS:.0f} s")

    def opened(self, claim: Claim) -> None:
        _note(self.turns, claim)
        self._net.claim(claim)

    def closing(self, claim: Claim) -> None:
        """What the agent set on our trace is put right when it is written."""

    def ended(self, claim: Claim) -> None:
        """The net has seen it."""

    def write(self, destination: Destination, *, run_id: str, findings: Findings, everything: bool) -> set[str]:
        self._writer = self._writer or TraceWriter(destination)
        now = time.monotonic()

        def ripe(claim: Claim) -> bool:
            age = now - claim.ended_at
            return everything or age > HOLD_SECONDS or (age > LATE_SECONDS and claim.trace_id in findings)

        caught, late = self._net.take(ripe, most=TRACES_AT_ONCE), self._net.take_late()
        late = [veiled_span(span, self._veil) for span in late]
        for each in caught:
            veil_trace(each.trace, self._veil)
            for finding in findings.pop(each.claim.trace_id, ()):
                finding.trace_id = each.claim.trace_id
                each.trace.info.assessments.append(finding)
        self._writer.write(caught, run_id=run_id, late=late)
        self._written += len(caught)
        for each in caught:
            each.claim.metadata = each.claim.tags = {}
        return {each.claim.trace_id for each in caught}

    def assess(self, assessments: Sequence[Any]) -> bool:
        return self._writer is not None and self._writer.assess(assessments)

    def unsettled(self) -> float:
        return max(0.0, self._net.last_end + LATE_SECONDS - time.monotonic())

    def let_go(self) -> None:
        self.off = True
        self._net.let_go()

    def close(self) -> None:
        self.off = True
        self._net.close()


class FlushExport:
    """MLflow's documented way, for releases whose insides we don't know: its exporter, flushed in good time.

    It writes to the store that was current when tracing began, not to the pinned one.
    """

    def __init__(self) -> None:
        self.off = False
        self.experiment_id = ""
        self.turns: dict[str, dict[int, str]] = {}
        self._waiting: deque[str] = deque()
        self.on_stall: Callable[[str], None] = lambda _: None

    async def warm(self) -> None:
        await asyncio.to_thread(warm_up)

    async def room(self) -> None:
        while (not self.experiment_id or len(self._waiting) >= CROWDED_IN_MLFLOW) and not self.off:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_LOOK_AGAIN)

    def opened(self, claim: Claim) -> None:
        _note(self.turns, claim)

    def closing(self, claim: Claim) -> None:
        import mlflow

        mlflow.update_current_trace(metadata=dict(claim.metadata), tags=dict(claim.tags))

    def ended(self, claim: Claim) -> None:
        self._waiting.append(claim.trace_id)

    def write(self, destination: Destination, *, run_id: str, findings: Findings, everything: bool) -> set[str]:
        import mlflow

        due = everything or len(self._waiting) > TRACES_AT_ONCE or any(trace in findings for trace in self._waiting)
        if not due:
            return set()
        ids = [self._waiting.popleft() for _ in range(len(self._waiting))]
        mlflow.flush_trace_async_logging()
        for start in range(0, len(ids) if run_id else 0, 100):  # the store takes no more in one call
            destination.client.link_traces_to_run(ids[start : start + 100], run_id)
        return set(ids)

    def assess(self, assessments: Sequence[Any]) -> bool:  # noqa: ARG002 - one at a time, as documented
        return False

    def unsettled(self) -> float:
        return LATE_SECONDS

    def let_go(self) -> None:
        self.off = True

    def close(self) -> None:
        self.off = True


def _note(turns: dict[str, dict[int, str]], claim: Claim) -> None:
    turns.setdefault(claim.session_id, {})[claim.turn] = claim.trace_id


def warm_up() -> None:
    """Let MLflow do now, on this thread, what it would do at the first span: it would block the loop for seconds.

    It opens its current store, and imports what asks for the model that is being served; the first trace would be
    a third of a second too long.
    """
    from mlflow import get_tracking_uri
    from mlflow.tracing import provider, utils

    make_ready(get_tracking_uri())
    with suppress(Warning):  # made an error by the user's filters; turns that get no trace then are told
        if begin := getattr(provider, "_get_tracer", None):
            begin(__name__)
        if look := getattr(utils, "maybe_get_logged_model_id", None):
            look()
