"""The verbs of `%convsim`: each is a Python call, and takes that call's arguments."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Unpack

from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.magics.case_verbs import edit
from convsim_nb.notebook.magics.run_verbs import (
    calibrate,
    compare,
    fidelity,
    pause,
    push,
    report,
    resume,
    score,
    selftest,
    show,
    stop,
)
from convsim_nb.workflow.calibrate import calibrate as calibrate_run
from convsim_nb.workflow.cases import CaseSet, parse_cases
from convsim_nb.workflow.compare import compare as compare_runs
from convsim_nb.workflow.distill import distill
from convsim_nb.workflow.draft import draft
from convsim_nb.workflow.fidelity import fidelity as fidelity_of
from convsim_nb.workflow.options import SimulateOptions, spelled_out
from convsim_nb.workflow.push import push as push_run
from convsim_nb.workflow.resume import resume as take_up
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import runs
from convsim_nb.workflow.selftest import selftest as selftest_of
from convsim_nb.workflow.sessions import Sessions, load_sessions, search_sessions
from convsim_nb.workflow.simulate import simulate

WORKBENCH = "workbench"
"""The verb of a line that names none."""


@dataclass(frozen=True)
class Verb:
    """One verb."""

    name: str
    call: Callable[..., Any]
    """What it does; its signature says what the line may hold."""
    about: str
    example: str
    of: Callable[..., Any] | None = None
    """The Python function whose names its options have, where `call` only passes them on."""
    cell: bool = False
    """True where it takes the body of a cell, and stands behind `%%`."""
    followed: bool = False
    """True where a name goes on to mean what a person edits: that of the argument, or the one behind `-o`."""


# --- calls that a line needs and Python does not -------------------------------------


def find_sessions(
    source: Any = None,
    *,
    experiment: str | None = None,
    last: Any = None,
    where: str | None = None,
    max_sessions: int | None = None,
    simulated: bool = False,
) -> Sessions:
    """Search MLflow's traces for recorded sessions, or read them from a file or an object.

    Args:
        source: A file, a data frame or a list; without it MLflow is searched.
        experiment: A name, an id or a path; by default the active experiment.
        last: How far back to look: 7d, 12h, 30m.
        where: A filter on traces in MLflow's language, such as "tags.team = 'billing'".
        max_sessions: How many to read at most.
        simulated: Whether sessions made by a simulator are read too.
    """
    searched: dict[str, Any] = {"experiment": experiment, "last": last, "where": where, "max_sessions": max_sessions}
    searched = {name: value for name, value in searched.items() if value is not None}
    if source is None:
        return search_sessions(**searched, simulated=simulated)
    if searched:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in searched)
        raise UsageError(f"{flags} is for a search in MLflow: leave it out, or the source {source!r}")
    return load_sessions(source, simulated=simulated)


@spelled_out
def start(cases: Any, agent: Any, *, background: bool = False, **options: Unpack[SimulateOptions]) -> Run:  # noqa: ARG001 - the magic reads it
    """Simulate users of test cases against an agent, and wait for the end.

    The Stop button and the kernel's interrupt end it; what was done is kept.

    Args:
        cases: A CaseSet, a list, or a file: .yaml, .json, .jsonl.
        agent: A callable that takes `messages` or `input`, module:name, a URL, or models:/name@alias.
        background: Return at once; %convsim show shows it, %convsim stop ends it.
    """
    if isinstance(agent, str) and agent.isidentifier():
        raise UsageError(
            f"agent {agent!r}: the notebook has no such name: define a function named {agent}, or give module:name, "
            "a URL, or models:/name@alias"
        )
    return simulate(cases, agent, **options)


def read_cases(body: str) -> CaseSet:
    """Read test cases from the YAML in the cell: a list, each beginning with `- goal: ...`."""
    return parse_cases(body, where="the cell")


@spelled_out
def open_workbench(
    agent: Any = None,
    cases: Any = None,
    *,
    sessions: Any = None,
    **options: Unpack[SimulateOptions],
) -> Any:
    """Open the workbench: sessions, test cases, Run and its results, for work by hand; %convsim alone does it too.

    Opened again with the same cases, it is the same workbench, with all that was edited.

    Args:
        agent: A callable that takes `messages` or `input`, or its name: it is looked up again at each run.
        cases: Test cases to begin with: a CaseSet, a list, or a file.
        sessions: Recorded sessions to pick from, in the place of an experiment's.
    """
    from convsim_nb.notebook.workbench.workbench import Workbench  # it reads the built views, which nobody may need

    return Workbench(agent, cases=cases, sessions=sessions, **options)


@cache
def verbs() -> Mapping[str, Verb]:
    """All verbs, in the order of work."""
    every = (
        Verb(
            WORKBENCH,
            open_workbench,
            "all of it by hand, in one place; %convsim alone does it too",
            "%convsim workbench --agent my_agent --user-model openai:/gpt-5-mini",
        ),
        Verb(
            "sessions",
            find_sessions,
            "read recorded sessions, from MLflow or a file",
            "%convsim sessions --experiment support-agent --last 7d -o sessions",
            of=search_sessions,
        ),
        Verb(
            "distill",
            distill,
            "read test cases out of sessions",
            "%convsim distill sessions --model openai:/gpt-5-mini -o cases",
            of=distill,
        ),
        Verb(
            "draft",
            draft,
            "write test cases from a description of the agent",
            '%convsim draft "Books tables in Ulm" --n 12 --model openai:/gpt-5-mini -o cases',
            of=draft,
        ),
        Verb(
            "cases",
            read_cases,
            "write test cases by hand, as YAML",
            "%%convsim cases smoke\n- goal: Get a refund for a damaged kettle\n  facts: [The order is A-1893]",
            cell=True,
        ),
        Verb(
            "edit",
            edit,
            "edit test cases in a grid; the name follows what is edited",
            "%convsim edit cases",
            of=CaseSet.edit,
            followed=True,
        ),
        Verb(
            "run",
            start,
            "simulate users of test cases against an agent",
            "%convsim run cases[:3] --agent my_agent --user-model openai:/gpt-5-mini --max-turns 8 -o v1",
            of=simulate,
        ),
        Verb("stop", stop, "stop a run, or all that play", "%convsim stop v1", of=Run.stop),
        Verb("pause", pause, "let a run, or all that play, wait", "%convsim pause v1", of=Run.pause),
        Verb(
            "resume",
            resume,
            "let a paused run go on; take up a run that was stopped or lost",
            "%convsim resume 20261121-101500 --agent my_agent -o v1",
            of=take_up,
        ),
        Verb("show", show, "show a run again", "%convsim show v1"),
        Verb("runs", runs, "what was run before", "%convsim runs", of=runs),
        Verb("push", push, "send to MLflow what did not get there", "%convsim push v1", of=push_run),
        Verb(
            "score",
            score,
            "score a finished run, without asking the agent again",
            "%convsim score v1 --scorers ConversationCompleteness,my_scorer --model openai:/gpt-5-mini",
            of=Run.evaluate,
        ),
        Verb("compare", compare, "one run against others", "%convsim compare v1 v2", of=compare_runs),
        Verb(
            "calibrate",
            calibrate,
            "the judge on trial, against people's labels",
            "%convsim calibrate v1",
            of=calibrate_run,
        ),
        Verb(
            "fidelity",
            fidelity,
            "how alike the simulated users of a run are to the people they play",
            "%convsim fidelity v1 --sessions sessions",
            of=fidelity_of,
        ),
        Verb(
            "selftest",
            selftest,
            "whether the simulated user reacts to agents of no use",
            "%convsim selftest cases[:3] --user-model openai:/gpt-5-mini",
            of=selftest_of,
        ),
        Verb("report", report, "write a run as one HTML file", "%convsim report v1 --path v1.html", of=Run.report),
    )
    return {verb.name: verb for verb in every}
