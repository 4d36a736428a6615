"""Conversations that go on from others: forks and repeats."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import AgentRef
from convsim_nb.engine.fork import again, case_of, fork
from convsim_nb.engine.ports import Agent
from convsim_nb.engine.trial import Trial
from convsim_nb.workflow.agents import resolve_agent
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.resume import plan_again
from convsim_nb.workflow.start import go_on

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def fork_run(run: "Run", key: str, *, turn: int, text: str | None, agent: Any) -> str:
    """Begin a fork: see `Run.fork`."""
    origin = run.conversation(key)
    if text is not None and not text.strip():
        raise UsageError("the text is empty: give the user message, or None for the simulated user's own")
    case = case_of(origin, run.state)
    planned = _planned(run, agent)
    played, name = _player(run, planned, origin, agent)
    trial = fork(origin, case, turn=turn, text=text, agent=played, agent_name=name, taken=_taken(run))
    _play(run, planned, [trial])
    return trial.key


def again_run(run: "Run", key: str, *, times: int, agent: Any) -> tuple[str, ...]:
    """Begin repeats: see `Run.again`."""
    if times < 1:
        raise UsageError(f"times={times!r}: give a whole number above 0")
    origin = run.conversation(key)
    case = case_of(origin, run.state)
    planned = _planned(run, agent)
    played, name = _player(run, planned, origin, agent)
    taken = _taken(run)
    trials = []
    for _ in range(times):
        trials.append(again(origin, case, agent=played, agent_name=name, taken=taken))
        taken.add(trials[-1].key)
    _play(run, planned, trials)
    return tuple(trial.key for trial in trials)


def _player(run: "Run", planned: Plan, origin: Conversation, agent: Any) -> tuple[Agent | None, str]:
    """Who plays, and its name: the agent that is given, else the one that played the origin; None is the run's own.

    Raises:
        UsageError: the agent of the origin is not here: only its name is left.
    """
    own = run.state.agent or planned.started.agent
    if agent is not None:
        played, ref = _another(planned, agent, run.state.cases[origin.case_id])
        run.others[ref.name] = played
        return played, ref.name
    if origin.agent in run.others:
        return run.others[origin.agent], origin.agent
    if origin.agent != own.name or planned is run.plan_of_forks:
        raise UsageError(f"{origin.key} was played by {origin.agent}, which is not here any more: give agent=...")
    return None, own.name


def _another(planned: Plan, agent: Any, case: TestCase) -> tuple[Agent, AgentRef]:
    """Another agent than the run's, called as the run calls its own."""
    given = planned.options
    return resolve_agent(
        agent,
        cases=[case],
        agent_history=given["agent_history"],
        agent_threads=given["agent_threads"],
        timeout=given["agent_timeout"],
        retries=given["agent_retries"],
        stateful=given["stateful"],
    )


def _taken(run: "Run") -> set[str]:
    return {*run.state.by_key, *run.promised}


def _play(run: "Run", planned: Plan, trials: list[Trial]) -> None:
    """In the run while it plays; else it plays on."""
    run.promised.update(trial.key for trial in trials)
    late = [trial for trial in trials if not run.add(trial)]
    if late:
        run.ended.wait()
        go_on(run, planned, late)


def _planned(run: "Run", agent: Any) -> Plan:
    """The plan that the run plays by; of one that was brought back, a plan for forks by the agent that is given."""
    if run.planned is not None:
        return run.planned
    if agent is None:
        raise UsageError(f"run {run.run_id} was brought back without its agent: give agent=...")
    planned = plan_again(run, agent, {"mlflow": False})
    own = run.state.agent or planned.started.agent  # the run's agent stays what it was, whoever plays a fork
    run.plan_of_forks = replace(planned, started=planned.started.model_copy(update={"agent": own}))
    return run.plan_of_forks
