"""The agent's faults that simulated users came to correct, over all conversations of a run."""

from dataclasses import dataclass

from convsim_nb.domain.conversation import Conversation, Release
from convsim_nb.domain.state import RunState


@dataclass(frozen=True)
class Fault:
    """One fault of the agent: the same withheld fact of the same case, in however many trials."""

    case_id: str
    goal: str
    fact: str
    """What the user had to say to put it right."""
    after: str
    """What the agent was seen to do, as the case describes it; empty where its own words say it better."""
    quotes: tuple[str, ...]
    """The agent's words, each once: what a person reads."""
    numbers: tuple[int, ...]
    """The places of the conversations in the run, from 1."""
    trials: int
    """How many conversations the case had."""


def faults_of(state: RunState) -> list[Fault]:
    """The faults, the most frequent first; forked conversations and assisted ones are left out."""
    found: dict[tuple[str, int], list[tuple[int, Conversation, Release]]] = {}
    for number, conversation in enumerate(state.conversations, start=1):
        if conversation.origin is None and not conversation.assisted:
            for release in conversation.released:
                if release.kind == "correction":
                    place = (conversation.case_id, release.index)
                    found.setdefault(place, []).append((number, conversation, release))
    faults = [_fault(state, case_id, index, seen) for (case_id, index), seen in found.items()]
    return sorted(faults, key=lambda fault: -len(fault.numbers))


def _fault(state: RunState, case_id: str, index: int, seen: list[tuple[int, Conversation, Release]]) -> Fault:
    case = state.cases.get(case_id)
    withheld = case.withheld[index] if case and index < len(case.withheld) else None
    quotes = tuple(dict.fromkeys(release.quote for _, _, release in seen if release.quote))
    by_rules = case is not None and case.source is not None and case.source.is_by_rules
    return Fault(
        case_id=case_id,
        goal=case.goal if case else "",
        fact=seen[0][2].fact,
        after=withheld.after if withheld and not (quotes and by_rules) else "",
        quotes=quotes,
        numbers=tuple(number for number, _, _ in seen),
        trials=sum(each.case_id == case_id and each.origin is None for each in state.conversations),
    )
