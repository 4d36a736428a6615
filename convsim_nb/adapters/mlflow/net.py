"""Our traces, caught on their way out: MLflow's own exporter never sees them.

Its default export costs three times as much, drops traces beyond a thousand tasks, and writes to
whatever store is current. So the end of our root spans, and of what the agent opens inside them, is
taken out of MLflow's span processor; every other trace passes as ever. What this needs of MLflow that
is not documented is listed at the end of this file; `available()` says whether this release has it.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any

LATE_SECONDS = 0.3
"""Autologging may open its span so long after the agent has answered: LiteLLM's does, from a queue."""
HELD_AT_MOST = 300
"""MLflow keeps a thousand unfinished traces in memory, and drops the oldest of anybody's beyond that."""


@dataclass
class Claim:
    """One trace of ours, from the opening of its root span until it is stored."""

    trace_id: str
    session_id: str
    turn: int
    """From 1."""
    metadata: Mapping[str, str]
    """What the trace must say, with `tags`; both empty once it is stored, for claims outlast their traces."""
    tags: Mapping[str, str]
    root: Any = None
    """The ended root span, as OpenTelemetry has it."""
    processor: Any = None
    kept: Any = None
    """MLflow's record of the trace: held here, so that no full buffer can lose it."""
    ended_at: float = 0.0

    @property
    def otel_id(self) -> int:
        """OpenTelemetry's id of the trace: MLflow's is its hexadecimal form."""
        return int(self.trace_id.removeprefix("tr-"), 16)


@dataclass(frozen=True)
class Caught:
    """A finished trace, out of MLflow's hands."""

    claim: Claim
    trace: Any
    """`mlflow.entities.Trace`."""
    prompts: tuple[Any, ...] = ()
    """The prompt versions that the agent loaded in it."""


def available() -> bool:
    """Whether the installed MLflow has all that catching needs."""
    return all(hasattr(_found(place), name) for place, name in _NEEDED)


def spans_so_far(claim: Claim) -> list[Any]:
    """What lies in this process of a trace that is not stored yet, its root too; empty where MLflow keeps it elsewhere.

    The spans are live: they are to be read, not kept.
    """
    manager = _found(_MANAGER)
    if not hasattr(manager, "get_trace"):
        return []
    with manager.get_instance().get_trace(claim.trace_id) as kept:  # its lock: another thread may be opening a span
        trace = kept or claim.kept
        return list(trace.span_dict.values()) if trace else []


class TraceNet:
    """Holds the traces of one run between their end and their writing. Any thread may call any of it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended: deque[Claim] = deque()
        self._popped: deque[Caught] = deque()
        self._late: list[Any] = []
        self._done: set[int] = set()
        self._open, self._letting_go = True, False
        self.last_end = -math.inf
        """When a span of ours ended last, by the monotonic clock."""
        _HOOK.enter()

    @property
    def waiting(self) -> int:
        """Traces that ended and are not yet taken."""
        return len(self._ended) + len(self._popped)

    def claim(self, claim: Claim) -> None:
        """From now on this trace, whose root span was just opened, is ours."""
        with _manager().get_trace(claim.trace_id) as kept:
            claim.kept = kept
        if kept is not None:
            _HOOK.claims[claim.otel_id] = (self, claim)

    def ended(self, processor: Any, span: Any, claim: Claim) -> None:
        """A span of a trace of ours ended: its root, or one inside it."""
        if self._letting_go:
            if span.parent is None:
                _manager().pop_trace(claim.otel_id)
            return
        too_many: Claim | None = None
        with self._lock:
            self.last_end = time.monotonic()
            if claim.otel_id in self._done:
                self._late.append(span)
            elif span.parent is None:
                claim.root, claim.processor, claim.ended_at = span, processor, time.monotonic()
                self._ended.append(claim)
                too_many = self._next() if len(self._ended) > HELD_AT_MOST else None
        if too_many:
            self._popped.append(_popped(too_many))

    def take(self, ripe: Callable[[Claim], bool], *, most: int) -> list[Caught]:
        """Take up to `most` ended traces, oldest first, of those that are ripe."""
        taken: list[Caught] = []
        while self._popped and len(taken) < most:
            taken.append(self._popped.popleft())
        with self._lock:
            ready = [claim for claim in self._ended if ripe(claim)][: most - len(taken)]
            for claim in ready:
                self._ended.remove(claim)
                self._done.add(claim.otel_id)
        return taken + [_popped(claim) for claim in ready]

    def take_late(self) -> list[Any]:
        """Take the spans that ended after their trace was taken: those of an agent left behind, and such."""
        from mlflow.entities import Span

        with self._lock:
            late, self._late = self._late, []
        return [Span(span) for span in late]

    def let_go(self) -> None:
        """From now on traces of ours are dropped when they end: MLflow's exporter would go to the same store."""
        with self._lock:
            self._letting_go = True
            dropped = list(self._ended)
            self._ended.clear()
            self._popped.clear()
            self._late.clear()
        for claim in dropped:
            _manager().pop_trace(claim.otel_id)  # or MLflow would hold it for an hour

    def close(self) -> None:
        """Let go of every trace; MLflow's exporter has what comes from now on."""
        self.let_go()
        with self._lock:
            was_open, self._open = self._open, False
        if was_open:
            _HOOK.leave(self)

    def _next(self) -> Claim:
        claim = self._ended.popleft()
        self._done.add(claim.otel_id)
        return claim


def _popped(claim: Claim) -> Caught:
    manager = _manager()
    with manager.get_trace(claim.trace_id):  # its lock: another thread may just be opening a span
        with suppress(TypeError, ValueError, KeyError, AttributeError):  # an agent's token counts may not add up
            claim.processor._update_trace_info(claim.kept, claim.root)  # noqa: SLF001 - see the end of the file
        popped = manager.pop_trace(claim.otel_id)
        trace = popped.trace if popped else claim.kept.to_mlflow_trace()
    claim.root = claim.kept = claim.processor = None
    return Caught(claim, trace, tuple(popped.prompts) if popped else ())


class _Hook:
    """Stands before `on_end` of MLflow's span processors while a net is open.

    Of the class, not of one processor: MLflow makes a new one whenever the tracking URI changes.
    """

    def __init__(self) -> None:
        self.claims: dict[int, tuple[TraceNet, Claim]] = {}
        self._lock = threading.Lock()
        self._users = 0
        self._before: Any = None
        self._ours: Any = None

    def enter(self) -> None:
        with self._lock:
            self._users += 1
            if self._users == 1:
                kind = _found(_PROCESSOR)
                self._before = vars(kind).get("on_end")
                kind.on_end = self._ours = self._standing_before(kind.on_end)

    def leave(self, net: TraceNet) -> None:
        with self._lock:
            for key in [key for key, (owner, _) in tuple(self.claims.items()) if owner is net]:
                del self.claims[key]
            self._users -= 1
            kind = _found(_PROCESSOR)
            if self._users or vars(kind).get("on_end") is not self._ours:
                return  # in use; or somebody stands before us, and with no claims we pass everything on
            del kind.on_end
            if self._before is not None:
                kind.on_end = self._before

    def _standing_before(self, original: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
        def on_end(processor: Any, span: Any) -> None:
            ours = self.claims.get(span.context.trace_id)
            if ours is None:
                original(processor, span)
            else:
                net, claim = ours
                net.ended(processor, span, claim)

        return on_end


_HOOK = _Hook()

# --- what we need of MLflow that is not documented -----------------------------------

_PROCESSOR = "mlflow.tracing.processor.mlflow_v3:MlflowV3SpanProcessor"
_MANAGER = "mlflow.tracing.trace_manager:InMemoryTraceManager"
_CLIENT = "mlflow.tracing.client:TracingClient"
_NEEDED = (
    (_PROCESSOR, "on_end"),
    (_PROCESSOR, "_update_trace_info"),
    (_MANAGER, "get_instance"),
    (_MANAGER, "get_trace"),
    (_MANAGER, "pop_trace"),
    (_CLIENT, "start_trace"),
    (_CLIENT, "log_spans"),
)


def _found(place: str) -> Any:
    module, name = place.split(":")
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


def _manager() -> Any:
    return _found(_MANAGER).get_instance()
