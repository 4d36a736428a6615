"""How the user of a recorded session wrote and went about it, measured."""

from collections.abc import Sequence

from convsim_nb.demo.rules.transcript import Transcript
from convsim_nb.demo.rules.words import count_words
from convsim_nb.engine.distill import Sourced, WithheldReply

_CASED = 12
"""Letters that have two cases, from which their case says something."""
_SHORT, _LONG = 7, 25
"""Words a message: up to the one short, from the other on long."""


def persona_of(talk: Transcript) -> Sourced | None:
    """A sentence on the user's style; none where the user wrote nothing."""
    if not talk.user:
        return None
    case = talk.lexicon.case
    style = case["join"].join(case[f"style.{name}"] for name in traits(talk))
    style += case["style.language"].format(language=case["name"]) if talk.language != "xx" else ""
    longest = max(talk.user, key=lambda said: count_words(said.text))
    return Sourced(
        text=case["persona"].format(style=style.strip()), message=longest.n, quote=longest.text[:160].rsplit(" ", 1)[0]
    )


def traits(talk: Transcript) -> list[str]:
    """The names under `style` in the lexicon that fit the user's messages."""
    texts = [said.text for said in talk.user]
    joined = " ".join(texts)
    cased = sum(char.lower() != char.upper() for char in joined) > _CASED
    mean = sum(count_words(text) for text in texts) / len(texts)
    share = {
        name: sum(talk.lexicon.has(f"user.{name}", text) for text in texts) / len(texts) for name in ("polite", "upset")
    }
    return [
        "short" if mean <= _SHORT else "long" if mean >= _LONG else "medium",
        *(["lower"] if cased and joined == joined.lower() else []),
        *(["upper"] if cased and joined == joined.upper() else []),
        *(["bare"] if sum(text.rstrip()[-1:] in ".!?。！？" for text in texts) * 3 < len(texts) else []),
        *(["exclaims"] if sum("!" in text or "！" in text for text in texts) * 2 > len(texts) else []),
        "polite" if share["polite"] >= 1 / 3 else "plain",
        *(["upset"] if share["upset"] >= 1 / 4 else []),
        *(["asks"] if sum("?" in text or "？" in text for text in texts) * 2 > len(texts) else []),
    ]


def guidelines_of(talk: Transcript, *, facts: Sequence[Sourced], withheld: Sequence[WithheldReply]) -> list[Sourced]:
    """How the user went about it, where it can be counted."""
    case = talk.lexicon.case
    answers = [fact for fact in facts if talk.asked_before(talk.messages[fact.message - talk.messages[0].n])]
    found = []
    if len({fact.message for fact in answers}) > 1:
        found.append(Sourced(text=case["one_at_a_time"], message=answers[0].message, quote=answers[0].quote))
    changed = [entry for entry in withheld if entry.kind == "afterthought"]
    if changed:
        found.append(Sourced(text=case["changed"], message=changed[0].message, quote=changed[0].quote))
    return found
