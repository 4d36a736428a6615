"""Starting a run: the parts are put together here, and nowhere else."""

import asyncio
import atexit
import copy
import os
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from convsim_nb.adapters.journal import EVENTS, JOURNALS, Journal
from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.domain.state import RunState
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Sink
from convsim_nb.engine.trial import Trial
from convsim_nb.views.report import report_html
from convsim_nb.workflow import background
from convsim_nb.workflow.display import display
from convsim_nb.workflow.live import Live
from convsim_nb.workflow.options import SimulateOptions, spelled_out
from convsim_nb.workflow.plan import Plan, plan
from convsim_nb.workflow.run import Run

_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()


@spelled_out
def simulate(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Let a language model play the user of every test case against an agent, many conversations at once.

    Returns at once; the run plays in the background and shows itself. `cases` is a CaseSet, a list of
    TestCase or mappings, a DataFrame, or a file; `agent` a callable that takes `messages` or `input`,
    `module:name`, a URL, or an MLflow model.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    return start(plan(cases, agent, **options))


def start(planned: Plan) -> Run:
    """Start what is planned in the background."""
    return go_on(Run(RunState(), folder=_folder(planned)), planned)


def go_on(run: Run, planned: Plan, trials: Sequence[Trial] | None = None) -> Run:
    """Play in the background what a run has not played yet, or the trials given."""
    live = _live(run, planned, trials)
    run.follow(live, background.submit(live.play()))
    _runs.add(run)
    return run


@spelled_out
async def simulate_async(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Run:
    """Do what `simulate` does on the caller's own event loop, and return the run at its end.

    For agents whose clients are bound to that loop. Cancelling it, or interrupting the kernel, stops the
    run and keeps what was done.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    planned = plan(cases, agent, **options)
    run = Run(RunState(), folder=_folder(planned))
    live = _live(run, planned, None)
    run.follow(live, None)
    playing = asyncio.ensure_future(live.play())
    try:
        with display().awaiting(run):
            await asyncio.shield(playing)
    except asyncio.CancelledError:
        live.stop()
        await asyncio.shield(playing)
        raise
    return run


def playing() -> list[Run]:
    """The runs of this process that have not ended, oldest first."""
    return sorted((run for run in _runs if not run.ended.is_set()), key=lambda run: run.run_id)


def _live(run: Run, planned: Plan, trials: Sequence[Trial] | None) -> Live:
    """The run, begun: its start is told, and its conversations are not played yet."""
    options = planned.options
    run.planned, run.mlflow = planned, _mlflow(run, planned)  # before the journal: no file for a wrong experiment
    journal = Journal(run.folder) if run.folder else None
    shown = display().show(run) if options["progress"] else None
    sinks: list[Sink] = [one for one in (journal, run.mlflow, shown, *options["sinks"]) if one is not None]
    emit = Emitter(run.state, sinks)
    emit(planned.started)
    return Live(planned, emit=emit, sinks=sinks, mlflow=run.mlflow, trials=trials)


def _mlflow(run: Run, planned: Plan) -> MlflowSink | None:
    """What writes the run to MLflow: store, experiment and run are taken now, and kept."""
    if not planned.options["mlflow"]:
        return None
    to = pin(planned.options["experiment"])
    behind = copy.deepcopy(run.state) if run.run_id else None
    return MlflowSink(to, journal=run.folder / EVENTS if run.folder else None, report=report_html, state=behind)


def _folder(planned: Plan) -> Path | None:
    """Where the run's journal lies: in a folder of its own."""
    where: bool | str | os.PathLike[str] = planned.options["journal"]
    if where is False:
        return None
    return (JOURNALS if isinstance(where, bool) else Path(where)) / planned.started.run_id


@atexit.register
def _stop_what_still_plays() -> None:
    for run in playing():
        run.stop()
        run.ended.wait(2.0)
        kept = f"; what was done is kept in {run.folder}" if run.folder else ""
        sys.stderr.write(f"convsim: run {run.run_id} was stopped by the end of the script: use run.wait(){kept}\n")
