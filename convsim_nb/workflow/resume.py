"""Taking a run up again: only what is missing is played, with the cases that were stored."""

import sys
from collections.abc import Sequence
from typing import Any, Unpack

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import RunSettings
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.ended import is_finished
from convsim_nb.workflow.options import SimulateOptions, spelled_out
from convsim_nb.workflow.patience import said_if_long
from convsim_nb.workflow.plan import Plan, plan
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run
from convsim_nb.workflow.start import go_on

_KEPT = (
    "max_turns",
    "trials",
    "concurrency",
    "judge_check",
    "guards",
    "script_then",
    "agent_history",
    "agent_threads",
    "stateful",
    "agent_timeout",
    "agent_retries",
)
_LISTED = 3
"""Names of test cases in one line."""
_LIMITS = ("max_cost", "max_tokens", "max_seconds")
_COMPARED = (
    "user_model",
    "judge_model",
    "user_llm_params",
    "judge_llm_params",
    "max_turns",
    "trials",
    "goal_check",
    "judge_check",
    "guards",
    "script_then",
    "stateful",
    "prompts",
    "redact",
)


@spelled_out
def resume(run: str | Run, *, agent: Any, force: bool = False, **options: Unpack[SimulateOptions]) -> Run:
    """Take a run up that was stopped, or whose process died, and play only what is missing.

    `run` is a run or its id. Functions and models of your own are given again; all else is taken from the
    run, its limits too: those of money and tokens are of the whole run. A conversation that was half done starts
    over as a new attempt. What has ended is not played again; a run that is finished comes back as it is.

    Raises:
        NotFoundError: no run of that id.
        UsageError: it is playing, its budget is used up, or agent, models, prompts or
            turns differ from what it was begun with; then `force=True` goes on all the same.
    """
    earlier = run if isinstance(run, Run) else load_run(run, journal=_journal(options))
    if not earlier.ended.is_set():
        raise UsageError(f"run {earlier.run_id} is playing: run.resume() lets a paused one go on")
    if is_finished(earlier.state):
        own = sum(one.origin is None for one in earlier.conversations)
        sys.stderr.write(f"convsim: run {earlier.run_id} is finished: all {own} conversations have ended\n")
        return earlier
    with said_if_long("loading the agent and the models", progress=options.get("progress", True)):
        planned = plan_again(earlier, agent, options)
    if not force:
        refuse_differences(earlier, planned)
    _limited(earlier, planned, options)
    return go_on(earlier, planned)


def _limited(earlier: Run, planned: Plan, options: SimulateOptions) -> None:
    """Refuse what could not spend anything, and say which limits were not given and hold all the same."""
    if used_up := planned.budget(earlier.state.spent).used_up:
        raise UsageError(f"run {earlier.run_id}: {used_up}: give it more, or None for no limit")
    settings = _settings(earlier)
    held = [f"{name}={getattr(settings, name):g}" for name in _LIMITS if _holds(settings, name, options)]
    if held and planned.options["progress"]:
        sys.stderr.write(
            f"convsim: run {earlier.run_id} keeps its limits, {', '.join(held)}: others are taken if given\n"
        )


def _holds(settings: RunSettings, name: str, options: SimulateOptions) -> bool:
    return name not in options and getattr(settings, name) is not None


def plan_again(earlier: Run, agent: Any, options: SimulateOptions) -> Plan:
    """The plan of an earlier run, with its id, its stored cases, and what is given anew."""
    state, settings = earlier.state, _settings(earlier)
    kept: dict[str, Any] = {name: getattr(settings, name) for name in (*_KEPT, *_LIMITS)}
    kept |= {"run_name": state.run_name, "tags": state.tags, "agent_name": state.agent.name if state.agent else None}
    kept["prompts"] = {name: uri for name, uri in settings.prompts.items() if uri.startswith("prompts:/")} or None
    kept |= _models(settings, options)
    planned = plan(earlier.cases, agent, resumed=True, kept=True, **{**kept, **options})
    return planned.of(state)


def refuse_differences(earlier: Run, planned: Plan) -> None:
    """Refuse a run that would no longer be the one that was begun.

    Raises:
        UsageError: the first difference, with both values.
    """
    before, now = _settings(earlier), planned.started.settings
    if other := _other_cases(earlier.cases, planned.cases):
        _refuse(earlier, planned, f"other test cases: {other}")
    for name in _COMPARED:
        was, is_now = getattr(before, name), getattr(now, name)
        if was != is_now:
            _refuse(earlier, planned, f"{name} {was!r}, now it is {is_now!r}")
    agent = earlier.state.agent
    if agent and agent.source_hash != planned.started.agent.source_hash:
        here = planned.started.agent
        same = agent.name == here.name
        of = "the agent's source" if same else "agent"
        was, is_now = (agent.source_hash, here.source_hash) if same else (agent.name, here.name)
        _refuse(earlier, planned, f"{of} {was!r}, now it is {is_now!r}")


def _other_cases(before: CaseSet, now: CaseSet) -> str:
    """What is another than before; empty where the test cases are the same."""
    was, is_now = ({case.case_id: case.digest for case in cases} for cases in (before, now))
    edited = [name for name in was if name in is_now and was[name] != is_now[name]]
    gone, new = [name for name in was if name not in is_now], [name for name in is_now if name not in was]
    if not (edited or gone or new):
        return ""
    of = f"the same {len(was)} ids" if not (gone or new) else f"{len(was)} then, {len(is_now)} now"
    told = [_listed(names, word) for names, word in ((edited, "edited"), (new, "new"), (gone, "gone")) if names]
    return ", ".join([of, *told])


def _listed(names: Sequence[str], word: str) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"{len(names)} {word}: {', '.join(names[:_LISTED])}{more}"


def _refuse(earlier: Run, planned: Plan, difference: str) -> None:
    on = "begin a new run, or give force=True to go on all the same"
    if planned.options["run_key"]:  # there is nothing to force where the key alone names it
        again = f"cs.resume({earlier.run_id!r}, agent=..., force=True)"
        on = f"give another run_key for a new run, or {again} to go on with that one as it was begun"
    raise UsageError(f"run {earlier.run_id} was begun with {difference}: {on}")


def _settings(earlier: Run) -> RunSettings:
    if earlier.state.settings is None:
        raise UsageError(f"the journal in {earlier.folder} does not begin with the start of a run")
    return earlier.state.settings


def _models(settings: RunSettings, options: SimulateOptions) -> dict[str, Any]:
    """Models by the names that the run was begun with; a model of one's own has a name that says nothing."""
    named: dict[str, Any] = {"goal_check": settings.goal_check}
    if settings.goal_check.startswith("function:"):
        if not callable(options.get("goal_check")):
            raise UsageError(f"the run was begun with goal_check={settings.goal_check}: give the function again")
        del named["goal_check"]
    if "user" not in options:
        named["user_model"] = settings.user_model
    if settings.judge_model not in ("none", settings.user_model):
        named["judge_model"] = settings.judge_model
    for who, params in (("user", settings.user_llm_params), ("judge", settings.judge_llm_params)):
        model = options.get(f"{who}_model") or options.get("user_model") or ""
        if isinstance(model, str) and who not in options:  # an object sets its own
            named[f"{who}_llm_params"] = params
    return named


def _journal(options: SimulateOptions) -> str | None:
    where = options.get("journal")
    return None if where is None or isinstance(where, bool) else str(where)
