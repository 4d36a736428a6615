"""What is said of a run on a terminal: where it stands, how it goes on, and what must not be overlooked."""

import argparse
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run

_MUCH_VOID = 0.2
"""The share of void conversations from which a rate is easily misread; a gate refuses to judge by such a run."""


def kept(run: "Run") -> str:
    """The run by its id, and its folder."""
    return f"run {run.run_id} is kept in {run.folder}" if run.folder else f"run {run.run_id} keeps no journal"


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
    yield f"run {run.run_id} was stopped; what was done is kept in {run.folder}"
    again = ["convsim", "resume", run.run_id, "--agent", options.agent]
    yield f"take it up again: {shlex.join([*again, *where(options)])}"


def where(options: argparse.Namespace) -> list[str]:
    """The flag that finds the journals again."""
    return ["--journal", options.journal] if options.journal else []


def missed(run: "Run") -> Iterator[str]:
    """What a job must not overlook: what is not where it was to be kept, and last of all that there is no result."""
    from convsim_nb.views.sentences import unrecorded_sentences

    for each in run.state.dropped:
        brought = f": convsim push {run.run_id} brings it" if each.sink == "mlflow" and run.folder else ""
        yield f"not everything was kept: {each.sink} failed ({each.reason}){brought}"
    own = [one for one in run.conversations if one.origin is None]
    yield from unrecorded_sentences(run.state)
    if own and all(one.verdict == "void" for one in own):
        first = f"{own[0].stop}: {own[0].detail or 'no detail'}"
        yield f"NO RESULT: all {len(own)} conversations are void, which says nothing about the agent ({first})"
