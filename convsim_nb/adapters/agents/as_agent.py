"""From whatever the user calls an agent to the `Agent` port."""

import inspect
from collections.abc import Callable, Iterable
from typing import Any, Literal

from convsim_nb.adapters.agents.callable_agent import CallableAgent
from convsim_nb.adapters.agents.endpoint import endpoint_agent
from convsim_nb.adapters.agents.predicting import predicting
from convsim_nb.adapters.agents.refs import agent_name
from convsim_nb.adapters.agents.runnable import runnable
from convsim_nb.adapters.completions import cut
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentTypeError


def as_agent(
    agent: Any,
    *,
    name: str | None = None,
    agent_history: Literal["full", "text"] = "full",
    agent_threads: bool = False,
    timeout: float = 300.0,
    retries: int | None = None,
    api_key: str | None = None,
) -> CallableAgent:
    """The agent behind the port: a callable, an MLflow model, or the address of an endpoint.

    `timeout` is for one reply, in seconds; `retries` are those of `CallableAgent`; `api_key` is for an endpoint.

    Raises:
        AgentTypeError: it is not an agent that we can call; said before it is called.
    """
    if isinstance(agent, CallableAgent):
        return agent
    name = name or agent_name(agent)
    call = _callable(agent, name=name, api_key=api_key)
    return CallableAgent(
        call, name=name, agent_history=agent_history, threads=agent_threads, timeout=timeout, retries=retries
    )


def check_context(agent: CallableAgent, cases: Iterable[TestCase]) -> None:
    """See that every case's context fits the agent's parameters.

    Raises:
        AgentTypeError: the agent does not take a key of a context, or needs one that a context lacks.
        CaseError: a key of a context is a name that is taken.
    """
    agent.check(cases)


def _callable(agent: Any, *, name: str, api_key: str | None) -> Callable[..., Any]:
    if isinstance(agent, str) and agent.startswith(("http://", "https://")):
        return endpoint_agent(agent, api_key=api_key)
    if inspect.isclass(agent):
        raise AgentTypeError(f"{name} is a class: give an object of it, such as {name}()")
    if model := predicting(agent, name=name) or runnable(agent, name=name):
        return model
    if callable(agent):
        return agent  # type: ignore[no-any-return]
    if callable(getattr(agent, "invoke", None)):
        raise AgentTypeError(f"{name} is to be invoked: wrap it, as in `lambda messages: {name}.invoke(messages)`")
    shown = cut(repr(agent), 60)
    raise AgentTypeError(
        f"{shown} is no agent: give a function of `messages` or `input`, 'module:name', a URL, or an MLflow model"
    )
