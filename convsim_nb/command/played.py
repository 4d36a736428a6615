"""What `convsim run` and `convsim resume` do with a run: wait, print, and say what must not be missed."""

import argparse
import json
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from convsim_nb.command.printing import out
from convsim_nb.domain.secrets import masked

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def play(run: "Run", options: argparse.Namespace) -> int:
    """Wait for the end, score, report, print; gives the exit code.

    Raises:
        KeyboardInterrupt: it was interrupted; what was done is reported and printed all the same.
    """
    try:
        run.wait()
    except KeyboardInterrupt:
        _stopped(run, options)
        raise
    if options.score is not None:
        run.evaluate(options.score or None)
    if options.report:
        run.report(options.report)
    _print(run, options)
    _say(_missed(run))
    return 1 if run.state.stopped else 0


def _stopped(run: "Run", options: argparse.Namespace) -> None:
    if options.report and run.ended.is_set():
        run.report(options.report)
    _print(run, options)
    _say(_kept(run, options))


def _print(run: "Run", options: argparse.Namespace) -> None:
    out(json.dumps(run.to_dict(), indent=2, default=str) if options.json else repr(run))


def _say(lines: Iterator[str]) -> None:
    sys.stdout.flush()
    for line in lines:
        sys.stderr.write(f"convsim: {masked(line)}\n")


def _kept(run: "Run", options: argparse.Namespace) -> Iterator[str]:
    """Where a stopped run is, and how it goes on."""
    if run.folder is None:
        yield f"run {run.run_id} was stopped, and keeps no journal"
        return
    yield f"run {run.run_id} was stopped; what was done is kept in {run.folder}"
    again = ["convsim", "resume", run.run_id, "--agent", options.agent]
    where = ["--journal", options.journal] if options.journal else []
    yield f"take it up again: {shlex.join([*again, *where])}"


def _missed(run: "Run") -> Iterator[str]:
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
