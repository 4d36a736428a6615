"""Starting a run: the parts are put together here, and nowhere else."""

import asyncio
import atexit
import os
import sys
import threading
import weakref
from pathlib import Path
from typing import Any, Unpack

from convsim_nb.adapters.journal import EVENTS, Journal
from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.domain.state import RunState
from convsim_nb.engine import simulate as engine
from convsim_nb.engine.converse import Parts
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Agent, Sink
from convsim_nb.views.report import report_html
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
    sink = mlflow_sink(planned) if options.get("mlflow", True) else None  # a wrong name fails before a file is made
    journal = _journal(planned)
    run = Run(state, folder=journal.folder if journal else None)
    run.mlflow = sink
    shown = display().show(run) if options.get("progress", True) else None
    sinks: list[Sink] = [one for one in (journal, sink, shown, *options.get("sinks", ())) if one is not None]
    emit = Emitter(state, sinks)
    emit(planned.started)
    return run, _Live(planned, run, emit, sinks)


def mlflow_sink(planned: Plan) -> MlflowSink:
    """What writes the run to MLflow: store, experiment and run are taken now, and kept."""
    where = planned.options.get("journal", True)
    folder = None if where is False else _root(where) / planned.started.run_id
    return MlflowSink(
        pin(planned.options.get("experiment")),
        journal=folder / EVENTS if folder else None,
        report=report_html,
    )


def _journal(planned: Plan) -> Journal | None:
    where = planned.options.get("journal", True)
    if where is False:
        return None
    return Journal(_root(where) / planned.started.run_id)


def _root(where: "bool | str | os.PathLike[str]") -> Path:
    return JOURNALS if where is True else Path(where)  # type: ignore[arg-type]


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
        if self._run.mlflow is not None:
            self._run.mlflow.on_failure = self._mlflow_failed
        try:
            self._task = asyncio.create_task(engine.simulate(self._parts()))
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

    def _parts(self) -> Parts:
        planned = self._planned
        return Parts(
            agent=self._agent(),
            user=planned.user,
            judge=planned.judge,
            settings=planned.started.settings,
            emit=self._emit,
            goal_function=planned.goal_function,
        )

    def _agent(self) -> Agent:
        """The agent; where the run is written to MLflow, each of its turns a trace."""
        planned, sink = self._planned, self._run.mlflow
        if sink is None:
            return planned.agent
        started = planned.started
        return sink.traced(
            planned.agent,
            name=started.agent.name,
            run_id=started.run_id,
            model_id=started.agent.model_id,
            history=started.settings.agent_history,
        )

    def _mlflow_failed(self, reason: str) -> None:
        """Told on the sink's own thread: the emitter must hear it on the loop's."""
        sink = self._run.mlflow
        if self._loop is not None and sink is not None:
            self._loop.call_soon_threadsafe(self._emit.drop, sink, reason)

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
