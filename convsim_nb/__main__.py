"""The `convsim` command: the same verbs as in Python, for terminals, jobs and CI."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from convsim_nb.command import cases, completion, results
from convsim_nb.command.files import REPORTS, check_files
from convsim_nb.command.flags import (
    ALL_EXIT_CODES,
    EXIT_CODES,
    add_limits,
    add_output,
    add_redact,
    as_flags,
    function,
    given,
    pairs,
)
from convsim_nb.command.parser import Parser
from convsim_nb.command.played import play
from convsim_nb.command.printing import out, print_no_more, results_alone
from convsim_nb.command.told import taken_up
from convsim_nb.domain.errors import ConvsimError, NotFoundError, UsageError

_WRONG_CALL, _FAILED, _INTERRUPTED, _UNREAD = 2, 1, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - `module:name` is looked up from the working folder
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a job that is ended keeps what was done, too
    try:
        with results_alone() if options.json else nullcontext():
            check_files(options)
            return command(options)
    except BrokenPipeError:
        print_no_more()
        return _UNREAD
    except ConvsimError as error:
        wrong_call = isinstance(error, UsageError | NotFoundError)
        return _said(as_flags(str(error), _NAMES), _WRONG_CALL if wrong_call else _FAILED)
    except KeyboardInterrupt:
        return _said("interrupted", _INTERRUPTED)


def _said(error: object, code: int) -> int:
    sys.stderr.write(f"convsim: {error}\n")
    return code


# --- the commands ----------------------------------------------------------------------


def _demo(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.demo import demo

    outcome = demo(out=Path(options.out), progress=not options.quiet)
    out(json.dumps(outcome.as_json(), indent=2) if options.json else "\n".join(outcome.lines()))
    return 0


def _run(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.simulate import simulate

    _check_score(options)
    before = [*taken_up(options)]
    return play(simulate(options.cases, options.agent, **_given(options)), options, before=before)


def _resume(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.resume import resume

    _check_score(options)
    return play(resume(options.run, agent=options.agent, force=options.force, **_given(options)), options)


def _check_score(options: argparse.Namespace) -> None:
    """See that scorers are there before anybody is paid."""
    from convsim_nb.workflow.scorers import check_scorers

    if options.score and not options.mlflow_run_id and not options.parent_run_id:  # these have one of their own
        check_scorers(options.score, experiment=options.experiment, stored=not options.no_mlflow)


def _given(options: argparse.Namespace) -> Any:
    from convsim_nb.workflow.llm_params import from_text

    named = given(options, _RUN_OPTIONS)
    for name in {"user_llm_params", "judge_llm_params"} & set(named):
        named[name] = from_text(named[name], name=f"--{name.replace('_', '-')}")
    if "redact" in named:
        named["redact"] = function(named["redact"], flag="--redact")
    for name in {"prompts", "tags"} & set(named):
        named[name] = pairs(named[name], flag=f"--{name}")
    return {**named, "progress": not options.quiet, "mlflow": not options.no_mlflow}


def _runs(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.runs import runs

    found = runs(options.journal)
    if options.json:
        out(json.dumps([run.model_dump(mode="json") for run in found], indent=2))
    else:
        out(repr(found))
    return 0


def _push(options: argparse.Namespace) -> int:
    from convsim_nb.workflow.push import push

    pushed = push(options.run, experiment=options.experiment, journal=options.journal)
    out(pushed.model_dump_json(indent=2) if options.json else str(pushed))
    return 0


# --- the options -----------------------------------------------------------------------

_RUN_OPTIONS = (
    "user_model",
    "judge_model",
    "user_llm_params",
    "judge_llm_params",
    "max_turns",
    "trials",
    "concurrency",
    "goal_check",
    "judge_check",
    "guards",
    "script_then",
    "prompts",
    "model_timeout",
    "tags",
    "agent_name",
    "agent_history",
    "agent_threads",
    "stateful",
    "agent_timeout",
    "agent_retries",
    "max_cost",
    "max_tokens",
    "max_seconds",
    "experiment",
    "run_name",
    "mlflow_run_id",
    "parent_run_id",
    "run_key",
    "journal",
    "record",
    "replay",
    "redact",
)
_NAMES = (*_RUN_OPTIONS, "force", "model", "max_drop", "baseline", "out")
"""What an error may name, and a command line has as a flag."""


def _parser() -> argparse.ArgumentParser:
    import convsim_nb

    parser = Parser(prog="convsim", description=_ABOUT, epilog=ALL_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"convsim {convsim_nb.__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_demo(commands)
    cases.add(commands)
    _add_run(commands)
    _add_resume(commands)
    _add_runs(commands)
    _add_push(commands)
    results.add(commands, add_run_options=_add_run_options, given=_given)
    completion.add(commands, parser)
    return parser


_ABOUT = """\
Test a chat agent with simulated users, distilled from recorded sessions.

  convsim demo                 the whole way on built-in sessions: no key, no network
  convsim distill FILE ...     read test cases out of recorded sessions
  convsim draft TEXT ...       write test cases from a description of the agent
  convsim run cases.yaml ...   simulate test cases against your agent
  convsim resume RUN ...       take a run up that was stopped, or whose process died
  convsim runs                 what was run before
  convsim push RUN             send to MLflow what did not get there
  convsim compare RUN RUN      one run against others of the same cases
  convsim report RUN           write a run as one HTML file
  convsim gate cases.yaml ...  let a new version pass, or not
  convsim completion SHELL     for Tab in your shell"""

_DEMO = """\
The whole way on built-in sessions, agent and model; no key and no network are needed.

  convsim demo
  MLFLOW_TRACKING_URI=http://localhost:5000 convsim demo --out /tmp/demo --json

Records the sessions of a support agent into MLflow, distills them into test cases, simulates
these against the agent and against its mended version, then cases written for one fault that it
showed; scores, compares, and writes reports.
The model is a rule-based stand-in, not a language model."""

_RUN = """\
Simulate test cases against an agent, many conversations at once.

  convsim run cases.yaml --agent mymodule:my_agent --user-model openai:/gpt-5-mini
  convsim run cases.yaml --agent http://localhost:8000/v1#support --user-model demo:/rules --json

A case is a mapping with at least a goal:

  - goal: Get a refund for a damaged kettle
    persona: You are in a hurry and write short messages.
    facts: [The order is A-1893]
    withheld:
      - {fact: The kettle was a gift, after: the agent asks who paid for it}"""

_RESUME = """\
Take a run up that was stopped, or whose process died: only what is missing is played.

  convsim runs
  convsim resume 20261121-101500 --agent mymodule:my_agent

Test cases, models, turns and limits are those that it was begun with; other limits may be given.
Another agent, or other prompts, are refused unless --force is given."""

_RUNS = """\
What was run before: the journals in a folder, newest first.

  convsim runs
  convsim runs --journal nightly --json | jq -r '.[0].run_id'"""


_PUSH = """\
Send a run to MLflow whose connection broke, or that was not written there: from its journal.

  MLFLOW_TRACKING_URI=http://localhost:5000 convsim push 20261121-101500

Runs, traces, findings and files that are there stay as they are; a second push brings nothing twice."""


def _add_demo(commands: Any) -> None:
    demo = commands.add_parser("demo", help="the whole way on built-in sessions", description=_DEMO, epilog=_WHERE)
    demo.add_argument("--out", default="convsim-demo", metavar="DIR", help="where the files go (%(default)s)")
    add_output(demo)
    demo.set_defaults(command=_demo)


_WHERE = f"""
MLflow's store is the one that MLFLOW_TRACKING_URI names; else a sqlite file in the folder of --out.
{EXIT_CODES}"""


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="simulate test cases", description=_RUN, epilog=EXIT_CODES)
    run.add_argument("cases", metavar="CASES", help="test cases: .yaml, .yml, .json or .jsonl")
    _add_run_options(run)
    run.set_defaults(command=_run, files={"report": REPORTS})


def _add_run_options(run: argparse.ArgumentParser, *, agent: bool = True) -> None:
    _add_agent(run, required=agent)
    models = run.add_argument_group("models")
    models.add_argument("--user-model", metavar="URI", help="who plays the user: openai:/gpt-5-mini, demo:/rules, ...")
    models.add_argument("--judge-model", metavar="URI", help="who judges; by default the user's model")
    models.add_argument("--user-llm-params", metavar="JSON", help="with every call: '{\"temperature\": 0.7}'")
    models.add_argument("--judge-llm-params", metavar="JSON", help="the same for the judge")
    play = run.add_argument_group("how it is played")
    play.add_argument("--max-turns", type=int, metavar="N", help="turns a conversation (10)")
    play.add_argument("--trials", type=int, metavar="N", help="conversations a case (1)")
    play.add_argument("--concurrency", type=int, metavar="N", help="conversations at once (20)")
    play.add_argument("--goal-check", choices=("every_turn", "on_end"), help="when the judge is asked (every_turn)")
    play.add_argument("--script-then", choices=("simulate", "end"), help="what follows a case's script (simulate)")
    play.add_argument("--guards", choices=("stop", "record", "off"), help="what guards do about the user's messages")
    play.add_argument("--judge-check", choices=("suspect", "decoy", "off"), help="a second look at goals (suspect)")
    play.add_argument(
        "--prompts", nargs="+", action="extend", metavar="NAME=PROMPT", help="user=mine.md, judge=prompts:/name@alias"
    )
    play.add_argument("--model-timeout", type=float, metavar="S", help="seconds for one reply of user or judge (300)")
    play.add_argument("--agent-name", metavar="NAME", help="the agent's name in results")
    play.add_argument("--agent-history", choices=("full", "text"), help="what the agent gets of earlier turns (full)")
    play.add_argument("--agent-threads", action="store_true", default=None, help="an async agent off the loop")
    play.add_argument("--stateful", action="store_true", default=None, help="the agent has a memory by session id")
    play.add_argument("--agent-timeout", type=float, metavar="S", help="seconds for one reply of the agent (300)")
    play.add_argument("--replay", metavar="FILE", help="user and judge answer from a recording: no key, no cost")
    add_limits(run)
    _add_keeping(run)
    add_output(run)


def _add_resume(commands: Any) -> None:
    resume = commands.add_parser("resume", help="take a run up again", description=_RESUME, epilog=EXIT_CODES)
    resume.add_argument("run", metavar="RUN", help="the run's id, or its beginning: see convsim runs")
    _add_agent(resume)
    resume.add_argument("--force", action="store_true", help="go on although agent, models or prompts have changed")
    add_limits(resume)
    _add_keeping(resume)
    add_output(resume)
    resume.set_defaults(command=_resume, files={"report": REPORTS})


def _add_agent(command: argparse.ArgumentParser, *, required: bool = True) -> None:
    command.add_argument("--agent", required=required, help="module:name, http://host/v1#model, or models:/name@alias")


def _add_keeping(run: argparse.ArgumentParser) -> None:
    keep = run.add_argument_group("where it is kept")
    keep.add_argument("--experiment", metavar="NAME", help="MLflow experiment (the active one)")
    keep.add_argument("--run-name", metavar="NAME", help="the run's name")
    keep.add_argument("--tags", nargs="+", action="extend", metavar="NAME=VALUE", help="tags of the run")
    keep.add_argument("--mlflow-run-id", metavar="ID", help="write into this MLflow run, which is there already")
    keep.add_argument("--parent-run-id", metavar="ID", help="write into a new MLflow run below this one")
    keep.add_argument("--run-key", metavar="KEY", help="names a job: tried again, it resumes instead of paying twice")
    keep.add_argument("--record", metavar="FILE", help="keep every reply of user and judge")
    add_redact(keep)
    keep.add_argument("--no-mlflow", action="store_true", help="write nothing to MLflow")
    keep.add_argument("--journal", metavar="DIR", help="folder of the journals (.convsim/runs)")
    keep.add_argument(
        "--score",
        nargs="*",
        action="extend",
        metavar="NAME",
        help="score at the end; with no name: all that need no model",
    )
    keep.add_argument("--report", metavar="FILE", help="write a report as one HTML file")


def _add_runs(commands: Any) -> None:
    listed = commands.add_parser("runs", help="what was run before", description=_RUNS, epilog=EXIT_CODES)
    listed.add_argument("--journal", metavar="DIR", help="folder of the journals (.convsim/runs)")
    listed.add_argument("--json", action="store_true", help="print one JSON document")
    listed.set_defaults(command=_runs)


def _add_push(commands: Any) -> None:
    pushed = commands.add_parser("push", help="send a run to MLflow", description=_PUSH, epilog=EXIT_CODES)
    pushed.add_argument("run", metavar="RUN", help="the run's id, or its beginning: see convsim runs")
    pushed.add_argument("--experiment", metavar="NAME", help="for a run that MLflow does not know (the active one)")
    pushed.add_argument("--journal", metavar="DIR", help="folder of the journals (.convsim/runs)")
    pushed.add_argument("--json", action="store_true", help="print one JSON document")
    pushed.set_defaults(command=_push)


if __name__ == "__main__":
    sys.exit(main())
