"""A run while it plays: the engine, its readers, and the switches of a person."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial

from convsim_nb.adapters.mlflow.carried import CarryingOff
from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.domain.events import SinkDropped
from convsim_nb.engine import simulate as engine
from convsim_nb.engine.control import Control
from convsim_nb.engine.converse import Parts
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Agent, Sink
from convsim_nb.engine.trial import Trial
from convsim_nb.workflow.heap import standing_heap
from convsim_nb.workflow.patience import PATIENCE
from convsim_nb.workflow.people import guard_of
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.stopping import cut_off, is_ending
from convsim_nb.workflow.watching import WatchedAgent

_SILENT = 6.0
"""Seconds for which nobody needs to be told why a run that has ended is still waited for."""


async def _off_the_loop(call: Callable[[], None]) -> None:
    """Call in a thread; at the end of the process, which starts none any more, here."""
    if is_ending():
        call()
    else:
        await asyncio.to_thread(call)


class Live:
    """Plays a started run on the loop that it is begun on; may be spoken to from any thread."""

    def __init__(
        self,
        planned: Plan,
        *,
        emit: Emitter,
        sinks: Sequence[Sink],
        mlflow: MlflowSink | CarryingOff | None,
        trials: Sequence[Trial] | None = None,
    ) -> None:
        """`trials` are what is to be played; None is all that has not come to an end of its own."""
        self._planned, self._emit, self._sinks, self._mlflow = planned, emit, sinks, mlflow
        self._trials = None if trials is None else [self._cast(trial) for trial in trials]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._playing: asyncio.Task[None] | None = None
        self._stopping = threading.Event()
        self._early: list[Callable[[], None]] = []
        self.awaited = False
        """Whether somebody waits for the end, and would wonder what it is waited for."""
        self.control = Control(planned.started.settings.concurrency)
        self.ended = threading.Event()
        """Set when all is over, and written where it is written."""

    async def play(self) -> None:
        """Play to the end, then close what was opened; a stop is no error."""
        self._loop = asyncio.get_running_loop()
        if self._mlflow is not None:
            self._mlflow.on_failure = self._mlflow_failed
        if self._planned.recorder is not None:
            self._planned.recorder.on_failure = partial(self._said, "recording")
        for call in self._early:
            call()
        try:
            self._loop.call_later(PATIENCE, self._say_unanswered)
            self._playing = asyncio.create_task(self._conversations())
            await asyncio.sleep(0)  # a task that is cancelled before it began tells nobody that the run ended
            if self._stopping.is_set():
                self._playing.cancel()
            with standing_heap():
                await asyncio.wait([self._playing])
            if not self._playing.cancelled():
                self._playing.result()
        finally:
            try:
                await self._close()
            finally:
                self.ended.set()

    async def _conversations(self) -> None:
        await engine.simulate(self._parts(), self._trials)

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, and has not ended."""
        return self._stopping.is_set() and not self.ended.is_set()

    def cut_off(self) -> None:
        """The process ends: tell whoever reads of the run later, and end what is not over as cancelled."""
        self.tell(lambda: self._emit(cut_off(self._emit.now)))
        self.stop()

    def stop(self) -> None:
        """End what is not over as cancelled, from any thread, as often as one likes; returns at once."""
        self._stopping.set()
        self.tell(self._cancel)

    def tell(self, call: Callable[[], None]) -> None:
        """Call on the loop's own thread; before the run has one, when it begins."""
        if self._loop is None:
            self._early.append(call)
        elif not self.ended.is_set():
            self._loop.call_soon_threadsafe(call)

    def steer(self, change: Callable[[Control], None]) -> None:
        """Let a person's change come to the switches."""
        self.tell(lambda: change(self.control))

    def add(self, trial: Trial) -> bool:
        """Play one more conversation; False when the run has come to its end. Not for the loop's own thread."""
        if self._loop is None or self.ended.is_set():
            return False
        added: Future[bool] = Future()
        self._loop.call_soon_threadsafe(lambda: added.set_result(self.control.add(self._cast(trial))))
        return added.result()

    def _cancel(self) -> None:
        if self._playing is not None:
            self._playing.cancel()

    def _parts(self) -> Parts:
        planned = self._planned
        return Parts(
            agent=self._watched(planned.agent, planned.started.agent.name, planned.started.agent.model_id),
            user=planned.user,
            judge=planned.judge,
            settings=planned.started.settings,
            emit=self._emit,
            control=self.control,
            budget=planned.budget(self._emit.state.spent),
            model_timeout=planned.options["model_timeout"],
            goal_function=planned.goal_function,
            guard=guard_of(planned.options),
        )

    def _watched(self, agent: Agent, name: str, model_id: str = "") -> Agent:
        """An agent whose ways are noticed; where the run is written to MLflow, each of its turns is a trace."""
        started = self._planned.started
        if self._mlflow is None:
            return WatchedAgent(agent, of=agent, emit=self._emit)
        traced = self._mlflow.traced(
            agent,
            name=name,
            run_id=started.run_id,
            model_id=model_id,
            history=started.settings.agent_history,
            shown=self._planned.shown,
        )
        return WatchedAgent(traced, of=agent, emit=self._emit)

    def _cast(self, trial: Trial) -> Trial:
        """A trial that another agent plays, its turns traced as those of the run's own."""
        if trial.played_by is None:
            return trial
        return trial._replace(played_by=self._watched(trial.played_by, trial.agent))

    def _say_unanswered(self) -> None:
        """Say once why nothing may be seen to happen: agents are not asked before MLflow can trace them."""
        sink = self._mlflow
        if not isinstance(sink, MlflowSink) or sink.has_answered or self.ended.is_set():
            return
        for shown in self._sinks:
            if (say := getattr(shown, "say", None)) is not None:
                say(f"waiting for {sink.awaited.partition(';')[0]}: its first use of a store takes some seconds")

    @contextmanager
    def _said_if_long(self, opened: object) -> Iterator[None]:
        """Say once what the end waits for, where MLflow is slow or away, and somebody waits."""
        if not isinstance(opened, MlflowSink) or not self._planned.options["progress"]:
            yield
            return
        late = asyncio.get_running_loop().call_later(_SILENT, self._say_awaited, opened)
        try:
            yield
        finally:
            late.cancel()

    def _say_awaited(self, sink: MlflowSink) -> None:
        if self.awaited and not sink.is_over:
            sys.stderr.write(f"convsim: run {self._planned.started.run_id} has ended, and waits for {sink.awaited}\n")
            sys.stderr.flush()

    def _mlflow_failed(self, reason: str) -> None:
        """Told on the sink's own thread: the emitter must hear it on the loop's."""
        sink = self._mlflow
        if self._loop is not None and isinstance(sink, MlflowSink):
            self._loop.call_soon_threadsafe(self._emit.drop, sink, reason)

    def _said(self, name: str, reason: str) -> None:
        self._emit(SinkDropped(at=self._emit.now, sink=name, reason=reason))

    async def _close(self) -> None:
        """Close what was opened, the journal last: it still has to hear how the others end."""
        for opened in (self._planned.recorder, *reversed(self._sinks)):
            close = getattr(opened, "close", None)
            try:
                if close is not None:
                    with self._said_if_long(opened):
                        await _off_the_loop(close)
            except Exception as error:  # noqa: BLE001 - one reader's trouble must not cost the others their end
                name = getattr(opened, "name", None) or type(opened).__name__
                self._said(name, f"{type(error).__name__}: {error}")
