"""`convsim distill` and `convsim draft`: test cases out of sessions, or out of a description."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.case_files import as_yaml
from convsim_nb.command.files import CASES
from convsim_nb.command.flags import EXIT_CODES, add_limits, add_output, add_redact, function, given
from convsim_nb.command.played import end, printed
from convsim_nb.domain.errors import ConvsimError, StoreError, UsageError

if TYPE_CHECKING:
    from convsim_nb.workflow.cases import CaseSet

_RESCUED = Path(".convsim") / "cases"
"""Where cases go that could not be written where they were to go."""
_DISTILL_OPTIONS = (
    "model",
    "concurrency",
    "model_timeout",
    "max_cost",
    "max_tokens",
    "max_seconds",
    "journal",
    "record",
    "replay",
)


def _distill(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.distill import distill
    from convsim_nb.workflow.sessions import load_sessions, search_sessions

    if options.sessions and (options.experiment or options.last):
        raise UsageError("SESSIONS is given, and --experiment or --last: give a file, or search MLflow")
    found = load_sessions(options.sessions) if options.sessions else _searched(search_sessions, options)
    named = given(options, _DISTILL_OPTIONS)
    if options.redact:
        named["redact"] = function(options.redact, flag="--redact")
    return _wrote(
        distill(found, split=False if options.no_split else "auto", progress=not options.quiet, **named), options
    )


def _searched(search: Callable[..., Any], options: argparse.Namespace) -> Any:
    if options.experiment is None and options.last is None:
        raise UsageError("no sessions: give a file of them, or --experiment and --last to search MLflow")
    return search(experiment=options.experiment, last=options.last)


def _draft(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.draft import draft

    named = given(options, ("n", "model", "max_cost", "max_tokens", "record", "replay"))
    return _wrote(draft(options.description, progress=not options.quiet, **named), options)


def _wrote(cases: "CaseSet", options: argparse.Namespace) -> int:
    """Save or print test cases; what is wrong with them goes to stderr."""
    for problem in cases.problems:
        sys.stderr.write(f"convsim: {problem}\n")
    wrong = _saved(cases, options.out) if options.out and cases else []
    if options.json:
        told = json.dumps({"cases": cases.to_dicts(), "problems": cases.problems}, indent=2, ensure_ascii=False)
    else:
        told = repr(cases) if options.out or not cases else as_yaml(cases).rstrip()
    end(wrong + printed(told))
    return 0 if cases else 1


def _saved(cases: "CaseSet", given: str) -> list[ConvsimError]:
    """Save test cases; where that fails they are kept all the same, and the error says where."""
    try:
        cases.save(given)
    except ConvsimError as error:
        return [StoreError(f"{error}; {_rescued(cases)}")]
    return []


def _rescued(cases: "CaseSet") -> str:
    """Put cases where they are not lost, and say where."""
    aside = _RESCUED / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.yaml"
    try:
        return f"the cases are in {cases.save(aside)}"
    except ConvsimError as error:
        sys.stderr.write(as_yaml(cases))
        return f"{error}; the cases stand above"


def add(commands: Any) -> None:
    """Add both to the command's parser."""
    _add_distill(commands)
    _add_draft(commands)


def _add_distill(commands: Any) -> None:
    distill = commands.add_parser("distill", help="test cases out of sessions", description=_DISTILL, epilog=EXIT_CODES)
    distill.add_argument("sessions", nargs="?", metavar="SESSIONS", help="sessions: .jsonl, .json or .csv")
    distill.add_argument("--experiment", metavar="NAME", help="or MLflow's traces of this experiment")
    distill.add_argument("--last", metavar="AGE", help="and how far back to look: 7d, 12h")
    distill.add_argument("--no-split", action="store_true", help="one case a session, also where it held several goals")
    distill.add_argument("--concurrency", type=int, metavar="N", help="sessions at once (20)")
    distill.add_argument("--model-timeout", type=float, metavar="S", help="seconds for one reply (300)")
    distill.add_argument(
        "--journal", metavar="FILE", help="keeps what is done, so that the same call goes on from there"
    )
    add_redact(distill)
    add_limits(distill)
    _add_writing(distill)
    distill.set_defaults(command=_distill, files={"out": CASES})


def _add_draft(commands: Any) -> None:
    draft = commands.add_parser("draft", help="test cases from a description", description=_DRAFT, epilog=EXIT_CODES)
    draft.add_argument("description", metavar="TEXT", help="what the agent does, and for whom")
    draft.add_argument("--n", type=int, metavar="N", help="how many cases (10)")
    add_limits(draft, seconds=False)
    _add_writing(draft)
    draft.set_defaults(command=_draft, files={"out": CASES})


def _add_writing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", metavar="URI", help="openai:/gpt-5-mini, demo:/rules, http://host/v1#model, ...")
    command.add_argument("--record", metavar="FILE", help="keep every reply of the model")
    command.add_argument("--replay", metavar="FILE", help="the model answers from a recording: no key, no cost")
    command.add_argument(
        "--out", metavar="FILE", help="where the cases go: .yaml, .json, .jsonl, .csv (stdout, as YAML)"
    )
    add_output(command)


_DISTILL = """\
Read test cases out of recorded sessions.

  convsim distill chats.jsonl --model openai:/gpt-5-mini --out cases.yaml
  convsim distill --experiment support-agent --last 7d --model openai:/gpt-5-mini > cases.yaml

Each case is checked against its session; what is found, and sessions that failed, go to stderr.
Interrupted, it keeps what was done: the same call goes on from there."""

_DRAFT = """\
Write test cases from a description of the agent, for the time before any session is recorded.

  convsim draft "Books tables in three restaurants in Ulm" --n 12 --model openai:/gpt-5-mini --out cases.yaml"""
