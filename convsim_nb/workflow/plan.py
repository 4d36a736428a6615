"""What a run is asked to do, checked before any model is called."""

import hashlib
import inspect
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Unpack

from convsim_nb.adapters.mlflow.place import OWN, Place
from convsim_nb.adapters.mlflow.tracing import Shown
from convsim_nb.adapters.recording import Recorder
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.dataset import DATASET
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import RUN_KEY, AgentRef, RunSettings, RunStarted
from convsim_nb.domain.state import RunState
from convsim_nb.domain.veil import BARE, Veil
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.ports import Agent, GoalFunction, Judge, User
from convsim_nb.engine.prompts import Prompt, versions
from convsim_nb.workflow.agents import resolve_agent
from convsim_nb.workflow.cases import CaseSet, as_cases
from convsim_nb.workflow.cleaning import clean_cases, veil
from convsim_nb.workflow.estimate import price_for
from convsim_nb.workflow.options import SimulateOptions, checked
from convsim_nb.workflow.people import People, guards_mode, people


@dataclass(frozen=True)
class Plan:
    """A run that may start: everything that needs no network has been checked."""

    started: RunStarted
    cases: CaseSet
    agent: Agent
    user: User
    judge: Judge
    goal_function: GoalFunction | None
    recorder: Recorder | None
    options: SimulateOptions
    veil: Veil = BARE
    """What is taken out of all that is kept and shown."""
    place: Place = OWN
    """The MLflow run that it is written into."""
    asked: Any = None
    """The agent as it was given."""
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    """Prompts in the place of ours, as they were found."""
    shown: Shown | None = None
    """How a turn stands in its trace, where not as a chat."""

    def of(self, state: RunState) -> "Plan":
        """The same plan, for a run that was begun before: with its id, name, tags and stored cases."""
        kept = {"run_id": state.run_id, "run_name": state.run_name, "tags": state.tags}
        return replace(self, started=self.started.model_copy(update=kept))

    def budget(self, spent: Usage) -> Budget:
        """What the run may spend, of which some may be spent already."""
        given = self.options
        return Budget(
            max_cost=given["max_cost"], max_tokens=given["max_tokens"], max_seconds=given["max_seconds"], spent=spent
        )


def plan(
    cases: Any, agent: Any, *, resumed: bool = False, kept: bool = False, **options: Unpack[SimulateOptions]
) -> Plan:
    """Check a call of `simulate` and put its parts together; a run that is `resumed` adds to its recording.

    Cases that are `kept` were redacted when their run was begun.

    Raises:
        UsageError: an argument is wrong; the message names its value and the next step.
    """
    given = checked(options)
    found = clean_cases(as_cases(cases), veil(None if kept else given["redact"]))
    played, ref = resolve_agent(
        agent,
        cases=found,
        name=given["agent_name"],
        agent_history=given["agent_history"],
        agent_threads=given["agent_threads"],
        timeout=given["agent_timeout"],
        retries=given["agent_retries"],
        stateful=given["stateful"],
    )
    function = given["goal_check"] if callable(given["goal_check"]) else None
    _refuse_unpriced(given)
    cast = people(given, judged=function is None or any(case.withheld for case in found), resumed=resumed)
    started = _started(found, ref, cast, given, function)
    place = Place(given["mlflow_run_id"], given["parent_run_id"])
    parts = (cast.user, cast.judge, function, cast.recorder, given, veil(given["redact"]), place)
    return Plan(started, found, played, *parts, asked=agent, prompts=cast.prompts)


_SETTINGS = (
    "max_turns",
    "trials",
    "concurrency",
    "judge_check",
    "script_then",
    "agent_history",
    "agent_threads",
    "stateful",
    "agent_timeout",
    "agent_retries",
    "max_cost",
    "max_tokens",
    "max_seconds",
)
"""Options that the run's settings keep as they are."""


def _started(
    cases: CaseSet, ref: AgentRef, cast: People, options: SimulateOptions, function: GoalFunction | None
) -> RunStarted:
    now = datetime.now(UTC)
    return RunStarted(
        at=0.0,
        run_id=run_id_at(now),
        run_name=options["run_name"] or f"{ref.name}-{now:%H%M%S}",
        started_at=now,
        agent=ref,
        settings=settings_of(options, cast, goal_check=_named(function) if function else str(options["goal_check"])),
        cases=tuple(cases),
        tags=_tags(cases, options),
    )


def _tags(cases: CaseSet, options: SimulateOptions) -> dict[str, str]:
    own = {RUN_KEY: options["run_key"], DATASET: cases.dataset.model_dump_json() if cases.dataset else None}
    return {**(options["tags"] or {}), **{name: value for name, value in own.items() if value}}


def run_id_at(now: datetime) -> str:
    """A new id: by the hour, so that names sort, and with chance in it."""
    return f"{now:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"


def settings_of(options: SimulateOptions, cast: People, *, goal_check: str) -> RunSettings:
    """What a run keeps of its options, and of who plays in it."""
    return RunSettings(
        user_model=cast.user_name,
        judge_model=cast.judge_name,
        user_llm_params=cast.user_params,
        judge_llm_params=cast.judge_params,
        goal_check=goal_check,
        prompts=versions(cast.prompts),
        guards=guards_mode(options),
        redact=_named(options["redact"]) if options["redact"] else "",
        **{name: options[name] for name in _SETTINGS},  # type: ignore[literal-required]
    )


def _refuse_unpriced(options: SimulateOptions) -> None:
    """A limit in dollars needs prices; a model of one's own says itself what a call costs."""
    for name in ("user_model", "judge_model"):
        model = options[name]
        if options["max_cost"] is not None and isinstance(model, str) and price_for(model) is None:
            raise UsageError(
                f"max_cost={options['max_cost']:g}: the price of {name}={model!r} is not known: give max_tokens"
            )


def _named(function: Callable[..., Any]) -> str:
    """Functions are compared by their source."""
    try:
        source = inspect.getsource(function).encode()
    except (OSError, TypeError):
        source = getattr(getattr(function, "__code__", None), "co_code", b"")
    name = getattr(function, "__name__", type(function).__name__)
    return f"function:{name}:{hashlib.sha256(source).hexdigest()[:12]}"
