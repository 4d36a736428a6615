"""The rule-based distiller: a recorded session to its goals, and a goal to its test case."""

from collections.abc import Mapping, Sequence
from typing import Any

from convsim_nb.demo.rules.learning import facts_of
from convsim_nb.demo.rules.manner import guidelines_of, persona_of
from convsim_nb.demo.rules.objections import expectations_of, withheld_of
from convsim_nb.demo.rules.splitting import openings_of
from convsim_nb.demo.rules.transcript import Transcript, transcript_of
from convsim_nb.demo.rules.wishes import goal_of
from convsim_nb.engine.distill import DistillReply, Sourced
from convsim_nb.engine.split import Opening, SplitReply


def distil(said: Sequence[Mapping[str, Any]]) -> DistillReply:
    """The case of the messages in the request's first data message, without what was not accepted."""
    talk = transcript_of(said[0]["messages"])
    reply = _case(talk)
    refused = [entry["not_accepted"] for entry in said if "not_accepted" in entry]
    return _mended(reply, talk, refused=" ".join(refused)) if refused else reply


def _case(talk: Transcript) -> DistillReply:
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


def _mended(reply: DistillReply, talk: Transcript, *, refused: str) -> DistillReply:
    """The reply without the fields that the reasons name; who withheld what they had said before insists on it."""
    insists = [
        Sourced(text=talk.lexicon.case["insists"], message=entry.message, quote=entry.quote)
        for n, entry in enumerate(reply.withheld)
        if f"withheld[{n}].fact:" in refused
    ]
    opening = talk.user[0]
    first = goal_of(Transcript((opening,)))
    return reply.model_copy(
        update={
            "goal": first if "goal:" in refused else reply.goal,
            "guidelines": [*reply.guidelines, *insists[:1]],
            "facts": [fact for n, fact in enumerate(reply.facts) if f"facts[{n}]:" not in refused],
            "withheld": [entry for n, entry in enumerate(reply.withheld) if f"withheld[{n}]." not in refused],
            "expectations": reply.expectations if not insists else [],
        }
    )


def divide(said: Sequence[Mapping[str, Any]]) -> SplitReply:
    """The goals of the session in the request's first data message; one, where several were not accepted."""
    talk = transcript_of(said[0]["messages"])
    refused = any("not_accepted" in entry for entry in said)
    openings = talk.user[:1] if refused else openings_of(talk)
    goals = [Opening(wants=said.text[:60], first=said.n, quote=said.text) for said in openings]
    return SplitReply(goals=goals or [Opening(first=talk.messages[0].n)])
