"""Starting a run, or taking one up: journal, MLflow, display and engine are put together here."""

import atexit
import copy
import os
from collections.abc import Sequence
from pathlib import Path

from convsim_nb.adapters.journal import JOURNALS, Journal
from convsim_nb.adapters.mlflow.carried import BringingHome
from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.adapters.volumes import VolumeJournal, journal_in
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Sink
from convsim_nb.engine.trial import Trial
from convsim_nb.views.report import report_html
from convsim_nb.workflow import background
from convsim_nb.workflow.cleaning import cleaning
from convsim_nb.workflow.display import display
from convsim_nb.workflow.live import Live
from convsim_nb.workflow.patience import said_if_long
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.spark import deployment
from convsim_nb.workflow.spark_live import SparkLive
from convsim_nb.workflow.stopping import stop_at_exit, taken_up

_runs: set[Run] = set()
"""Those that play: also one that nobody holds any more has to be stopped when the script ends."""


def go_on(run: Run, planned: Plan, trials: Sequence[Trial] | None = None) -> Run:
    """Play in the background what a run has not played yet, or the trials given."""
    live = begin(run, planned, trials)
    _runs.add(run)
    future = background.submit(live.play())
    run.follow(live, future)
    future.add_done_callback(lambda _: _runs.discard(run))
    return run


def playing() -> list[Run]:
    """The runs of this process that have not ended, oldest first."""
    return sorted((run for run in tuple(_runs) if not run.ended.is_set()), key=lambda run: run.run_id)


def begin(run: Run, planned: Plan, trials: Sequence[Trial] | None = None) -> Live:
    """The run, begun: its start is told, and its conversations are not played yet."""
    options = planned.options
    spark = deployment(planned, folder=run.folder) if options["on"] is not None and trials is None else None
    home = BringingHome() if spark and options["mlflow"] else None
    run.planned, run.mlflow = planned, _mlflow(run, planned, home)  # before the journal: no file for a wrong experiment
    journal = _journal(run)
    shown = display().show(run) if options["progress"] else None
    sinks: list[Sink] = [one for one in (journal, run.mlflow, shown, *options["sinks"]) if one is not None]
    emit = _emitter(run, planned, sinks)
    again = taken_up(run.state)
    emit(planned.started)
    if again is not None:
        emit(again)
    if spark is not None:
        return SparkLive(planned, on=spark, journal=run.folder, home=home, emit=emit, sinks=sinks, mlflow=run.mlflow)
    return Live(planned, emit=emit, sinks=sinks, mlflow=run.mlflow, trials=trials)


def _emitter(run: Run, planned: Plan, sinks: Sequence[Sink]) -> Emitter:
    """What is kept and shown is cleaned; where it is redacted, the conversations go on from what was said in truth."""
    clean = cleaning(planned.veil)
    if planned.veil.redact is None:
        return Emitter(run.state, sinks, clean=clean)
    return Emitter(copy.deepcopy(run.state), sinks, clean=clean, shown=run.state)


def _journal(run: Run) -> Journal | VolumeJournal | None:
    try:
        journal = journal_in(run.folder) if run.folder else None
    except BaseException:
        if run.mlflow is not None:
            run.mlflow.close()
        raise
    if run.mlflow is not None and journal is not None:
        run.mlflow.journal = journal.events
        run.mlflow.on_made = run.note_mlflow
    return journal


def _mlflow(run: Run, planned: Plan, home: BringingHome | None) -> MlflowSink | None:
    """What writes the run to MLflow: store, experiment and run are taken now, and kept."""
    if not planned.options["mlflow"]:
        return None
    with said_if_long("loading MLflow", progress=planned.options["progress"]):
        to = pin(planned.options["experiment"])
    planned.place.check(to)
    behind = copy.deepcopy(run.state) if run.run_id else None
    return MlflowSink(to, report=report_html, state=behind, place=planned.place.amid(), veil=planned.veil, way=home)


def folder_of(planned: Plan) -> Path | None:
    """Where the run's journal lies: in a folder of its own."""
    where: bool | str | os.PathLike[str] = planned.options["journal"]
    if where is False:
        return None
    return (JOURNALS if isinstance(where, bool) else Path(where)) / planned.started.run_id


@atexit.register
def _stop_what_still_plays() -> None:
    if left := playing():
        stop_at_exit(left)


if hasattr(os, "register_at_fork"):  # they play in the process that was forked
    os.register_at_fork(after_in_child=_runs.clear)
