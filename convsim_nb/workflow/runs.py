"""Finding earlier runs, and bringing them back."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, overload

from convsim_nb.adapters.journal import JOURNALS, is_being_written, journals_in, read_journal
from convsim_nb.adapters.journal_outline import counts, was_begun_with
from convsim_nb.analysis.summary import summarise
from convsim_nb.domain.errors import ConvsimError, NotFoundError, StoreError, UsageError
from convsim_nb.domain.record import Record
from convsim_nb.domain.state import RunState
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.stopping import cut_off

if TYPE_CHECKING:
    import pandas as pd


class RunInfo(Record):
    """One line of the list of runs."""

    run_id: str
    run_name: str
    started_at: datetime | None
    agent: str
    status: str
    """`finished`, `stopped`, `running`, or `lost at turn 4`: its process died."""
    conversations: int
    rate: float | None
    """Reached of those that count; None where none counts."""
    void: int
    corrections: int
    folder: Path


class RunList(Sequence[RunInfo]):
    """The runs of a folder, newest first; `problems` names the journals that cannot be read."""

    def __init__(self, runs: Sequence[RunInfo], problems: Sequence[str] = ()) -> None:
        self._runs = tuple(runs)
        self.problems = tuple(problems)

    @overload
    def __getitem__(self, index: int) -> RunInfo: ...
    @overload
    def __getitem__(self, index: slice) -> "RunList": ...

    def __getitem__(self, index: int | slice) -> "RunInfo | RunList":
        return RunList(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[RunInfo]:
        return iter(self._runs)

    def __repr__(self) -> str:
        return "\n".join([*(_line(run) for run in self._runs), *self.problems]) or "no runs"

    def to_frame(self) -> "pd.DataFrame":
        """One row a run, a column a field of `RunInfo`."""
        import pandas as pd

        return pd.DataFrame([run.model_dump() for run in self._runs], columns=list(RunInfo.model_fields))


def runs(journal: str | Path | None = None) -> RunList:
    """The runs whose journals lie in a folder, `.convsim/runs` by default, newest first."""
    found, problems = [], []
    for folder in _folders(Path(journal or JOURNALS)):
        try:
            found.append(_info(folder))
        except ConvsimError as error:
            problems.append(str(error))
    return RunList(sorted(found, key=lambda run: run.run_id, reverse=True), problems)


def run_ids(journal: str | Path | None = None) -> Iterator[str]:
    """The ids of the same runs, newest first, their journals unread."""
    return (folder.name for folder in reversed(_folders(Path(journal or JOURNALS))))


def load_run(run_id: str, *, journal: str | Path | None = None) -> Run:
    """Bring a run back, with its scores and labels: from its journal, or, where there is none, from MLflow.

    `run_id` is ours or MLflow's; a beginning that fits one run alone will do.

    Raises:
        NotFoundError: no run of that id, neither in the folder nor in MLflow.
        UsageError: it is no id.
    """
    if not isinstance(run_id, str) or not run_id:
        raise UsageError(f"{run_id!r} is no run's id: give one as text, or its beginning; cs.runs() lists them")
    root = Path(journal or JOURNALS)
    fitting = [folder for folder in _folders(root) if folder.name.startswith(run_id)]
    if len(fitting) == 1:
        return _loaded(fitting[0])
    if len(fitting) > 1:
        raise NotFoundError(f"{run_id!r} fits {len(fitting)} runs: {', '.join(folder.name for folder in fitting)}")
    from convsim_nb.adapters.mlflow.find import find_events

    events = find_events(run_id)
    if events is None:
        known = ", ".join(folder.name for folder in list(_folders(root))[-3:]) or "none"
        raise NotFoundError(f"no run {run_id!r} in {root} (the newest there: {known}), nor in MLflow: see cs.runs()")
    return _from_mlflow(RunState.replay(events))


def with_key(run_key: str, root: Path) -> Run | None:
    """The newest run in a folder that was begun with a `run_key`.

    A journal whose beginning cannot be read is passed over, and said on stderr.

    Raises:
        StoreError: the run's own journal is damaged: what it has paid for cannot be told, so it is not begun anew.
    """
    for folder in reversed(_folders(root)):
        try:
            found = was_begun_with(folder, run_key)
        except StoreError as error:
            sys.stderr.write(f"convsim: {error}: it is passed over for run_key {run_key!r}; move {folder} away\n")
            continue
        if found:
            return _of_key(run_key, folder)
    return None


def _of_key(run_key: str, folder: Path) -> Run:
    try:
        return _loaded(folder)
    except StoreError as error:
        raise StoreError(
            f"run {folder.name} was begun with run_key {run_key!r}, and what it paid for cannot be told: {error}; "
            f"move {folder} away to begin anew, or give another run_key"
        ) from None


def _folders(root: Path) -> list[Path]:
    return journals_in(root)


def _loaded(folder: Path) -> Run:
    run = Run(RunState.replay(read_journal(folder)), folder=folder)
    if not run.state.ended and not is_being_written(folder):  # it had no time to say so
        notice = cut_off(run.state.at)
        run.state.notices[notice.topic] = notice.text
    return run


def _from_mlflow(state: RunState) -> Run:
    from convsim_nb.adapters.mlflow.said import said_of_run

    run = Run(state)
    run.stored_as, run.scores, run.labels = said_of_run(state)
    return run


def _info(folder: Path) -> RunInfo:
    state = _counted(folder)
    numbers = summarise(state.conversations)
    return RunInfo(
        run_id=state.run_id or folder.name,
        run_name=state.run_name,
        started_at=state.started_at,
        agent=state.agent.name if state.agent else "",
        status=_status(state, folder),
        conversations=numbers.total,
        rate=numbers.rate,
        void=numbers.void,
        corrections=numbers.corrections,
        folder=folder,
    )


def _counted(folder: Path) -> RunState:
    """A run without what was said in it, of which a list tells nothing; one that was cut off is read whole."""
    state = RunState.replay(read_journal(folder, needed=counts))
    return state if state.ended else RunState.replay(read_journal(folder))


def _status(state: RunState, folder: Path) -> str:
    if state.ended:
        return "stopped" if state.stopped else "finished"
    if is_being_written(folder):
        return "running"
    return f"lost at turn {max((c.turn for c in state.conversations), default=0)}"


def _line(run: RunInfo) -> str:
    rate = "  -  " if run.rate is None else f"{run.rate:5.0%}"
    numbers = f"{rate} reached  {run.conversations:>4} conversations  {run.void:>4} void"
    return f"{run.run_id}  {run.status:<12}  {numbers}  {run.agent}"
