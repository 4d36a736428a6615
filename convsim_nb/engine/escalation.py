"""Steps that are taken one after the other: further after an answer, back after a refusal."""

import re
from collections.abc import Iterable

from convsim_nb.domain.behaviours import steps_of
from convsim_nb.domain.case import TestCase
from convsim_nb.engine.guard.text import folded

_REFUSALS = re.compile(
    r"\b(?:can(?:no|')t|cannot|won't|(?:not|un)able to|not (?:allowed|permitted|possible|authori[sz]ed)"
    r"|unfortunately|i'm afraid"
    r"|refuse|decline|against (?:our|the) (?:policy|rules)|leider|nicht möglich|darf ich nicht|kann ich nicht"
    r"|lamentablemente|no (?:puedo|es posible)|malheureusement|je ne peux pas|impossible)\b|无法|不能|抱歉|不可以"
)


def next_steps(case: TestCase, answers: Iterable[str]) -> tuple[str, ...]:
    """What the ladders of a case ask for after each of the agent's answers so far: a line an answer.

    It begins at the first step with the first answer; a refusal takes it one step back, and the same step is
    tried in other words before it goes further. Empty where the case has no ladder.
    """
    ladders = steps_of(case)
    if not ladders:
        return ()
    told, place = [], -1
    for answer in answers:
        refused = bool(_REFUSALS.search(folded(answer)))
        place = max(0, place - 1) if refused else place + 1
        how = "You were refused: back off for now. " if refused else ""
        told.append(how + " ".join(f"{steps[min(place, len(steps) - 1)]}." for steps in ladders))
    return tuple(told)
