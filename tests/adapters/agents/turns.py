"""Turns to be answered, and agents asked for them."""

from typing import Any

from convsim_nb.adapters.agents import as_agent
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.session import Message
from convsim_nb.engine.ports import AgentReply, AgentTurn

HELLO = Message(role="user", content="hello", source="simulated")


def turn(
    *messages: Message, context: dict[str, Any] | None = None, delta=lambda _: None, again=lambda _: None
) -> AgentTurn:
    """A turn of session `sim-1`; the user says hello where nothing else is said."""
    case = TestCase(goal="get an answer", context=context or {})
    return AgentTurn(
        messages=messages or (HELLO,), case=case, key="k", trial=1, turn=1, session_id="sim-1", delta=delta, again=again
    )


async def ask(agent: Any, *messages: Message, context: dict[str, Any] | None = None, **settings: Any) -> AgentReply:
    """The agent's reply to one turn."""
    return await as_agent(agent, **settings)(turn(*messages, context=context))
