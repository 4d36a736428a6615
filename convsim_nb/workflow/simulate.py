"""Starting a run: the parts are put together here, and nowhere else."""

import asyncio
import atexit
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, Unpack

from convsim_nb.adapters.journal import Journal
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.domain.events import SinkDropped
from convsim_nb.domain.state import RunState
from convsim_nb.engine import simulate as engine
from convsim_nb.engine.converse import Parts
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Agent, Sink
from convsim_nb.workflow import background
from convsim_nb.workflow.display import display
from convsim_nb.workflow.plan import Plan, SimulateOptions, plan
from convsim_nb.workflow.run import Run

JOURNALS = Path(".convsim") / "runs"
_live: "weakref.WeakSet[Run]" = weakref.WeakSet()


def simulate(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Let a language model play the user of every test case against an agent, many conversations at once.

    Returns at once; the run plays in the background and shows itself. `cases` is a CaseSet, a list of
    TestCase or mappings, a DataFrame, or a file; `agent` a callable that takes `messages` or `input`,
    `module:name`, a URL, or an MLflow model. The options are those of `SimulateOptions`.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    run, live = _prepared(plan(cases, agent, **options))
    playing = background.submit(live.play())
    run._play(playing, live.stop_from_anywhere)  # noqa: SLF001 - the handle and its maker
    _live.add(run)
    return run


async def simulate_async(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Do what `simulate` does on the caller's own event loop, and return the run at its end.

    For agents whose clients are bound to that loop. Cancelling it stops the run and keeps what was done.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    run, live = _prepared(plan(cases, agent, **options))
    playing = asyncio.ensure_future(live.play())
    try:
        await asyncio.shield(playing)
    except asyncio.CancelledError:
        live.stop()
        await asyncio.shield(playing)
        raise
    return run


def _prepared(planned: Plan) -> tuple[Run, "_Live"]:
    options, state = planned.options, RunState()
    journal = _journal(planned)
    run = Run(state, folder=journal.folder if journal else None)
    shown = display().show(run) if options.get("progress", True) else None
    sinks: list[Sink] = [sink for sink in (journal, shown, *options.get("sinks", ())) if sink is not None]
    emit = Emitter(state, sinks)
    emit(planned.started)
    return run, _Live(planned, run, emit, sinks)


def _journal(planned: Plan) -> Journal | None:
    where = planned.options.get("journal", True)
    if where is False:
        return None
    root = JOURNALS if where is True else Path(where)
    return Journal(root / planned.started.run_id)


class _Live:
    """A run while it plays."""

    def __init__(self, planned: Plan, run: Run, emit: Emitter, sinks: list[Sink]) -> None:
        self._planned, self._run, self._emit, self._sinks = planned, run, emit, sinks
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = threading.Event()

    async def play(self) -> None:
        """Play to the end, then close what was opened; a stop is no error."""
        self._loop = asyncio.get_running_loop()
        try:
            agent = await self._opened()
            self._task = asyncio.create_task(engine.simulate(self._parts(agent)))
            if self._stopping.is_set():
                self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()
        finally:
            await self._closed()
            self._run.ended.set()

    def stop(self) -> None:
        """Stop, on the loop's own thread."""
        self._stopping.set()
        if self._task is not None:
            self._task.cancel()

    def stop_from_anywhere(self) -> None:
        """Stop, from any thread, as often as one likes."""
        self._stopping.set()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)

    async def _opened(self) -> Agent:
        return self._planned.agent

    def _parts(self, agent: Agent) -> Parts:
        planned = self._planned
        return Parts(
            agent=agent,
            user=planned.user,
            judge=planned.judge,
            settings=planned.started.settings,
            emit=self._emit,
            goal_function=planned.goal_function,
        )

    async def _closed(self) -> None:
        for sink in self._sinks:
            close = getattr(sink, "close", None)
            if close is not None:
                await asyncio.to_thread(close)


@atexit.register
def _stop_what_still_plays() -> None:
    for run in [run for run in _live if not run.ended.is_set()]:
        run.stop()
        run.ended.wait(2.0)
        kept = f"; what was done is kept in {run.folder}" if run.folder else ""
        sys.stderr.write(f"convsim: run {run.run_id} was stopped by the end of the script: use run.wait(){kept}\n")
