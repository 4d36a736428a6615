"""Sending to MLflow what a broken connection kept back."""

from pathlib import Path

from convsim_nb.adapters.journal import as_file, is_being_written, read_journal
from convsim_nb.adapters.labels import newest_words
from convsim_nb.adapters.mlflow.push import Pushed, push_run
from convsim_nb.adapters.mlflow.recorded import RecordedRun
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.domain.errors import UsageError
from convsim_nb.views.report import report_html
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run


def push(run: str | Run, *, experiment: str | None = None, journal: str | Path | None = None) -> Pushed:
    """Send to MLflow what is missing there of a run: one whose store failed, or that was not written to MLflow.

    It is made from the run's journal, in MLflow's current store: the run itself, the traces of its turns with
    their true times, what was found, scores, labels, numbers and files. What is there stays as it is; a second
    push brings nothing twice. What an agent traced inside its turns is lost with the connection.

    Args:
        run: A run that has ended, or its id.
        experiment: For a run that MLflow does not know: a name, a path or an id; by default the active one.
        journal: The folder of the journals, .convsim/runs by default.

    Raises:
        NotFoundError: no run of that id, or no such experiment.
        UsageError: the run is playing, or keeps no journal.
        StoreError: the tracking store failed; push again when it is there.
    """
    found = run if isinstance(run, Run) else load_run(run, journal=journal)
    folder = _journal_of(found)
    recorded = RecordedRun(read_journal(folder))
    planned = found.planned.options["experiment"] if found.planned else None
    with as_file(folder) as events:
        pushed = push_run(
            recorded,
            pin=pin(experiment or planned),
            events=events,
            report=report_html(recorded.state),
            scores=found.scores,
            labels=newest_words(folder).values(),
        )
    found.pushed = pushed
    found.note_mlflow(pushed.mlflow_run_id, mended=len(found.state.dropped))
    found.unsent = {}
    return pushed


def _journal_of(run: Run) -> Path:
    if not run.ended.is_set() or (run.folder and not run.state.ended and is_being_written(run.folder)):
        raise UsageError(f"run {run.run_id} is playing: wait for its end, or stop it, before you push it")
    if run.folder is None:
        raise UsageError(f"run {run.run_id} keeps no journal that it could be pushed from: see journal=")
    return run.folder
