"""The rule-based distiller: a recorded session to its goals, and a goal to its test case."""

from collections.abc import Mapping, Sequence
from typing import Any

from convsim_nb.demo.rules.learning import facts_of
from convsim_nb.demo.rules.manner import guidelines_of, persona_of
from convsim_nb.demo.rules.objections import expectations_of, withheld_of
from convsim_nb.demo.rules.splitting import openings_of
from convsim_nb.demo.rules.transcript import transcript_of
from convsim_nb.demo.rules.wishes import goal_of
from convsim_nb.engine.distill import DistillReply
from convsim_nb.engine.split import Opening, SplitReply


def distil(said: Sequence[Mapping[str, Any]]) -> DistillReply:
    """The case of the messages in the request's first data message."""
    talk = transcript_of(said[0]["messages"])
    goal = goal_of(talk)
    withheld = withheld_of(talk)
    facts = facts_of(talk, goal=goal, withheld=withheld)
    return DistillReply(
        goal=goal,
        persona=persona_of(talk),
        guidelines=guidelines_of(talk, facts=facts, withheld=withheld),
        facts=facts,
        withheld=withheld,
        expectations=expectations_of(talk, withheld=withheld),
    )


def divide(said: Sequence[Mapping[str, Any]]) -> SplitReply:
    """The goals of the session in the request's first data message; one, where several were not accepted."""
    talk = transcript_of(said[0]["messages"])
    refused = any("not_accepted" in entry for entry in said)
    openings = talk.user[:1] if refused else openings_of(talk)
    goals = [Opening(wants=said.text[:60], first=said.n, quote=said.text) for said in openings]
    return SplitReply(goals=goals or [Opening(first=talk.messages[0].n)])
