"""What is said of a run on a terminal: where it stands, how it goes on, and what must not be overlooked."""

import argparse
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convsim_nb.domain.conversation import Conversation
    from convsim_nb.workflow.run import Run

_MUCH_VOID = 0.2
"""The share of void conversations from which a rate is easily misread; a gate refuses to judge by such a run."""


def kept(run: "Run") -> str:
    """The run by its id, and its folder."""
    return f"run {run.run_id} is kept in {run.folder}" if run.folder else f"run {run.run_id} keeps no journal"


def taken_up(options: argparse.Namespace) -> Iterator[str]:
    """The run that the same key began before, and how much of it is done; nothing where it is finished."""
    from convsim_nb.adapters.journal import JOURNALS
    from convsim_nb.workflow.ended import is_finished, missing
    from convsim_nb.workflow.runs import with_key

    earlier = with_key(options.run_key, Path(options.journal or JOURNALS)) if options.run_key else None
    if earlier is not None and not is_finished(earlier.state):
        own = sum(one.origin is None for one in earlier.conversations)
        done = own - len(missing(earlier.state))
        yield (
            f"run {earlier.run_id} was begun with --run-key {options.run_key} before, and is taken up: "
            f"{done} of {own} conversations done before"
        )


def stands(run: "Run", *, report: str | None) -> Iterator[str]:
    """Where a run is found afterwards."""
    yield f"Run      {run.run_id}" + (f"  in {run.folder}" if run.folder else ", which keeps no journal")
    if report:
        yield f"Report   {report}"
    if run.mlflow is not None and run.mlflow.destination is not None and run.mlflow_run_id:
        to = run.mlflow.destination
        name = to.experiment_name or to.experiment_id
        yield f"MLflow   run {run.mlflow_run_id} in experiment {name} at {_shown(to.tracking_uri)}"


def _shown(uri: str) -> str:
    from convsim_nb.adapters.mlflow.store import shown

    return shown(uri)


def left(run: "Run", options: argparse.Namespace) -> Iterator[str]:
    """Where an interrupted run is, and how it goes on."""
    if run.folder is None:
        yield f"run {run.run_id} was stopped, and keeps no journal"
        return
    over = run.state.ended and not run.state.stopped  # it was interrupted while it was scored
    yield f"run {run.run_id} {'has ended' if over else 'was stopped'}; what was done is kept in {run.folder}"
    if options.agent and not over:
        again = ["convsim", "resume", run.run_id, "--agent", options.agent]
        yield f"take it up again: {shlex.join([*again, *_where(options)])}"
    if getattr(options, "baseline", None):
        held = ["convsim", "gate", run.run_id, "--baseline", options.baseline, *_where(options)]
        yield f"{'hold it' if over else 'then hold it'} against the baseline: {shlex.join(held)}"


def _where(options: argparse.Namespace) -> list[str]:
    """The flag that finds the journals again."""
    return ["--journal", options.journal] if options.journal else []


def missed(run: "Run") -> Iterator[str]:
    """What a job must not overlook: what is not where it was to be kept, and last of all that there is no result."""
    from convsim_nb.views.sentences import unrecorded_sentences

    for each in run.state.dropped:
        brought = f": convsim push {run.run_id} brings it" if each.sink == "mlflow" and run.folder else ""
        yield f"not everything was kept: {each.sink} failed ({each.reason}){brought}"
    yield from unrecorded_sentences(run.state)
    own = [one for one in run.conversations if one.origin is None]
    ends = {(one.stop, one.detail) for one in own}
    if len(own) > 1 and len(ends) == 1 and own[0].stop == "agent_error":
        yield f"all {len(own)} trials ended in the same error: {own[0].detail}"
    yield from _void(own)


def _void(own: "Sequence[Conversation]") -> Iterator[str]:
    """How much of a run says nothing of the agent, where that is much."""
    from convsim_nb.views.words import STOPS

    void = [one for one in own if one.verdict == "void"]
    if own and len(void) == len(own):
        first = f"{own[0].stop}: {own[0].detail or 'no detail'}"
        yield f"NO RESULT: all {len(own)} conversations are void, which says nothing about the agent ({first})"
    elif len(void) > _MUCH_VOID * len(own):
        stops = Counter(one.stop for one in void if one.stop)
        why = ", ".join(STOPS[stop] for stop, _ in stops.most_common())
        cut = not set(stops) - {"over_budget", "cancelled"}
        rest = "of what happened to end early" if cut else f"of the {len(own) - len(void)} others alone"
        yield f"{len(void)} of {len(own)} are void ({why}): the rate is {rest}"
