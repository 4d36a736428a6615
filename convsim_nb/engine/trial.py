"""One conversation to be played."""

import uuid
from typing import NamedTuple

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Origin
from convsim_nb.engine.ports import Agent


class Known(NamedTuple):
    """A withheld fact that was released before the conversation goes on."""

    place: int
    """Where it stands in the case, from 0."""
    said: int
    """How many messages had been said by then."""
    quote: str


class Trial(NamedTuple):
    """One trial of one case against an agent, in one attempt."""

    key: str
    case: TestCase
    agent: str
    trial: int
    attempt: int
    session_id: str
    origin: Origin | None = None
    known: tuple[Known, ...] = ()
    opening: str | None = None
    """What a person says first, in the simulated user's place."""
    played_by: Agent | None = None
    """Another agent than the run's."""


def new_session_id() -> str:
    """MLflow's session of an attempt, recognised as simulated by its beginning."""
    return f"sim-{uuid.uuid4().hex[:16]}"
