"""From what the user names as an agent to the `Agent` port, checked against the test cases."""

import importlib
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any, Literal

from convsim_nb.adapters.agents import ReplayingAgent, agent_ref, as_agent, check_context, serving_agent
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentTypeError
from convsim_nb.domain.events import AgentRef
from convsim_nb.domain.secrets import masked, tell_address
from convsim_nb.engine.ports import Agent
from convsim_nb.workflow.models import databricks_endpoints, key_for

_NAMES = "'module:name', 'http://host/v1#model', 'models:/name@alias', or 'endpoints:/name'"


def resolve_agent(
    agent: Any,
    *,
    cases: Iterable[TestCase] = (),
    name: str | None = None,
    agent_history: Literal["full", "text"] = "full",
    agent_threads: bool = False,
    timeout: float = 300.0,
    retries: int | None = None,
    stateful: bool = False,
) -> tuple[Agent, AgentRef]:
    """The agent behind the port, and what a run keeps of it. A stateful one is told given history again.

    Raises:
        AgentTypeError: it is not an agent that we can call, or does not take what a case's context holds.
        CaseError: a case's context has a key that is not the case's to give.
        ModelNameError: an endpoint's workspace or key is not in the environment.
        NotFoundError: no such model in MLflow.
        StoreError: a model cannot be loaded.
    """
    found, api_key = agent, None
    if isinstance(agent, str):
        found, api_key, own_name = _named(agent.strip())
        name = name or own_name
    adapted = as_agent(
        found,
        name=name,
        agent_history=agent_history,
        agent_threads=agent_threads,
        timeout=timeout,
        retries=retries,
        api_key=api_key,
    )
    check_context(adapted, cases)
    return ReplayingAgent(adapted) if stateful else adapted, agent_ref(found, name=adapted.name)


def _named(agent: str) -> tuple[Any, str | None, str | None]:
    """The agent of a name, the key that it wants, and the name that it goes by where it has none of its own."""
    if agent.startswith(("http://", "https://")):
        tell_address(agent)
        return agent, key_for(agent.partition("#")[0]), None
    scheme, separator, rest = agent.partition(":/")
    if separator and scheme in ("models", "runs"):
        return _load_model(agent), None, rest.strip("/")
    if separator and scheme in ("endpoints", "databricks"):
        name = rest.strip("/")
        base_url, token = databricks_endpoints(agent)
        return serving_agent(name, host=base_url.removesuffix("/serving-endpoints"), token=token), None, name
    module, colon, path = agent.partition(":")
    if not colon or separator or not path:
        raise AgentTypeError(f"agent {agent!r} is no name that we know: give {_NAMES}")
    return _imported(module, path, agent=agent), None, None


def _load_model(uri: str) -> Any:
    """A model out of MLflow: code that somebody logged, which runs with the rights of who loads it."""
    from convsim_nb.adapters.mlflow.models import load_model

    if uri not in _said:
        _said.add(uri)
        sys.stderr.write(f"convsim: {masked(uri)} is loaded, which runs the code that was logged with it\n")
    return load_model(uri)


_said: set[str] = set()
"""Models of which it was said, once a process."""


def _imported(module: str, path: str, *, agent: str) -> Any:
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever the user's module raises
        raise AgentTypeError(f"agent {agent!r}: {_import_error(module, error)}") from error
    for part in path.split("."):
        if not hasattr(found, part):
            close = get_close_matches(part, [name for name in dir(found) if not name.startswith("_")], n=1)
            meant = f": did you mean {close[0]}?" if close else ""
            raise AgentTypeError(f"agent {agent!r}: {module} has no {path}{meant}")
        found = getattr(found, part)
    return found


def _import_error(module: str, error: Exception) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and module.startswith(error.name):
        return f"there is no module {error.name}: run it from the folder that holds it, or install it"
    return f"importing {module} failed: {type(error).__name__}: {error}"
