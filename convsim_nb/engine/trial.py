"""One conversation to be played."""

from typing import NamedTuple

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Origin


class Trial(NamedTuple):
    """One trial of one case against an agent, in one attempt."""

    key: str
    case: TestCase
    agent: str
    trial: int
    attempt: int
    session_id: str
    origin: Origin | None = None
