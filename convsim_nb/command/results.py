"""`convsim compare`, `convsim report` and `convsim gate`: what became of runs."""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from convsim_nb.command.files import ANY, REPORTS, write
from convsim_nb.command.flags import EXIT_CODES
from convsim_nb.command.played import begin, end, printed, reported, say
from convsim_nb.command.printing import out
from convsim_nb.command.told import left, missed, stands, taken_up
from convsim_nb.domain.errors import ConvsimError, UsageError

if TYPE_CHECKING:
    from convsim_nb.workflow.gate import Gate
    from convsim_nb.workflow.options import SimulateOptions
    from convsim_nb.workflow.run import Run

_WORSE, _INCONCLUSIVE = 3, 4


def _compare(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.compare import compare

    found = compare(*options.runs, force=options.force, journal=options.journal)
    out(json.dumps(found.to_dict(), indent=2, default=str) if options.json else repr(found))
    return 0


def _report(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.runs import load_run

    beside = [load_run(each, journal=options.journal) for each in options.beside]
    written = load_run(options.run, journal=options.journal).report(options.out, beside=beside)
    out(json.dumps({"report": str(written)}) if options.json else str(written))
    return 0


def _gate(options: argparse.Namespace, given: dict[str, Any]) -> int:
    from convsim_nb.workflow.gate import held

    played = _played(options)
    if played is None and options.agent is None:
        raise UsageError("gate plays test cases against --agent: name it, or give a run that has ended for CASES")
    asked = {name: value for name, value in given.items() if name not in ("progress", "mlflow")}
    before = [*taken_up(options)]
    holding = held(
        played or options.cases,
        options.agent,
        baseline=options.baseline,
        max_drop=options.max_drop,
        scorers=options.score,
        force=options.force,
        options=cast("SimulateOptions", asked if played else given),
    )
    begin(holding.run, options, before=before)
    try:
        found = holding.judged()
    except KeyboardInterrupt:
        wrong = reported(holding.run, options) if holding.run.state.ended else ()
        say([*map(str, wrong), *left(holding.run, options)])
        raise
    return _ended(found, options)


def _played(options: argparse.Namespace) -> "Run | None":
    """The run that is to be held as it is, where CASES names one; None where it names a file."""
    from convsim_nb.workflow.datasets import names_dataset
    from convsim_nb.workflow.runs import load_run

    named = Path(options.cases)
    if named.exists() or named.suffix or names_dataset(options.cases):
        return None
    return load_run(options.cases, journal=options.journal)


def _ended(found: "Gate", options: argparse.Namespace) -> int:
    """Write and print the word of a gate, which outlives a file that cannot be written; gives the exit code."""
    wrong = [*_written(options.junit, lambda: found.junit), *_written(options.summary, lambda: found.markdown)]
    unwritten = [*reported(found.run, options)]
    wrong += unwritten
    report = options.report or None if not unwritten else None
    if options.json:
        wrong += printed(json.dumps({**found.to_dict(), "report": report}, indent=2, default=str), of=found.run)
    else:
        wrong += printed("\n".join([repr(found), *stands(found.run, report=report)]), of=found.run)
    say(missed(found.run))
    code = {"passed": 0, "failed": _WORSE}.get(found.outcome, 0 if options.allow_inconclusive else _INCONCLUSIVE)
    if code:  # the word says more than a file does
        say(map(str, wrong))
    else:
        end(wrong)
    return code


def _written(path: str | None, text: Callable[[], str]) -> Iterable[ConvsimError]:
    try:
        write(path, text())
    except ConvsimError as error:
        yield error


def add(commands: Any, *, add_run_options: Callable[..., None], given: Callable[[argparse.Namespace], Any]) -> None:
    """Add the commands to the parser; a gate takes the options of a run."""
    compare = commands.add_parser("compare", help="one run against others", description=_COMPARE, epilog=EXIT_CODES)
    compare.add_argument("runs", nargs="+", metavar="RUN", help="ids, or their beginnings: the first is compared to")
    compare.add_argument("--force", action="store_true", help="although something else than the agent differs")
    _add_reading(compare)
    compare.set_defaults(command=_compare)
    report = commands.add_parser("report", help="a run as one HTML file", description=_REPORT, epilog=EXIT_CODES)
    report.add_argument("run", metavar="RUN", help="the run's id, or its beginning: see convsim runs")
    report.add_argument("--out", metavar="FILE", help="the file, or with .md the same as Markdown")
    report.add_argument(
        "--beside", nargs="+", action="extend", default=[], metavar="RUN", help="earlier runs that it is compared to"
    )
    _add_reading(report)
    report.set_defaults(command=_report, files={"out": REPORTS})
    _add_gate(commands, add_run_options, given)


def _add_reading(command: argparse.ArgumentParser) -> None:
    command.add_argument("--journal", metavar="DIR", help="folder of the journals (.convsim/runs)")
    command.add_argument("--json", action="store_true", help="print one JSON document")


def _add_gate(commands: Any, add_run_options: Callable[..., None], given: Callable[[argparse.Namespace], Any]) -> None:
    gate = commands.add_parser("gate", help="a new version against a baseline", description=_GATE, epilog=_GATE_CODES)
    gate.add_argument(
        "cases",
        metavar="CASES",
        help="test cases: .yaml, .yml, .json or .jsonl; or a run that has ended, held as it is",
    )
    gate.add_argument("--baseline", required=True, metavar="RUN", help="the run that it is held against")
    gate.add_argument(
        "--max-drop", type=float, default=5.0, metavar="POINTS", help="how far the reach rate may fall (5)"
    )
    gate.add_argument("--allow-inconclusive", action="store_true", help="exit with 0 where nothing can be told")
    gate.add_argument("--force", action="store_true", help="although something else than the agent differs")
    gate.add_argument("--junit", metavar="FILE", help="write the outcome as JUnit's XML")
    gate.add_argument("--summary", metavar="FILE", help="add a Markdown summary to this file")
    add_run_options(gate, agent=False)
    files = {"junit": ANY, "summary": ANY, "report": REPORTS}
    gate.set_defaults(command=lambda options: _gate(options, given(options)), files=files)


_COMPARE = """\
One run against others of the same cases, paired by case: the difference, how sure it is, and
what could have been seen.

  convsim compare 20261121-101500 20261121-143000"""

_REPORT = """\
Write a run as one HTML file that needs no script, or as Markdown.

  convsim report 20261121-101500 --out report.html
  convsim report 20261121-143000 --beside 20261121-101500 --out versions.md"""

_GATE = """\
Play test cases against a new version, and hold the run against an earlier one.

  convsim gate cases.yaml --agent mymodule:my_agent --baseline 20261121-101500 --max-drop 5 \\
      --junit gate.xml --summary "$GITHUB_STEP_SUMMARY"

It passes where the reach rate surely fell by no more than --max-drop points (95 %, one-sided),
fails where it fell by more and that is no accident, and is inconclusive otherwise: give it more
cases, or more trials. What is not given of models, turns and trials is as in the baseline.
A run that was played already is held as it is: convsim gate RUN --baseline RUN"""

_GATE_CODES = f"""
exit codes:
  0    passed
  {_WORSE}    failed: the new version is worse
  {_INCONCLUSIVE}    inconclusive: it cannot be told; 0 with --allow-inconclusive
  1    it failed on the way: the tracking store, a file
  2    the call is wrong: an option, a file that is not there, a model that is not known
  130  interrupted by Ctrl-C or SIGTERM; what was done is kept
"""
