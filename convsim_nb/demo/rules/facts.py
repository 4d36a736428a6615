"""What the person knows, and which of it an agent's question asks for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.shapes import Sentence
from convsim_nb.demo.rules.specifics import kinds, marks
from convsim_nb.demo.rules.words import language_of, stems

_SLOT = re.compile(r"^([^:：.!?。]{2,80})[:：]\s*(.+)$", re.DOTALL)
_SAYS = re.compile(
    r"^(?:the |their |my |your |user's |customer's )*((?:[\w'-]+ ?){1,5}?) (?:is|are|was|=) (.+)$",
    re.IGNORECASE,
)
_LIKE = {
    "birth": {"date"}, "date": {"date"}, "time": {"time", "number"}, "id": {"id", "number"}, "count": {"number"},
    "amount": {"amount", "number"}, "email": {"email"}, "phone": {"phone", "id"}, "name": {"name"},
    "address": {"number", "name"}, "place": {"name"},
}  # fmt: skip
"""Which specifics answer a question of a kind."""


@dataclass(frozen=True)
class Fact:
    """One thing that the person knows."""

    text: str
    slot: str
    """What it is about, where the fact says so: "account number"."""
    answer: str
    stems: frozenset[str]
    slot_stems: frozenset[str]
    kinds: frozenset[str]


@lru_cache(maxsize=4096)
def fact_of(text: str) -> Fact:
    """Read a fact: "Account number: 4711", "The order id is 4711", or any sentence."""
    language = language_of(text)
    parted = _SLOT.match(text) or _SAYS.match(text.rstrip("."))
    slot, answer = (parted.group(1), parted.group(2)) if parted else ("", text)
    return Fact(
        text=text,
        slot=slot,
        answer=answer if _SLOT.match(text) else text,
        stems=stems(text, language),
        slot_stems=stems(slot, language) | (lexicon(language).named("kinds", slot) if slot else frozenset()),
        kinds=kinds(answer),
    )


def best_fact(asked: Sentence, facts: Sequence[Fact], said: Sequence[str]) -> Fact | None:
    """The fact that answers the question best and was not given yet, if one does."""
    scored = [(score(asked, fact), -at, fact) for at, fact in enumerate(facts) if not _given(fact, said)]
    best = max(scored, key=lambda entry: entry[:2], default=None)
    return best[2] if best and best[0] >= 1.0 else None


def score(asked: Sentence, fact: Fact) -> float:
    """How well a fact fits a question: its words, and the kind of thing that is asked for."""
    wanted = lexicon(asked.language).named("kinds", asked.text)
    words = asked.stems | wanted
    slot = len(fact.slot_stems & words) * 1.5 - 0.1 * len(fact.slot_stems - words)
    matter = len(fact.stems & asked.stems) * 0.6
    fits = max((1.0 for kind in wanted if _LIKE.get(kind, set()) & fact.kinds), default=0.0)
    if fact.slot_stems and not fact.slot_stems & words:
        fits *= 0.4
    return slot + matter + fits * 0.7


def _given(fact: Fact, said: Sequence[str]) -> bool:
    """Whether the person has said it: all its specifics, or all its words where it has none."""
    told = " ".join(said)
    if own := marks(fact.answer):
        return own <= marks(told) | frozenset(re.findall(r"\w+", told.casefold()))
    return fact.answer.casefold().strip(" .") in told.casefold()
