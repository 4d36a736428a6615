"""Agents that keep a memory of their own: what was said before their first turn is said to them again."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from convsim_nb.adapters.agents.callable_agent import CallableAgent
from convsim_nb.domain.errors import AgentError, AgentTypeError
from convsim_nb.domain.session import Message
from convsim_nb.engine.ports import AgentReply, AgentTurn


class ReplayingAgent:
    """A stateful agent, known by its sessions.

    Before the first turn of a conversation that begins with given history, as a fork does, the agent is asked
    again wherever it had answered, in the same session; what it says then is not kept, for what was said stands.
    """

    def __init__(self, agent: CallableAgent) -> None:
        """Take an agent.

        Raises:
            AgentTypeError: it cannot tell one conversation from another.
        """
        if not agent.takes_session:
            raise AgentTypeError(
                f"stateful=True: agent {agent.name} takes no mlflow_session_id, and conversations that play side by "
                f"side would share one memory: give it that parameter"
            )
        self.agent = agent

    @property
    def warning(self) -> str | None:
        """What the user should know of how it behaved."""
        return self.agent.warning

    @property
    def left_behind(self) -> tuple[str, ...]:
        """The calls that never returned."""
        return self.agent.left_behind

    async def __call__(self, turn: AgentTurn, /) -> AgentReply:
        """The agent's reply; the time is that of this turn alone.

        Raises:
            AgentError: it failed, now or while it was told what had been said.
        """
        if turn.turn == 1:
            await self._catch_up(turn)
        start, since = time.monotonic(), time.time_ns()
        reply = await self.agent(turn)
        refs = {**reply.refs, "since": since}
        return replace(reply, refs=refs, seconds=reply.seconds or time.monotonic() - start)

    async def _catch_up(self, turn: AgentTurn) -> None:
        for place in _answered(turn.messages):
            try:
                await self.agent(replace(turn, turn=0, messages=turn.messages[: place + 1], delta=lambda _: None))
            except AgentError as error:
                said = f"when it was told again what had been said, at message {place + 1}: {error}"
                raise type(error)(said, refs=error.refs) from error


def _answered(messages: tuple[Message, ...]) -> Iterator[int]:
    """The places of the user's messages that the agent had answered."""
    for place, (message, following) in enumerate(pairwise(messages)):
        if message.role == "user" and following.role == "assistant":
            yield place
