"""What a run is asked to do, checked before any model is called."""

import hashlib
import inspect
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Unpack

from convsim_nb.adapters.mlflow.quiet import quiet
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import AgentRef, RunSettings, RunStarted
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.judge import ChatJudge
from convsim_nb.engine.ports import Agent, Chat, GoalFunction, Judge, User
from convsim_nb.engine.prompts import versions
from convsim_nb.engine.user import ChatUser
from convsim_nb.workflow.agents import resolve_agent
from convsim_nb.workflow.cases import CaseSet, as_cases
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.options import SimulateOptions, checked


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
        return Budget(max_cost=given["max_cost"], max_tokens=given["max_tokens"], max_seconds=given["max_seconds"])


def plan(cases: Any, agent: Any, **options: Unpack[SimulateOptions]) -> Plan:
    """Check a call of `simulate` and put its parts together.

    Raises:
        UsageError: an argument is wrong; the message names its value and the next step.
    """
    given = checked(options)
    found = as_cases(cases)
    played, ref = resolve_agent(
        agent,
        cases=found,
        name=given["agent_name"],
        agent_history=given["agent_history"],
        agent_threads=given["agent_threads"],
        timeout=given["agent_timeout"],
    )
    function = given["goal_check"] if callable(given["goal_check"]) else None
    people = _people(found, given, function)
    started = _started(found, ref, people, given, function)
    return Plan(started, found, played, people.user, people.judge, function, people.chats, given)


_SETTINGS = (
    "max_turns",
    "trials",
    "concurrency",
    "script_then",
    "agent_history",
    "agent_threads",
    "agent_timeout",
)
"""Options that the run's settings keep as they are."""


@dataclass(frozen=True)
class _People:
    user: User
    user_name: str
    judge: Judge
    judge_name: str
    chats: tuple[Chat, ...]


def _people(cases: CaseSet, options: SimulateOptions, function: GoalFunction | None) -> _People:
    own, chats = options["user"], []
    user_name = getattr(own, "name", None) or type(own).__name__
    user: User
    if own is None:
        user_name, chat = resolve_model(options["user_model"], param="user_model")
        chat = quiet(chat)
        user, chats = ChatUser(chat), [chat]
    else:
        user = own
    if function is not None and not any(case.withheld for case in cases):
        return _People(user, user_name, _nobody, "none", tuple(chats))
    judge_model = options["judge_model"] or options["user_model"]
    if judge_model is options["user_model"] and chats:
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
        goal_check=_named(function) if function else str(options["goal_check"]),
        prompts=versions(),
        **{name: options[name] for name in _SETTINGS},  # type: ignore[literal-required]
    )
    return RunStarted(
        at=0.0,
        run_id=run_id,
        run_name=options["run_name"] or f"{ref.name}-{now:%H%M%S}",
        started_at=now,
        agent=ref,
        settings=settings,
        cases=tuple(cases),
        tags=dict(options["tags"] or {}),
    )


def _named(function: GoalFunction) -> str:
    """Functions are compared by their source."""
    try:
        source = inspect.getsource(function).encode()
    except (OSError, TypeError):
        source = getattr(getattr(function, "__code__", None), "co_code", b"")
    name = getattr(function, "__name__", type(function).__name__)
    return f"function:{name}:{hashlib.sha256(source).hexdigest()[:12]}"
