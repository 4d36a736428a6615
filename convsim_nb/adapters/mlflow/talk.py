"""A talk with an agent, written to MLflow as it goes: a trace a turn, of no run."""

from collections import deque
from time import sleep

from convsim_nb.adapters.mlflow.export import Export, export
from convsim_nb.adapters.mlflow.store import Destination, Pin, store_errors
from convsim_nb.adapters.mlflow.tracing import TracedAgent
from convsim_nb.domain.events import AgentRef
from convsim_nb.domain.secrets import known_secrets
from convsim_nb.domain.veil import Veil
from convsim_nb.engine.ports import Agent, AgentReply, AgentTurn


class TalkTraces:
    """Traces the turns of one talk. Nothing of it is open in MLflow between two turns.

    `reach` and `write` go to the store, and block; one thread at a time may call them.
    """

    def __init__(self, pin: Pin, ref: AgentRef) -> None:
        self._pin, self._ref = pin, ref
        self._to: Destination | None = None
        self._unwritten: deque[Export] = deque()

    @property
    def reached(self) -> bool:
        """Whether the store has answered: before that, nothing is traced."""
        return self._to is not None

    def reach(self) -> None:
        """Go to the store.

        Raises:
            NotFoundError: the experiment was deleted.
            StoreError: the store cannot be reached.
        """
        self._to = self._pin.reach()

    async def answer(self, agent: Agent, turn: AgentTurn) -> AgentReply:
        """The agent's reply, its trace left to be written."""
        if self._to is None:
            return await agent(turn)
        way = export(Veil(known_secrets()))
        way.experiment_id = self._to.experiment_id
        name, model = self._ref.name, self._ref.model_id
        try:
            return await TracedAgent(agent, export=way, name=name, run_id="", model_id=model, told=_told)(turn)
        finally:
            self._unwritten.append(way)

    def write(self) -> None:
        """Write what is not written yet.

        Raises:
            StoreError: the store cannot be written.
        """
        while self._unwritten and self._to is not None:
            way = self._unwritten.popleft()
            try:
                with store_errors(self._pin.tracking_uri):
                    sleep(way.unsettled())
                    while way.write(self._to, run_id="", findings={}, everything=True):
                        pass
            finally:
                way.close()


def _told(turn: AgentTurn) -> tuple[dict[str, str], dict[str, str]]:
    """What the trace says of where it belongs: a session as any other, but that a person spoke on purpose."""
    return {"mlflow.trace.session": turn.session_id, "convsim.said_by": "operator"}, {}
