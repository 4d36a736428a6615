"""What a run is asked to do, checked before any model is called."""

import hashlib
import inspect
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Literal, TypedDict, Unpack

from convsim_nb.adapters.mlflow.quiet import quiet
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import AgentRef, RunSettings, RunStarted
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.judge import ChatJudge
from convsim_nb.engine.ports import Agent, Chat, GoalFunction, Judge, Sink, User
from convsim_nb.engine.prompts import versions
from convsim_nb.engine.user import ChatUser
from convsim_nb.workflow.agents import resolve_agent
from convsim_nb.workflow.cases import CaseSet, as_cases
from convsim_nb.workflow.models import resolve_model

GoalCheckMode = Literal["every_turn", "on_end"]


class SimulateOptions(TypedDict, total=False):
    """The keyword arguments of `simulate`, said once for it, `simulate_async` and the command line."""

    user_model: str | Chat | None
    """Who plays the user: an MLflow model URI, `demo:/rules`, or any object that fits `Chat`."""
    judge_model: str | Chat | None
    """Who judges; by default the user's model."""
    user: User | None
    """A simulated user of your own, in the place of `user_model`."""
    max_turns: int
    trials: int
    """Conversations a case."""
    concurrency: int
    """Conversations at once."""
    goal_check: GoalCheckMode | GoalFunction
    script_then: Literal["simulate", "end"]
    agent_name: str | None
    agent_history: Literal["full", "text"]
    agent_threads: bool
    agent_timeout: float
    """Seconds for one reply of the agent."""
    model_timeout: float
    """Seconds for one reply of the user or the judge, retries included."""
    max_cost: float | None
    """US dollars that user, judge and, where it reports them, the agent may take."""
    max_tokens: int | None
    """Tokens that they may take."""
    max_seconds: float | None
    """How long the run may take."""
    experiment: str | None
    """MLflow experiment by name, path or id; by default the active one."""
    run_name: str | None
    tags: Mapping[str, str]
    mlflow: bool
    """Whether the run and its traces are written to MLflow."""
    journal: str | os.PathLike[str] | bool
    """The folder for journals (`.convsim/runs`), or False for none."""
    progress: bool
    """Whether the run shows itself: in the notebook, or as text on stderr."""
    sinks: Sequence[Sink]
    """Further readers of the run's events."""


@dataclass(frozen=True)
class Plan:
    """A run that may start: everything that needs no network has been checked."""

    started: RunStarted
    cases: CaseSet
    agent: Agent
    user: User
    judge: Judge
    goal_function: GoalFunction | None
    chats: tuple[Chat, ...]
    options: SimulateOptions

    def budget(self) -> Budget:
        """What the run may spend."""
        given = self.options
        return Budget(
            max_cost=given.get("max_cost"), max_tokens=given.get("max_tokens"), max_seconds=given.get("max_seconds")
        )


_DEFAULTS: dict[str, Any] = {"max_turns": 10, "trials": 1, "concurrency": 20, "agent_timeout": 300.0}
_LIMITS = ("model_timeout", "max_cost", "max_tokens", "max_seconds")
_WHOLE = ("max_turns", "trials", "concurrency", "max_tokens")


def plan(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Plan:
    """Check a call of `simulate` and put its parts together.

    Raises:
        UsageError: an argument is wrong; the message names its value and the next step.
    """
    _refuse_unknown(options)
    found = as_cases(cases)
    _refuse_below_one(options)
    played, ref = resolve_agent(
        agent,
        cases=found,
        name=options.get("agent_name"),
        agent_history=options.get("agent_history", "full"),
        agent_threads=options.get("agent_threads", False),
        timeout=options.get("agent_timeout", _DEFAULTS["agent_timeout"]),
    )
    function = _goal_function(options)
    people = _people(found, options, function)
    started = _started(found, ref, people, options, function)
    return Plan(started, found, played, people.user, people.judge, function, people.chats, options)


@dataclass(frozen=True)
class _People:
    user: User
    user_name: str
    judge: Judge
    judge_name: str
    chats: tuple[Chat, ...]


def _people(cases: CaseSet, options: SimulateOptions, function: GoalFunction | None) -> _People:
    own, chats = options.get("user"), []
    user_name = getattr(own, "name", None) or type(own).__name__
    user: User
    if own is None:
        user_name, chat = resolve_model(options.get("user_model"), param="user_model")
        chat = quiet(chat)
        user, chats = ChatUser(chat), [chat]
    else:
        user = own
    if function is not None and not any(case.withheld for case in cases):
        return _People(user, user_name, _nobody, "none", tuple(chats))
    judge_model = options.get("judge_model") or options.get("user_model")
    if judge_model is options.get("user_model") and chats:
        return _People(user, user_name, ChatJudge(chats[0]), user_name, tuple(chats))
    judge_name, judging = resolve_model(judge_model, param="judge_model")
    return _People(user, user_name, ChatJudge(quiet(judging)), judge_name, (*chats, judging))


async def _nobody(_view: object) -> Any:
    raise UsageError("no judge is needed where a function decides and no fact is withheld")


def _started(
    cases: CaseSet, ref: AgentRef, people: _People, options: SimulateOptions, function: GoalFunction | None
) -> RunStarted:
    now = datetime.now(UTC)
    run_id = f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
    settings = RunSettings(
        user_model=people.user_name,
        judge_model=people.judge_name,
        goal_check=_named(function) if function else str(options.get("goal_check", "every_turn")),
        script_then=options.get("script_then", "simulate"),
        agent_history=options.get("agent_history", "full"),
        agent_threads=options.get("agent_threads", False),
        prompts=versions(),
        **{name: options.get(name, default) for name, default in _DEFAULTS.items()},
    )
    return RunStarted(
        at=0.0,
        run_id=run_id,
        run_name=options.get("run_name") or f"{ref.name}-{now:%H%M%S}",
        started_at=now,
        agent=ref,
        settings=settings,
        cases=tuple(cases),
        tags=dict(options.get("tags") or {}),
    )


def _goal_function(options: SimulateOptions) -> GoalFunction | None:
    check = options.get("goal_check", "every_turn")
    if callable(check):
        return check
    if check not in ("every_turn", "on_end"):
        raise UsageError(f"goal_check={check!r}: give 'every_turn', 'on_end' or a function of the conversation")
    return None


def _named(function: GoalFunction) -> str:
    """Functions are compared by their source."""
    try:
        source = inspect.getsource(function).encode()
    except (OSError, TypeError):
        source = getattr(getattr(function, "__code__", None), "co_code", b"")
    name = getattr(function, "__name__", type(function).__name__)
    return f"function:{name}:{hashlib.sha256(source).hexdigest()[:12]}"


def _refuse_unknown(options: Mapping[str, object]) -> None:
    known = SimulateOptions.__annotations__
    for name in options:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            raise UsageError(f"simulate() has no option {name!r}: {hint}")


def _refuse_below_one(options: SimulateOptions) -> None:
    given: Mapping[str, Any] = options
    for name in (*_DEFAULTS, *_LIMITS):
        value = given.get(name, 1)
        if value is None and name in _LIMITS:
            continue
        if isinstance(value, bool) or not isinstance(value, int if name in _WHOLE else int | float) or value <= 0:
            raise UsageError(f"{name}={value!r}: give a {'whole ' if name in _WHOLE else ''}number above 0")
    for name, known in (("script_then", ("simulate", "end")), ("agent_history", ("full", "text"))):
        if given.get(name, known[0]) not in known:
            raise UsageError(f"{name}={given[name]!r}: give one of {', '.join(map(repr, known))}")
