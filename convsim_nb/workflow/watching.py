"""An agent whose ways are watched: what it does to the other conversations is said, once."""

from convsim_nb.domain.events import Noticed
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.ports import Agent, AgentReply, AgentTurn


class WatchedAgent:
    """The same agent; what is seen of it after a call is an event. Called on the loop's thread."""

    def __init__(self, agent: Agent, *, of: Agent, emit: Emitter) -> None:
        """`of` is the agent that knows how it behaved: `agent` itself, or what is inside it."""
        self._agent, self._of, self._emit = agent, of, emit
        self._warned, self._left, self._untraced = False, 0, False

    async def __call__(self, turn: AgentTurn, /) -> AgentReply:
        """The agent's reply."""
        try:
            return await self._agent(turn)
        finally:
            self._look()

    def _look(self) -> None:
        why: str | None = getattr(self._agent, "untraced", None)
        if why and not self._untraced:
            self._untraced = True
            self._emit(Noticed(at=self._emit.now, topic="untraced", text=_untraced(why, self._emit.state.run_id)))
        warning: str | None = getattr(self._of, "warning", None)
        if warning and not self._warned:
            self._warned = True
            self._emit(Noticed(at=self._emit.now, topic="agent_blocks", text=warning))
        left: tuple[str, ...] = getattr(self._of, "left_behind", ())
        if len(left) > self._left:
            self._left = len(left)
            self._emit(Noticed(at=self._emit.now, topic="agent_left_behind", text=_left(left)))


def _untraced(why: str, run_id: str) -> str:
    return (
        f"turns have no trace in MLflow, {why}: its scorers and its session view do not see them; "
        f"after the run's end cs.push({run_id!r}) makes them from what was said"
    )


def _left(behind: tuple[str, ...]) -> str:
    if len(behind) == 1:
        return f"a call of the agent never returned and was left behind: {behind[0]}"
    return f"{len(behind)} calls of the agent never returned and were left behind, the last of them: {behind[-1]}"
