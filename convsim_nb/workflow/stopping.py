"""The end that a person brings about: what an interrupted run is waited for, and what is left at the script's end."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from convsim_nb.domain.events import Noticed
from convsim_nb.domain.state import RunState
from convsim_nb.views.words import clock_words
from convsim_nb.workflow import background

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run

_PULSE = 0.3
"""Seconds in which the loop answers, if nobody holds it."""
_SOON = 1.0
"""Seconds that a stop may take in silence."""
_LONGEST = 10.0
_AT_EXIT = 2.0
_WAYS_ON = (
    "%convsim resume, or cs.resume(...), plays what is missing, "
    "%convsim push, or cs.push(run), writes to MLflow what it lacks"
)


CUT_OFF = "cut off"
"""The topic of what is said of a run whose process ended before it did."""


def is_ending() -> bool:
    """Whether the process is: its main thread is over, and no pool takes work any more."""
    return not threading.main_thread().is_alive()


def cut_off(at: float) -> Noticed:
    """What is said of a run whose process, a kernel or a script, ended at so many seconds."""
    return Noticed(at=at, topic=CUT_OFF, text=f"the process that played it ended at {clock_words(at)}; {_WAYS_ON}")


def taken_up(state: RunState) -> Noticed | None:
    """What is said instead when such a run is played on; None where it came to its own end."""
    before = state.notices.get(CUT_OFF, "").partition(";")[0]
    return Noticed(at=0.0, topic=CUT_OFF, text=f"{before}; it was taken up again") if before else None


def wait_for_stop(run: "Run") -> None:
    """Wait until an interrupted run has ended, ten seconds at most; say at once what it has to wait for.

    A second interrupt leaves it: the conversations that it cuts off are read as lost.
    """
    if not background.answers(_PULSE) and not run.ended.is_set():
        _say(f"{_holder(run)}; Ctrl-C again leaves it")
    elif not run.ended.wait(_SOON):
        _say(f"run {run.run_id} is stopping, and writes what was done; Ctrl-C again leaves it")
    run.ended.wait(_LONGEST)


def _holder(run: "Run") -> str:
    agent = run.state.agent.name if run.state.agent else "the agent"
    where = background.stands_at()
    at = f" at {Path(where[0]).name}:{where[1]}" if where else ""
    return f"run {run.run_id} cannot stop: agent {agent} holds the event loop{at}; agent_threads=True takes it off"


def _say(line: str) -> None:
    sys.stderr.write(f"convsim: {line}\n")
    sys.stderr.flush()


def stop_at_exit(runs: "list[Run]") -> None:
    """Stop what still plays when the script ends, and say so; two seconds a run, and two for MLflow to be told."""
    with _deaf():
        asked = {run for run in runs if run.is_stopping}
        for run in runs:
            if run in asked:
                run.stop()
            else:
                run.cut_off()
        for run in runs:
            _end(run, asked=run in asked)


def _end(run: "Run", *, asked: bool) -> None:
    if not run.ended.wait(_AT_EXIT) and run.mlflow is not None:
        run.mlflow.close(_AT_EXIT)
    kept = f"; what was done is kept in {run.folder}" if run.folder else ""
    if not asked:
        _say(f"run {run.run_id} was stopped by the end of the script: use run.wait(){kept}")
    elif not run.ended.is_set():
        _say(f"run {run.run_id} was left before it had stopped{kept}")


@contextmanager
def _deaf() -> Iterator[None]:
    """Without Ctrl-C: who presses it three times does not leave MLflow with a run that never ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
