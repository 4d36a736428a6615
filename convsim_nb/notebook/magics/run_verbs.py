"""The verbs of `%convsim` that take a run: itself, its id, or the newest."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from convsim_nb.adapters.mlflow.push import Pushed
from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.workflow.calibrate import Calibration
from convsim_nb.workflow.calibrate import calibrate as calibrate_run
from convsim_nb.workflow.compare import Comparison
from convsim_nb.workflow.compare import compare as compare_runs
from convsim_nb.workflow.fidelity import Fidelity
from convsim_nb.workflow.fidelity import fidelity as fidelity_of
from convsim_nb.workflow.options import SimulateOptions, spelled_out
from convsim_nb.workflow.push import push as push_run
from convsim_nb.workflow.resume import resume as take_up
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run, runs
from convsim_nb.workflow.selftest import SelfTest
from convsim_nb.workflow.selftest import selftest as selftest_of
from convsim_nb.workflow.start import playing

if TYPE_CHECKING:
    import pandas as pd


def stop(run: Any = None, *, key: str | None = None) -> None:
    """Stop a run, or all that play; what was done is kept. Returns at once.

    Args:
        run: A run, or its id; without it all that play.
        key: One conversation of it, by its key.
    """
    _each(run, key, lambda one: one.stop(key), doing="stopping")


def pause(run: Any = None, *, key: str | None = None) -> None:
    """Pause a run, or all that play: each conversation waits before its next user message.

    Args:
        run: A run, or its id; without it all that play.
        key: One conversation of it, by its key.
    """
    _each(run, key, lambda one: one.pause(key), doing="pausing")


@spelled_out
def resume(
    run: Any = None,
    agent: Any = None,
    *,
    key: str | None = None,
    force: bool = False,
    background: bool = False,  # noqa: ARG001 - the magic reads it
    **options: Unpack[SimulateOptions],
) -> Run | None:
    """Let a paused run go on; take up one that was stopped, or whose process died, and play what is missing.

    Raises:
        UsageError: it is not playing, and no agent is given.

    Args:
        run: A run, or its id; without it all that play.
        agent: For a run that is not playing: the agent that it was begun with.
        key: One conversation of a paused run, by its key.
        force: Go on although agent, models, prompts or turns have changed.
        background: Return at once, as %convsim run does.
    """
    if run is None or _live(run):
        _each(run, key, lambda one: one.resume(key), doing="resuming")
        return None
    if agent is None:
        raise UsageError(f"run {_name(run)} is not playing: give --agent to take it up from its journal")
    return take_up(run if isinstance(run, Run) else str(run), agent=agent, force=force, **options)


def push(run: Any = None, *, experiment: str | None = None, journal: str | Path | None = None) -> Pushed:
    """Send to MLflow what a broken connection kept back, or a run that was not written there.

    Args:
        run: A run, or its id; without it the newest.
        experiment: For a run that MLflow does not know; by default the active one.
        journal: The folder of the journals, .convsim/runs by default.
    """
    return push_run(str(run) if isinstance(run, int | str) else as_run(run), experiment=experiment, journal=journal)


def show(run: Any = None) -> Run:
    """Show a run again: live while it plays, else as it ended.

    Args:
        run: A run, or its id; without it the newest.
    """
    return as_run(run)


def report(run: Any = None, *, path: str | Path | None = None, beside: Any = None) -> Path:
    """Write a run as one HTML file that needs no script, or as Markdown.

    Args:
        run: A run, or its id; without it the newest.
        path: The file, .html or .md; by default report.html in the run's folder.
        beside: Earlier runs that it is compared to, parted by commas.
    """
    others = beside if isinstance(beside, list | tuple) else [] if beside is None else [beside]
    return as_run(run).report(path, beside=[as_run(each) for each in others])


def score(run: Any = None, scorers: Any = None, *, model: str | None = None, concurrency: int = 10) -> "pd.DataFrame":
    """Score a finished run, without asking the agent again; the scores stand in MLflow and with the run.

    Args:
        run: A run, or its id; without it the newest.
        scorers: Names or objects, parted by commas: ConversationCompleteness,my_scorer; all of ours without it.
        model: The model of MLflow's scorers that are given by name.
        concurrency: How many of MLflow's scorers are called at once.
    """
    listed = scorers if scorers is None or isinstance(scorers, list | tuple) else [scorers]
    return as_run(run).evaluate(listed, model=model, concurrency=concurrency)


def calibrate(run: Any = None, *, scorer: str | None = None) -> Calibration:
    """Hold the judge of a run against people's labels: agreement, kappa, disagreements first.

    Args:
        run: A run with labels, or its id; without it the newest.
        scorer: The name of a yes-or-no score to hold against them, in the place of the verdicts.
    """
    return calibrate_run(as_run(run), scorer=scorer)


def fidelity(run: Any = None, *, sessions: Any = None) -> Fidelity:
    """Compare the simulated users of a run with the people of the sessions that its cases came from.

    Args:
        run: A run, or its id; without it the newest.
        sessions: Those that the cases were distilled from, where the cases do not hold them.
    """
    return fidelity_of(as_run(run), sessions=sessions)


@spelled_out
def selftest(cases: Any, *, agent: Any = None, **options: Unpack[SimulateOptions]) -> SelfTest:
    """Play cases against a useless, a silent and a looping agent, and see that the simulated user reacts.

    Args:
        cases: A CaseSet, a list, or a file: .yaml, .json, .jsonl.
        agent: One more, against which they are played too.
    """
    return selftest_of(cases, agent=agent, **options)


def compare(first: Any, second: Any, third: Any = None, fourth: Any = None, *, force: bool = False) -> Comparison:
    """Compare runs of the same cases with the first of them, paired by case.

    Args:
        first: The run that the others are compared to, or its id.
        second: Another, or its id.
        third: One more.
        fourth: One more.
        force: Compare although something else than the agent differs.
    """
    others = [as_run(each) for each in (second, third, fourth) if each is not None]
    return compare_runs(as_run(first), *others, force=force)


def as_run(run: Any) -> Run:
    """The run that a word of a line means: itself, by its id, or the newest.

    Raises:
        NotFoundError: there is none.
        UsageError: it is neither a run nor an id.
    """
    if isinstance(run, Run):
        return run
    if run is not None and not isinstance(run, str):
        raise UsageError(f"{type(run).__name__} is no run: give a run, or its id; see %convsim runs")
    if live := _live(run):
        return max(live, key=lambda one: one.run_id)
    if run is not None:
        return load_run(run)
    kept = runs()
    if not kept:
        raise NotFoundError("there is no run yet: %convsim run makes one; see %convsim help run")
    return load_run(kept[0].run_id)


def _live(run: Any) -> list[Run]:
    """The runs that play now, of those that are meant; None means all."""
    found = [one for one in playing() if run is None or run is one]
    return found or [one for one in playing() if isinstance(run, str) and run and one.run_id.startswith(run)]


def _each(run: Any, key: str | None, do: Callable[[Run], None], *, doing: str) -> None:
    found = _live(run)
    if not found:
        wanted = "no run is playing" if run is None else f"run {_name(run)} is not playing"
        known = f" (playing now: {', '.join(one.run_id for one in playing())})" if playing() else ""
        raise NotFoundError(f"{wanted}{known}: see %convsim runs")
    if key is not None and len(found) > 1:
        raise UsageError(f"--key {key}: {len(found)} runs are playing: say which")
    for one in found:
        do(one)
        sys.stdout.write(f"{doing} {f'{key} of ' if key else ''}run {one.run_id}\n")


def _name(run: Any) -> str:
    return run.run_id if isinstance(run, Run) else repr(run)
