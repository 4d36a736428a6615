"""A short way to play conversations into an MLflow store: the engine, with nothing of the workflow around it."""

import asyncio
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import mlflow

from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.adapters.mlflow.store import Pin, pin
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import GoalCheck
from convsim_nb.domain.events import AgentRef, RunSettings, RunStarted
from convsim_nb.domain.session import Message
from convsim_nb.domain.state import RunState
from convsim_nb.engine.control import Control
from convsim_nb.engine.converse import Parts
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Agent, AgentReply, AgentTurn, Judge, JudgeView, User, UserMove, UserView
from convsim_nb.engine.simulate import simulate


@dataclass
class Played:
    """A run that is over, and what of it lies in MLflow."""

    run_id: str
    state: RunState
    sink: MlflowSink
    reasons: list[str] = field(default_factory=list)
    """What `on_failure` was told."""

    @property
    def client(self) -> mlflow.MlflowClient:
        assert self.sink.destination is not None, self.reasons
        return self.sink.destination.client

    @property
    def traces(self) -> list[Any]:
        """All traces of the run's experiment, with spans, by the start of their sessions and by turn."""
        assert self.sink.destination is not None, self.reasons
        found = self.client.search_traces(locations=[self.sink.destination.experiment_id], max_results=500)
        return sorted(found, key=lambda t: (t.info.tags.get("mlflow.eval.requestId", ""), t.info.request_time))


async def answer(turn: AgentTurn) -> AgentReply:
    """An agent that says which turn it is."""
    return AgentReply(f"Answer {turn.turn}.")


async def ask(view: UserView) -> UserMove:
    """A user who asks on and on."""
    return UserMove("say", f"Question {view.turn}?")


def content_in(turns: int) -> Judge:
    """A judge who finds the goal reached in that turn."""

    async def judge(view: JudgeView) -> GoalCheck:
        reached = view.turn >= turns
        return GoalCheck(reached=reached, evidence="Answer" if reached else "", why=f"so it is in {view.turn}")

    return judge


def cases(count: int, **fields: Any) -> tuple[TestCase, ...]:
    return tuple(TestCase(goal=f"Goal {n}", case_id=f"case-{n}", **fields) for n in range(count))


async def play(
    todo: tuple[TestCase, ...],
    agent: Agent = answer,
    *,
    user: User = ask,
    judge: Judge | None = None,
    where: Pin | None = None,
    settings: dict[str, Any] | None = None,
    ready: bool = True,
    guard: Any = None,
    stop: asyncio.Event | None = None,
    started: dict[str, Any] | None = None,
    **sink_options: Any,
) -> Played:
    """Play a run to its end, or until `stop` is set, and its writing to its end too."""
    reasons: list[str] = []
    sink = MlflowSink(where or pin(), on_failure=reasons.append, **sink_options)
    emit = Emitter(RunState(), [sink])
    chosen = RunSettings(user_model="scripted", judge_model="scripted-judge", **{"max_turns": 2, **(settings or {})})
    run_id = uuid.uuid4().hex[:8]
    ref = AgentRef(name="my_agent", source_hash="0123456789ab", git_commit="c0ffee")
    more = {"run_name": "my run", **(started or {})}
    emit(RunStarted(at=0, run_id=run_id, started_at=datetime.now(UTC), agent=ref, settings=chosen, cases=todo, **more))
    if ready:
        await sink.ready()
    traced = sink.traced(agent, name="my_agent", run_id=run_id)
    parts = Parts(
        agent=traced,
        user=user,
        judge=judge or content_in(99),
        settings=chosen,
        emit=emit,
        control=Control(chosen.concurrency),
    )
    if guard:
        parts = Parts(**{**vars(parts), "guard": guard})
    playing = asyncio.create_task(simulate(parts))
    if stop:
        await stop.wait()
        playing.cancel()
    await asyncio.wait([playing])
    if not playing.cancelled():
        playing.result()
    await asyncio.to_thread(sink.close)
    return Played(run_id, emit.state, sink, reasons)


def turn_of(case: TestCase, *, turn: int = 1, session_id: str = "sim-0123456789abcdef") -> AgentTurn:
    """A turn to be answered, with the whole conversation before it."""
    pairs = [(f"Question {n}?", f"Answer {n}.") for n in range(1, turn)]
    said = [
        message
        for user, agent in pairs
        for message in (Message(role="user", content=user), Message(role="assistant", content=agent))
    ]
    messages = (*said, Message(role="user", content=f"Question {turn}?"))
    return AgentTurn(messages=messages, case=case, key="k", trial=1, turn=turn, session_id=session_id)


async def until(found: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What `found` gives, as soon as that is something."""
    end = time.monotonic() + seconds
    while not (what := await asyncio.to_thread(found)) and time.monotonic() < end:  # noqa: ASYNC110 - it lies in a store
        await asyncio.sleep(0.1)
    return what
