"""A box of a run's conversations, played on a Spark worker by the same engine as anywhere."""

import copy
import math
import os
import sys
import tempfile
import time
from concurrent.futures import wait
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from convsim_nb.adapters.mlflow.carried import SETTLED, CarryingOff
from convsim_nb.adapters.spark import BoxPlayed, unpickled
from convsim_nb.adapters.spool import BoxFollower, Spool, events_of, is_to_stop
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.domain.events import ConversationEnded, RunEvent, RunStarted
from convsim_nb.domain.state import RunState
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.trial import Trial, new_session_id
from convsim_nb.workflow import background
from convsim_nb.workflow.cleaning import cleaning
from convsim_nb.workflow.live import Live
from convsim_nb.workflow.plan import Plan, plan

_LOOK = 0.25
"""Seconds between two looks whether to stop."""


class Part(NamedTuple):
    """One conversation that is to be played."""

    key: str
    case_id: str
    trial: int
    attempt: int


@dataclass(frozen=True)
class BoxOrder:
    """What one worker is to play."""

    cases: tuple[str, ...]
    """As JSON."""
    parts: tuple[Part, ...]
    max_cost: float | None = None
    """Its share of what the run may spend."""
    max_tokens: int | None = None


@dataclass(frozen=True)
class Order:
    """What is sent to every worker."""

    folder: str
    """That driver and workers share."""
    append: bool
    """Whether files in it may be added to."""
    started: str
    """The run's start as JSON, without its cases."""
    boxes: tuple[BoxOrder, ...]
    sent: bytes
    """Agent, models and functions, pickled."""
    concurrency: int
    """Conversations at once in one box."""
    traced: bool
    until: float | None
    """When the run's time is up, in seconds since 1970."""
    home: str | None
    """The driver's working folder, where workers see it too."""
    tracking_uri: str | None
    """MLflow's store and registry, where workers reach them; without a password."""
    registry_uri: str | None


def play_box(order: Order, box: int) -> BoxPlayed:
    """Play what is left of a box; an attempt before it may have died on the way.

    What is wrong with the call itself is handed back as the problem, for Spark would only try it again.

    Raises:
        RuntimeError: another worker has taken the box, or the shared folder failed: Spark tries again.
    """
    if is_to_stop(Path(order.folder)):
        return BoxPlayed(box, 0, 0)
    try:
        planned = _planned(order, order.boxes[box])
    except ConvsimError as error:
        return BoxPlayed(box, 0, 0, f"{type(error).__name__}: {error}")
    return _played(order, box, planned)


# --- what it is played with ----------------------------------------------------------


def _planned(order: Order, mine: BoxOrder) -> Plan:
    """The run as the driver planned it, with what is this box's."""
    _at_home(order)
    cases = tuple(TestCase.model_validate_json(case) for case in mine.cases)
    given = _given(order.sent)
    seconds = None if order.until is None else max(1e-3, order.until - time.time())
    limits = {"max_cost": mine.max_cost, "max_tokens": mine.max_tokens, "max_seconds": seconds}
    here = {"journal": False, "mlflow": False, "progress": False}
    planned = plan(cases, given["agent"], kept=True, **{**given["options"], **limits, **here})
    started = RunStarted.model_validate_json(order.started)
    settings = started.settings.model_copy(update={"concurrency": order.concurrency})
    return replace(planned, started=started.model_copy(update={"cases": cases, "settings": settings}))


@lru_cache(maxsize=1)
def _given(sent: bytes) -> dict[str, Any]:
    """Agent and options, read once in a process: a model is loaded once, a client keeps its connections."""
    given = unpickled(sent)
    agent = given["agent"]
    if isinstance(agent, str) and agent.strip().startswith(("models:/", "runs:/")):
        from convsim_nb.adapters.mlflow.models import load_model

        given["agent"] = load_model(agent.strip())
    return given


def _at_home(order: Order) -> None:
    """Modules are found and MLflow is reached as on the driver, where that can be."""
    if order.home and order.home not in sys.path and Path(order.home).is_dir():
        sys.path.insert(0, order.home)
    if not order.traced and order.tracking_uri is None:
        return
    import mlflow

    if order.tracking_uri is not None:
        mlflow.set_tracking_uri(order.tracking_uri)
    elif "MLFLOW_TRACKING_URI" not in os.environ:  # or MLflow would make its file wherever Spark has put us
        mlflow.set_tracking_uri(f"sqlite:///{tempfile.mkdtemp(prefix='convsim-')}/mlflow.db")
    if order.registry_uri is not None:
        mlflow.set_registry_uri(order.registry_uri)


# --- playing -------------------------------------------------------------------------


def _played(order: Order, box: int, planned: Plan) -> BoxPlayed:
    state = _state(order, box, planned)
    spool = Spool(Path(order.folder), box, append=order.append)
    tracing = CarryingOff(planned.veil) if order.traced else None
    if tracing is not None:
        tracing.get_ready()
    emit = _emitter(state, spool, planned)
    live = Live(planned, emit=emit, sinks=(), mlflow=tracing, trials=_left(order.boxes[box], state))
    try:
        _watch(live, spool, tracing, folder=Path(order.folder))
    finally:
        if tracing is not None:
            tracing.close()
        spool.close()
    if spool.is_followed:
        raise RuntimeError(f"box {box} was taken by another worker")
    if any(drop.sink == spool.name for drop in emit.state.dropped):
        raise RuntimeError(f"the shared folder failed: {emit.state.dropped[-1].reason}")
    return BoxPlayed(box, spool.attempt, spool.lines)


def _state(order: Order, box: int, planned: Plan) -> RunState:
    """The box as earlier attempts at it left it."""
    state = RunState()
    state.apply(planned.started)
    for event in events_of(BoxFollower(Path(order.folder), box).new()):
        state.apply(event)
    return state


def _left(mine: BoxOrder, state: RunState) -> list[Trial]:
    """New attempts at the conversations that have not ended."""
    return [
        Trial(
            key=part.key,
            case=state.cases[part.case_id],
            agent=state.by_key[part.key].agent,
            trial=part.trial,
            attempt=max(part.attempt, state.by_key[part.key].attempt + 1),
            session_id=new_session_id(),
        )
        for part in mine.parts
        if state.by_key[part.key].stop in (None, "cancelled")
    ]


def _emitter(state: RunState, spool: Spool, planned: Plan) -> Emitter:
    """What leaves the worker is cleaned there; the conversations go on from what was said in truth."""
    clean, given = cleaning(planned.veil), planned.options["max_seconds"]

    def cleaned(event: RunEvent) -> RunEvent | None:
        if given is not None and isinstance(event, ConversationEnded) and event.stop == "over_budget":
            event = event.model_copy(update={"detail": event.detail.replace(f"max_seconds={given:g}", "max_seconds")})
        return clean(event)

    shown = None if planned.veil.redact is None else copy.deepcopy(state)
    return Emitter(state, [spool], clean=cleaned, shown=shown)


def _watch(live: Live, spool: Spool, tracing: CarryingOff | None, *, folder: Path) -> None:
    """Play to the end, on the process's loop; from here it is looked after whether to stop."""
    playing = background.submit(live.play())
    while not playing.done():
        wait([playing], timeout=_LOOK)
        if is_to_stop(folder) or spool.is_followed:
            live.stop()
        if tracing is not None:
            spool.carry(tracing.take(time.monotonic()))
    playing.result()
    if tracing is not None and not spool.is_followed:
        time.sleep(SETTLED)
        while taken := tracing.take(math.inf):
            spool.carry(taken)
