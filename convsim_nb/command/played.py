"""What `convsim run`, `resume` and `gate` do with a run: wait, print, and say what must not be missed."""

import argparse
import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from convsim_nb.command.printing import out
from convsim_nb.command.told import kept, left, missed, stands
from convsim_nb.domain.errors import ConvsimError, StoreError
from convsim_nb.domain.secrets import masked

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def play(run: "Run", options: argparse.Namespace, *, before: Iterable[str] = ()) -> int:
    """Wait for the end, score, report, print; gives the exit code.

    Raises:
        ConvsimError: what comes after the run failed, such as writing its report; the run is printed all the same.
        KeyboardInterrupt: it was interrupted; what was done is reported and printed all the same.
    """
    begin(run, options, before=before)
    try:
        run.wait()
    except KeyboardInterrupt:
        wrong = [*reported(run, options)] if run.ended.is_set() else []
        say([*map(str, [*wrong, *_shown(run, options, report=not wrong)]), *left(run, options)])
        raise
    wrong = [*_scored(run, options)]
    unwritten = [*reported(run, options)]
    wrong += [*unwritten, *_shown(run, options, report=not unwritten)]
    say(missed(run))
    end(wrong)
    return 1 if run.state.stopped else 0


def begin(run: "Run", options: argparse.Namespace, *, before: Iterable[str] = ()) -> None:
    """Say where the run is kept, and what was done of it `before`, ahead of anything that can happen to it."""
    if not options.quiet and run.folder is not None and run.planned is not None:
        over = "\r\x1b[2K" if sys.stderr.isatty() else ""  # the line of progress, which is drawn again
        for line in (*before, kept(run)):
            sys.stderr.write(f"{over}convsim: {line}\n")


def _scored(run: "Run", options: argparse.Namespace) -> Iterable[ConvsimError]:
    if options.score is not None:
        try:
            run.evaluate(options.score or None)
        except ConvsimError as error:
            yield error


def reported(run: "Run", options: argparse.Namespace) -> Iterable[ConvsimError]:
    """Write the report that was asked for; gives what went wrong."""
    if options.report:
        try:
            run.report(options.report)
        except ConvsimError as error:
            yield error


def _shown(run: "Run", options: argparse.Namespace, *, report: bool) -> list[ConvsimError]:
    """Print the run, and where it stands: where nobody can read that, its place goes to stderr."""
    written = options.report or None if report else None
    if options.json:
        return printed(json.dumps({**run.to_dict(), "report": written}, indent=2, default=str), of=run)
    return printed("\n".join([repr(run), *stands(run, report=written)]), of=run)


def printed(result: str, *, of: "Run | None" = None) -> list[ConvsimError]:
    """Print a result; gives what went wrong, so that what is left to be said is said."""
    try:
        out(result)
    except ConvsimError as error:
        return [StoreError(f"{error}; {kept(of)}") if of is not None else error]
    return []


def say(lines: Iterable[str]) -> None:
    """Say on stderr what must not be missed."""
    sys.stdout.flush()
    for line in lines:
        sys.stderr.write(f"convsim: {masked(line)}\n")


def end(wrong: list[ConvsimError]) -> None:
    """End as what went wrong ends the command, after all else is done; the last is said by whoever hears it.

    Raises:
        ConvsimError: something went wrong.
    """
    if wrong:
        say(map(str, wrong[:-1]))
        raise wrong[-1]
