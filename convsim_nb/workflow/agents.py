"""From what the user names as an agent to the `Agent` port, checked against the test cases."""

from collections.abc import Iterable
from typing import Any, Literal

from convsim_nb.adapters.agents import agent_ref, as_agent, check_context
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.events import AgentRef
from convsim_nb.engine.ports import Agent


def resolve_agent(
    agent: Any,
    *,
    cases: Iterable[TestCase] = (),
    name: str | None = None,
    agent_history: Literal["full", "text"] = "full",
    agent_threads: bool = False,
    timeout: float = 300.0,
) -> tuple[Agent, AgentRef]:
    """The agent behind the port, and what a run keeps of it.

    Raises:
        AgentTypeError: it is not an agent that we can call, or does not take what a case's context holds.
    """
    adapted = as_agent(agent, name=name, agent_history=agent_history, agent_threads=agent_threads, timeout=timeout)
    check_context(adapted, cases)
    return adapted, agent_ref(agent, name=adapted.name)
