"""The rule-based distiller: a recorded session to its test cases."""

from collections.abc import Mapping, Sequence
from typing import Any

from convsim_nb.demo.rules.learning import facts_of
from convsim_nb.demo.rules.manner import guidelines_of, persona_of
from convsim_nb.demo.rules.objections import expectations_of, withheld_of
from convsim_nb.demo.rules.splitting import ranges
from convsim_nb.demo.rules.transcript import Transcript, transcript_of
from convsim_nb.demo.rules.wishes import goal_of
from convsim_nb.engine.distill import CaseReply, DistillReply


def distil(said: Sequence[Mapping[str, Any]]) -> DistillReply:
    """The cases of the session in the request's first data message.

    One case for all of it where one is wanted, or where a reply with several was not accepted.
    """
    session = said[0]
    talk = transcript_of(session["messages"])
    refused = any("not_accepted" in entry for entry in said)
    whole = [(talk.messages[0].n, talk.messages[-1].n)]
    found = whole if refused or "cases_wanted" in session else ranges(talk)
    return DistillReply(cases=[_case(talk.part(first, last)) for first, last in found])


def _case(talk: Transcript) -> CaseReply:
    goal = goal_of(talk)
    withheld = withheld_of(talk)
    facts = facts_of(talk, goal=goal, withheld=withheld)
    return CaseReply(
        first=talk.messages[0].n,
        last=talk.messages[-1].n,
        goal=goal,
        persona=persona_of(talk),
        guidelines=guidelines_of(talk, facts=facts, withheld=withheld),
        facts=facts,
        withheld=withheld,
        expectations=expectations_of(talk, withheld=withheld),
    )
