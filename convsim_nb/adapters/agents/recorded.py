"""The agent of recorded sessions, which says again what it said then."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from convsim_nb.adapters.agents.callable_agent import CallableAgent
from convsim_nb.domain.errors import AgentTypeError, UsageError
from convsim_nb.domain.session import Message, Session
from convsim_nb.engine.guard.text import language_of, pairs, telling
from convsim_nb.engine.ports import AgentReply, AgentTurn

_AHEAD = 2
"""How many recorded turns may be passed over for one that fits better: people say things in another order."""


class RecordedAgent(CallableAgent):
    """Plays a case against the replies that were recorded in the session it came from.

    In their order, but that of the next few it gives the one that answered words most like the user's own. Where
    the recording is at its end it says nothing, and the conversation ends as `agent_silent`.
    """

    def __init__(self, sessions: Iterable[Session], *, name: str = "recorded") -> None:
        super().__init__(_nothing, name=name)
        self._sessions = {session.id: session for session in sessions}

    def check(self, cases: Iterable[Any]) -> None:
        """See that every case's session is there.

        Raises:
            AgentTypeError: a case does not say where it came from.
            UsageError: its session is not among those given.
        """
        for case in cases:
            if case.source is None:
                raise AgentTypeError(f"case {case.case_id!r} has no source: {self.name} plays recorded sessions only")
            if case.source.session_id not in self._sessions:
                raise UsageError(
                    f"session {case.source.session_id!r} of case {case.case_id!r} is not among the sessions"
                )

    async def __call__(self, turn: AgentTurn, /) -> AgentReply:
        """The recorded reply that comes next."""
        source = turn.case.source
        if source is None:
            raise AgentTypeError(f"case {turn.case.case_id!r} has no source: {self.name} plays recorded sessions only")
        recorded = exchanges(self._sessions[source.session_id].messages[source.first : source.last + 1])
        place = 0
        said = [message.content for message in turn.messages if message.role == "user"]
        for count, text in enumerate(said, start=1):
            place = _fitting(text, recorded, place)
            if count < len(said):
                place += 1
        return AgentReply(recorded[place][1] if place < len(recorded) else "", tells_calls=False)


def exchanges(messages: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    """What the user said and what the agent answered, turn by turn; several messages of one side are one."""
    found: list[tuple[list[str], list[str]]] = []
    for message in messages:
        if message.role == "user" and (not found or found[-1][1]):
            found.append(([], []))
        if found:
            found[-1][0 if message.role == "user" else 1].append(message.content)
    return tuple(("\n".join(user), "\n".join(agent)) for user, agent in found if agent)


def _fitting(text: str, recorded: Sequence[tuple[str, str]], place: int) -> int:
    """The place of the recorded turn that the text fits best, from `place` on."""
    told = _matter(text)
    near = range(place, min(place + _AHEAD + 1, len(recorded)))
    return max(near, key=lambda n: (_alike(told, _matter(recorded[n][0])), -n), default=place)


def _matter(text: str) -> frozenset[str]:
    return telling(text, language_of(text)) | pairs(text)


def _alike(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def _nothing(messages: list[Mapping[str, Any]]) -> str:
    """In the place of a function: the agent answers turns itself."""
    return "" if messages else " "
