"""A run that plays on Spark's workers: the driver follows what they tell, and writes as ever."""

import asyncio
import sys
import time
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from convsim_nb.adapters import spark as cluster
from convsim_nb.adapters.agents.threads import on_daemon_thread
from convsim_nb.adapters.mlflow.carried import BringingHome
from convsim_nb.adapters.spark import BoxPlayed
from convsim_nb.adapters.spool import BoxFollower, CarriedTrace, Header, SpoolLine, ask_to_stop, delete_goes
from convsim_nb.domain.errors import ConvsimError, StoreError, UsageError
from convsim_nb.domain.events import Noticed, RunEnded, RunEvent
from convsim_nb.engine.simulate import left_to_do
from convsim_nb.engine.trial import Trial
from convsim_nb.workflow.ended import is_finished
from convsim_nb.workflow.live import Live
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.spark import Deployment, divided, ordered
from convsim_nb.workflow.spark_unheard import unheard
from convsim_nb.workflow.spark_worker import Order, play_box

_LOOK = 0.25
"""Seconds between two looks at what the workers told."""
_TO_STOP = 20.0
"""Seconds that workers have to end what they play, before their tasks are cancelled."""
_TO_ARRIVE = 60.0
"""Seconds in which all that was written has to be seen in the shared folder."""

_UNSEEN = "spark_lines"
"""The topic of what was written, and not seen."""

_Job = asyncio.Future[list[BoxPlayed]]


class SparkLive(Live):
    """Plays a started run on Spark: what its workers tell is emitted as if it were played here."""

    def __init__(
        self, planned: Plan, *, on: Deployment, journal: Path | None, home: BringingHome | None, **parts: Any
    ) -> None:
        """`journal` is the run's folder; `home` writes the traces that workers made, None where nothing does."""
        super().__init__(planned, **parts)
        self._on, self._journal, self._home = on, journal, home
        self._boxes: list[_BoxTold] = []

    def steer(self, change: Any) -> None:  # noqa: ARG002 - the form of any live run's
        """Refuse: of a run on Spark nothing can be changed while it plays.

        Raises:
            UsageError: it plays on Spark.
        """
        if self.ended.is_set():
            return
        raise UsageError(
            f"run {self._planned.started.run_id} plays on Spark: its conversations cannot be paused, spoken into, "
            "forked or stopped one by one: run.stop() stops all, and cs.resume(...) goes on"
        )

    def add(self, trial: Trial) -> bool:
        """Nothing is added while it plays; False when it has ended.

        Raises:
            UsageError: it plays.
        """
        self.steer(trial)
        return False

    async def _conversations(self) -> None:
        emit, stopped = self._emit, True
        try:
            await self._catch_up()
            if self._home is not None:
                self._home.hear(self._planned.started)
            if trials := left_to_do(emit.state):
                await self._play(trials)
            stopped = False
        except ConvsimError as error:
            emit(Noticed(at=emit.now, topic="spark", text=str(error)))
            raise
        finally:
            emit(RunEnded(at=emit.now, stopped=stopped))

    async def _close(self) -> None:
        """Close as ever; the journal has all then, and what workers told is of no more use."""
        await super()._close()
        if not self._is_whole:
            return
        try:
            await asyncio.to_thread(delete_goes, self._on.folder)
        except OSError as error:
            sys.stderr.write(f"convsim: {self._on.folder} is of no more use, and cannot be deleted: {error}\n")

    @property
    def _is_whole(self) -> bool:
        """Whether all was played, heard, and kept where it is to be kept."""
        state = self._emit.state
        return is_finished(state) and not state.stopped and not state.dropped and _UNSEEN not in state.notices

    async def _catch_up(self) -> None:
        """Emit what workers had told before a driver died that did not hear it any more."""
        told = await asyncio.to_thread(lambda: list(unheard(self._on.folder, self._journal)))
        for event in told:
            self._emit(event.model_copy(update={"at": self._emit.now}))

    async def _play(self, trials: Sequence[Trial]) -> None:
        order = await asyncio.to_thread(
            partial(ordered, self._planned, self._on, trials=trials, state=self._emit.state)
        )
        if said := divided(order):
            self._emit(Noticed(at=self._emit.now, topic="spark_budget", text=said))
        go = Path(order.folder)
        self._boxes = [_BoxTold(go, box) for box in range(len(order.boxes))]
        name = f"convsim {self._planned.started.run_id} {go.name}"
        job = asyncio.ensure_future(on_daemon_thread(partial(_job, self._on, order, name), name="convsim-spark"))
        try:
            await self._until_over(job)
        except asyncio.CancelledError:
            await _to_its_end(self._stopped(job, go, name))
            raise

    async def _until_over(self, job: _Job) -> None:
        while not job.done():
            await asyncio.wait([job], timeout=_LOOK)
            await self._hear()
        played = job.result()
        await self._arrived(played)
        if problem := next((one.problem for one in played if one.problem), ""):
            raise UsageError(f"on a Spark worker, {problem}")

    async def _stopped(self, job: _Job, go: Path, name: str) -> None:
        """Let the workers end what they play, and hear the last of it; tasks that do not end are cancelled."""
        await asyncio.to_thread(ask_to_stop, go)
        until = time.monotonic() + _TO_STOP
        while not job.done() and time.monotonic() < until:
            await asyncio.wait([job], timeout=_LOOK)
            await self._hear()
        if not job.done():
            await asyncio.to_thread(cluster.cancel, self._on.spark, name)
        elif job.exception() is None:
            await self._arrived(job.result())

    # --- what the workers tell -------------------------------------------------------

    async def _hear(self) -> None:
        """Emit what is new, in the order of time."""
        told: list[RunEvent] = []
        for box in self._boxes:
            for line in await asyncio.to_thread(box.new):
                if isinstance(line, CarriedTrace):
                    if self._home is not None:
                        self._home.bring([line])
                elif isinstance(line, Header):
                    box.began = line.began
                else:
                    told.append(self._timed(line, box.began))
        for event in sorted(told, key=lambda event: event.at):
            if self._home is not None:
                self._home.hear(event)
            self._emit(event)

    def _timed(self, event: RunEvent, began: float) -> RunEvent:
        """By the run's clock. A worker's may be wrong: nothing happens in the future."""
        now = self._emit.now
        at = began - (time.time() - now) + event.at
        return event.model_copy(update={"at": min(max(0.0, at), now)})

    async def _arrived(self, played: Iterable[BoxPlayed]) -> None:
        """Wait until all that the workers wrote was heard: a shared folder may take its time to show it."""
        until = time.monotonic() + _TO_ARRIVE
        while missing := sum(self._boxes[one.box].missing(one) for one in played):
            if time.monotonic() > until:
                said = f"{missing} lines that workers wrote are not to be seen in {self._on.folder}"
                self._emit(Noticed(at=self._emit.now, topic=_UNSEEN, text=said))
                return
            await asyncio.sleep(_LOOK)
            await self._hear()


def _job(on: Deployment, order: Order, name: str) -> list[BoxPlayed]:
    return cluster.play_boxes(on.spark, partial(play_box, order), boxes=len(order.boxes), name=name)


class _BoxTold:
    """What is told of one box, and since when its newest attempt counts."""

    def __init__(self, go: Path, box: int) -> None:
        self._follower, self._folder = BoxFollower(go, box), go
        self._troubled: float | None = None
        self.began = 0.0
        """Seconds since 1970."""

    def new(self) -> list[SpoolLine]:
        """The lines that were not there before; a folder that cannot be read is looked at again, for a minute.

        Raises:
            StoreError: it cannot be read.
        """
        try:
            found = self._follower.new()
        except OSError as error:
            self._troubled = self._troubled or time.monotonic()
            if time.monotonic() - self._troubled > _TO_ARRIVE:
                raise StoreError(f"the shared folder {self._folder} cannot be read: {error}") from None
            return []
        self._troubled = None
        return found

    def missing(self, played: BoxPlayed) -> int:
        """How many lines of a box that is over were not seen yet."""
        return max(0, played.lines - self._follower.read.get(played.attempt, 0))


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Do a piece of work, however often its task is cancelled meanwhile: a stop may be asked for twice."""
    task = asyncio.ensure_future(work)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)
    task.result()
