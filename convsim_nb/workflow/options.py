"""The options of `simulate`: said once for Python, the magics and the command line."""

import ast
import inspect
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Literal, TypedDict, TypeVar, get_type_hints

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.veil import Redact
from convsim_nb.engine.ports import Chat, GoalFunction, Sink, User
from convsim_nb.workflow.llm_params import llm_params

GoalCheckMode = Literal["every_turn", "on_end"]
Function = TypeVar("Function", bound=Callable[..., Any])


class SimulateOptions(TypedDict, total=False):
    """The keyword arguments of `simulate`."""

    user_model: str | Chat | None
    """Who plays the user: an MLflow model URI, `demo:/rules`, or any object that fits `Chat`."""
    judge_model: str | Chat | None
    """Who judges; by default the user's model."""
    user_llm_params: Mapping[str, Any] | None
    """Parameters of every call of the user's model: temperature, top_p, seed, ..."""
    judge_llm_params: Mapping[str, Any] | None
    """The same for the judge's; the user's are not the judge's."""
    user: User | None
    """A simulated user of your own, in the place of `user_model`."""
    prompts: Mapping[str, str] | None
    """Prompts in the place of ours, by name (user, judge): prompts:/name@alias of MLflow's registry, or a text."""
    max_turns: int
    """User messages in a conversation, at most."""
    trials: int
    """Conversations a case."""
    concurrency: int
    """Conversations at once."""
    goal_check: GoalCheckMode | GoalFunction
    """When the judge is asked; or a function of the conversation that decides in its place."""
    judge_check: Literal["suspect", "decoy", "off"]
    """Whether a "reached" is put to the test by a goal that nobody had: where it is suspect, always, or never."""
    guards: Literal["stop", "record", "off"] | None
    """What guards do about the user's messages; by default they stop a model's, and record those of your own `user`."""
    script_then: Literal["simulate", "end"]
    """What follows when a case's script is used up."""
    agent_name: str | None
    """The agent's name in results; by default its own."""
    agent_history: Literal["full", "text"]
    """What the agent gets of earlier turns: tool calls and images too, or text alone."""
    agent_threads: bool
    """Whether an async agent gets a thread and a loop of its own, for one that blocks."""
    stateful: bool
    """Whether the agent keeps a memory by `mlflow_session_id`: given history is said to it again, turn by turn."""
    agent_timeout: float
    """Seconds for one reply of the agent."""
    agent_retries: int | None
    """How often a call that failed by connection, 429, 502, 503 or 504 is made again: what the agent did before is done
    again. By default twice, after a refused connection, an unknown host, 429 or 503, and not else. 0 is never."""
    model_timeout: float | None
    """Seconds for one reply of the user or the judge, retries included."""
    max_cost: float | None
    """US dollars that user, judge and, where it reports them, the agent may take."""
    max_tokens: int | None
    """Tokens that they may take."""
    max_seconds: float | None
    """How long one try of the run may take: taken up again, by `resume` or `run_key`, it has that time anew."""
    experiment: str | None
    """MLflow experiment by name, path or id; by default the active one."""
    mlflow_run_id: str | None
    """An MLflow run that is there, to write into; it is neither named nor ended."""
    parent_run_id: str | None
    """An MLflow run below which the run is nested; by default the active one, where it is of the same experiment."""
    run_name: str | None
    """The run's name; by default the agent's name and the time."""
    run_key: str | None
    """What names a job: begun again with the same key, it resumes its run instead of paying twice."""
    tags: Mapping[str, str] | None
    """Tags of the run, in MLflow too."""
    mlflow: bool
    """Whether the run and its traces are written to MLflow."""
    journal: str | os.PathLike[str] | bool
    """The folder for journals; True is .convsim/runs, False keeps none."""
    record: str | os.PathLike[str] | None
    """A file that keeps every reply of user and judge."""
    replay: str | os.PathLike[str] | None
    """Such a file: user and judge answer from it, with no key and no cost."""
    redact: Redact | None
    """A function of a text that takes out what must not be kept or shown: in the cases before they are played, and in
    the journal, MLflow and the report. The agent and the models hear what was said."""
    progress: bool
    """Whether the run shows itself: in the notebook, or as text on stderr."""
    sinks: Sequence[Sink]
    """Further readers of the run's events."""
    on: Any
    """A Spark session: the conversations are played on its workers."""
    shared: str | os.PathLike[str] | None
    """With on=: a folder that driver and workers see, such as a Volume; where Spark is local, the run's own."""
    partitions: int | None
    """With on=: into how many parts the conversations are divided; by default a few for each slot."""


DEFAULTS: SimulateOptions = {
    "user_model": None,
    "judge_model": None,
    "user_llm_params": None,
    "judge_llm_params": None,
    "user": None,
    "prompts": None,
    "max_turns": 10,
    "trials": 1,
    "concurrency": 20,
    "goal_check": "every_turn",
    "judge_check": "suspect",
    "guards": None,
    "script_then": "simulate",
    "agent_name": None,
    "agent_history": "full",
    "agent_threads": False,
    "stateful": False,
    "agent_timeout": 300.0,
    "agent_retries": None,
    "model_timeout": 300.0,
    "max_cost": None,
    "max_tokens": None,
    "max_seconds": None,
    "experiment": None,
    "mlflow_run_id": None,
    "parent_run_id": None,
    "run_name": None,
    "run_key": None,
    "tags": None,
    "mlflow": True,
    "journal": True,
    "record": None,
    "replay": None,
    "redact": None,
    "progress": True,
    "sinks": (),
    "on": None,
    "shared": None,
    "partitions": None,
}
_WHOLE = ("max_turns", "trials", "concurrency", "max_tokens", "partitions")
_SECONDS = ("agent_timeout", "model_timeout", "max_cost", "max_seconds")
_TEXTS = ("agent_name", "experiment", "mlflow_run_id", "parent_run_id", "run_name", "run_key")
_WORDS: dict[str, tuple[str | None, ...]] = {
    "script_then": ("simulate", "end"),
    "agent_history": ("full", "text"),
    "judge_check": ("suspect", "decoy", "off"),
    "guards": ("stop", "record", "off", None),
}


def checked(options: SimulateOptions) -> SimulateOptions:
    """All options, those that are not given at their defaults.

    Raises:
        UsageError: one is not known, or has a value that it cannot have.
    """
    _refuse_unknown(options)
    every: SimulateOptions = {**DEFAULTS, **options}
    given: Mapping[str, Any] = every
    optional = {name for name, default in DEFAULTS.items() if default is None} | {"model_timeout"}
    for name in (*_WHOLE, *_SECONDS):
        kind = "whole " if name in _WHOLE else ""
        if not (given[name] is None and name in optional) and not above_zero(given[name], whole=bool(kind)):
            raise UsageError(f"{name}={given[name]!r}: give a {kind}number above 0")
    for name, known in _WORDS.items():
        if given[name] not in known:
            raise UsageError(f"{name}={given[name]!r}: give one of {', '.join(map(repr, known))}")
    if not callable(every["goal_check"]) and every["goal_check"] not in ("every_turn", "on_end"):
        raise UsageError(f"goal_check={given['goal_check']!r}: give 'every_turn', 'on_end' or a function")
    if every["mlflow_run_id"] and (every["experiment"] or every["parent_run_id"]):
        other = "experiment" if every["experiment"] else "parent_run_id"
        raise UsageError(f"mlflow_run_id and {other} are given: that run has its own: leave {other} out")
    _refuse_unfit(given)
    for name in ("user_llm_params", "judge_llm_params"):
        llm_params(given[name], name=name)
    return every


def _refuse_unfit(given: Mapping[str, Any]) -> None:
    """Refuse what would fail later, in the middle of a run or in the words of another library."""
    for name in _TEXTS:
        if given[name] is not None and not isinstance(given[name], str):
            raise UsageError(f"{name}={given[name]!r}: give text")
    if given["run_key"] is not None and not given["run_key"].strip():
        raise UsageError(f"run_key={given['run_key']!r}: give a text that names the job, or leave it out")
    retries = given["agent_retries"]
    if isinstance(retries, bool) or (retries not in (None, 0) and not above_zero(retries, whole=True)):
        raise UsageError(f"agent_retries={retries!r}: give a whole number, 0 for never, or leave it out")
    _refuse_on(given)
    _refuse_tags(given["tags"])
    if given["user"] is not None and not callable(given["user"]):
        raise UsageError(f"user={given['user']!r}: give an async function of a UserView, or leave it out")
    _refuse_redact(given)
    if not isinstance(given["sinks"], Sequence) or isinstance(given["sinks"], str):
        raise UsageError(f"sinks={given['sinks']!r}: give a list of functions of an event")
    for sink in given["sinks"]:
        if not callable(sink):
            raise UsageError(f"sinks holds {sink!r}, which cannot be called: give functions of an event")


def _refuse_on(given: Mapping[str, Any]) -> None:
    for name in ("shared", "partitions"):
        if given[name] is not None and given["on"] is None:
            raise UsageError(f"{name}={given[name]!r} is for on=, a Spark session: give on=spark, or leave it out")
    for name in ("record", "replay"):
        if given[name] and given["on"] is not None:
            raise UsageError(f"on=spark and {name} are given: a recording is a file of one process: leave {name} out")


def _refuse_redact(given: Mapping[str, Any]) -> None:
    redact = given["redact"]
    if redact is not None and not callable(redact):
        raise UsageError(f"redact={redact!r}: give a function from text to text, or leave it out")
    for name in ("record", "replay"):
        if redact is not None and given[name]:
            raise UsageError(f"redact and {name} are given: a recording holds what was said, word for word")


def _refuse_tags(tags: object) -> None:
    if tags is None:
        return
    if not isinstance(tags, Mapping):
        raise UsageError(f"tags={tags!r}: give a mapping of texts, such as {{'team': 'search'}}")
    for name, value in tags.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(
                f"tags has {name!r}: {value!r}: names and values are text: write {str(name)!r}: {str(value)!r}"
            )


def _refuse_unknown(options: Mapping[str, object]) -> None:
    for name in options:
        if name not in DEFAULTS:
            close = get_close_matches(name, DEFAULTS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(DEFAULTS)}"
            raise UsageError(f"simulate() has no option {name!r}: {hint}")


def above_zero(value: object, *, whole: bool) -> bool:
    """Whether this is a number above 0, and a whole one where it must be."""
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    return fits and value > 0  # type: ignore[operator]


def spelled_out(function: Function, *, of: type = SimulateOptions, defaults: Mapping[str, Any] = DEFAULTS) -> Function:
    """Show a function's `**options` one by one: in its signature and its docstring, where people look.

    For functions with `**options: Unpack[SimulateOptions]`, or those of another typed dict.
    """
    signature = inspect.signature(function)
    hints, about = get_type_hints(of), field_lines(of)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    taken = {parameter.name for parameter in named}
    keyword = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hints[name])
        for name, default in defaults.items()
        if name not in taken
    ]
    function.__signature__ = signature.replace(parameters=[*named, *keyword])  # type: ignore[attr-defined]
    lines = "".join(f"    {one.name}: {about.get(one.name, '')}\n" for one in keyword)
    before, _, raises = inspect.cleandoc(function.__doc__ or "").partition("\nRaises:")
    summary, _, own = before.rstrip().partition("\nArgs:\n")
    arguments = f"{own}\n{lines}" if own else lines
    function.__doc__ = f"{summary.rstrip()}\n\nArgs:\n{arguments}" + (f"\nRaises:{raises}" if raises else "")
    return function


def field_lines(of: type) -> dict[str, str]:
    """The text under each field of a class, in one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(of))).body[0]
    found: dict[str, str] = {}
    name = ""
    for statement in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif name and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            found[name] = " ".join(str(statement.value.value).split())
    return found
