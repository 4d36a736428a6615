"""What every message of the simulated user is read for before the agent hears it: without a model.

Hard, so that another message is asked for: `leak` (a withheld fact or an expectation given away), `invention`
(an id, an e-mail address, a phone number from nowhere), `meta` (talk of goal, persona, simulation), `role`
(speaking as the serving side), `echo` (the agent's message said back). Soft, recorded alone: dates, times and
counts from nowhere.
"""

from collections.abc import Callable
from dataclasses import replace

from convsim_nb.domain.case import TestCase
from convsim_nb.engine.guard.echo import echo
from convsim_nb.engine.guard.inventions import doubts, invention
from convsim_nb.engine.guard.known import Known
from convsim_nb.engine.guard.leaks import leak
from convsim_nb.engine.guard.manners import meta, role
from convsim_nb.engine.ports import Finding, Guard, UserView

__all__ = ["HARD", "Guards", "recording"]

Check = Callable[[UserView, str, Known], Finding | None]
HARD: dict[str, Check] = {"leak": leak, "invention": invention, "echo": echo, "meta": meta, "role": role}
"""The guards that stop a message, by name, in the order in which they are asked."""


class Guards:
    """All guards of a run; what a case holds is read once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, frozenset[int]], Known] = {}
        self._cases: dict[int, TestCase] = {}

    def __call__(self, view: UserView, text: str) -> tuple[Finding, ...]:
        """What is to be said against the text: one hard finding at most, else all soft ones."""
        known = self.known(view)
        for check in HARD.values():
            if finding := check(view, text, known):
                return (finding,)
        return tuple(doubts(view, text, known))

    def known(self, view: UserView) -> Known:
        """What the user may know by now."""
        case = view.case
        self._cases.setdefault(id(case), case)  # kept, so that no other case can come to have its id
        place = (id(case), frozenset(n for n, withheld in enumerate(case.withheld) if _is_out(n, withheld, view)))
        if place not in self._known:
            self._known[place] = Known(case, place[1])
        return self._known[place]


def recording(guard: Guard) -> Guard:
    """The same findings, all of them soft: the message is sent."""
    return lambda view, text: tuple(replace(finding, soft=True) for finding in guard(view, text))


def _is_out(_place: int, withheld: object, view: UserView) -> bool:
    return any(withheld == released for _, released in view.released)
