"""Starting a run, or taking one up: journal, MLflow, display and engine are put together here."""

import atexit
import copy
import os
import sys
import weakref
from collections.abc import Sequence
from pathlib import Path

from convsim_nb.adapters.journal import EVENTS, JOURNALS, Journal
from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Sink
from convsim_nb.engine.trial import Trial
from convsim_nb.views.report import report_html
from convsim_nb.workflow import background
from convsim_nb.workflow.display import display
from convsim_nb.workflow.live import Live
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.run import Run

_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()


def go_on(run: Run, planned: Plan, trials: Sequence[Trial] | None = None) -> Run:
    """Play in the background what a run has not played yet, or the trials given."""
    live = begin(run, planned, trials)
    run.follow(live, background.submit(live.play()))
    _runs.add(run)
    return run


def playing() -> list[Run]:
    """The runs of this process that have not ended, oldest first."""
    return sorted((run for run in _runs if not run.ended.is_set()), key=lambda run: run.run_id)


def begin(run: Run, planned: Plan, trials: Sequence[Trial] | None = None) -> Live:
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
    journal = run.folder / EVENTS if run.folder else None
    return MlflowSink(to, journal=journal, report=report_html, state=behind, place=planned.place)


def folder_of(planned: Plan) -> Path | None:
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
