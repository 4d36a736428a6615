"""Agents under test: any callable, MLflow model, or OpenAI-compatible endpoint, behind the `Agent` port."""

from convsim_nb.adapters.agents.as_agent import as_agent, check_context
from convsim_nb.adapters.agents.recorded import RecordedAgent
from convsim_nb.adapters.agents.refs import agent_ref
from convsim_nb.adapters.agents.replaying import ReplayingAgent
from convsim_nb.adapters.agents.serving import serving_agent

__all__ = ["RecordedAgent", "ReplayingAgent", "agent_ref", "as_agent", "check_context", "serving_agent"]
