"""What the user of a recorded session knew and gave: answers to questions, and specifics of their own accord."""

import re
from collections.abc import Iterator, Sequence

from convsim_nb.demo.rules.lexicon import Lexicon
from convsim_nb.demo.rules.shapes import Sentence
from convsim_nb.demo.rules.specifics import marks, specifics
from convsim_nb.demo.rules.transcript import Said, Transcript
from convsim_nb.demo.rules.voice import raised, third_person
from convsim_nb.demo.rules.wishes import empty
from convsim_nb.demo.rules.words import count_words, sentences, stems, words
from convsim_nb.engine.distill import Sourced, WithheldReply

_SHORT = 8
"""Words up to which an answer makes no sense without its question."""
_YES_OR_NO = 2
_MOST = 14
_LONG_FACT = 40
_SLOT_LENGTH = 10


def facts_of(talk: Transcript, *, goal: Sourced, withheld: Sequence[WithheldReply]) -> list[Sourced]:
    """The facts in the order they were given, each once; none that the goal or a withheld fact holds."""
    taken = {entry.message for entry in withheld}
    told = (fact for said in talk.user if said.n not in taken for fact in _facts_in(said, talk))
    found: dict[str, Sourced] = {}
    for fact in told:
        if fact.quote.casefold() != goal.quote.casefold() and not _in_goal(fact, goal):
            found.setdefault(fact.text.casefold(), fact)
    return [fact for fact in found.values() if not _gives_away(fact, withheld, goal, talk.language)][:_MOST]


def _gives_away(fact: Sourced, withheld: Sequence[WithheldReply], goal: Sourced, language: str) -> bool:
    """Whether a fact says again what is to be withheld: one of its specifics, or most of its words."""
    free = marks(goal.text)
    own = stems(fact.text, language)
    later = [entry for entry in withheld if entry.message < fact.message]
    hidden = [(marks(entry.fact) - free, stems(entry.fact, language)) for entry in later]
    return any(marks(fact.text) & secret or len(own & words) * 2 > len(words) for secret, words in hidden)


def _in_goal(fact: Sourced, goal: Sourced) -> bool:
    own = marks(fact.quote)
    return bool(own) and own <= marks(goal.text) and count_words(fact.quote) <= _SHORT


def _facts_in(said: Said, talk: Transcript) -> Iterator[Sourced]:
    asked = talk.asked_before(said)
    if asked and (_accepts(said, talk) or _picks(said, talk)):
        return
    told = [text for text in sentences(said.text) if not _idle(text, talk)]
    if asked and (slot := slot_of(asked, talk)) and count_words(said.text) <= _SHORT:
        yield from _answer(said, slot, talk)
        return
    for text in told:
        if _tells(text, talk):
            yield Sourced(text=_statement(text, talk), message=said.n, quote=text)


def _accepts(said: Said, talk: Transcript) -> bool:
    """Whether the user only agrees to what the agent proposed."""
    before, plain = talk.before(said), said.text.replace("’", "'")
    if before is None or not talk.asked_before(said)[-1].offers or not talk.lexicon.has("user.yes", plain):
        return False
    return not stems(plain, talk.language) - stems(before.text, talk.language)


def _picks(said: Said, talk: Transcript) -> bool:
    """Whether the user takes one of the things that the agent has just named, by an id that was not theirs."""
    before = talk.before(said)
    ids = {value for kind, value in specifics(said.text) if kind == "id"}
    own = " ".join(other.text for other in talk.user if other.n < said.n)
    return before is not None and any(value in before.text and value not in own for value in ids)


def _idle(text: str, talk: Transcript) -> bool:
    return empty(text, talk.lexicon, talk.language) and not specifics(text)


def _answer(said: Said, slot: str, talk: Transcript) -> Iterator[Sourced]:
    """A short answer, with what it answers: "Account number: 4711"."""
    known = talk.lexicon
    plain = said.text.replace("’", "'")
    yes, no = known.has("user.yes", plain), known.has("user.no", plain)
    if (yes or no) and count_words(plain) <= _YES_OR_NO and not specifics(plain):
        if not talk.asked_before(said)[-1].offers:
            yield _filled(talk, slot, known.case["yes" if yes else "no"], said)
        return
    if (known.has("user.thanks", plain) or plain.endswith(("?", "？"))) and not any(map(str.isdigit, plain)):
        return
    yield _filled(talk, slot, third_person(_answer_alone(said.text.strip(), talk), talk.language), said)


def _answer_alone(text: str, talk: Transcript) -> str:
    return talk.lexicon.cut("prelude", " ".join(text.split())).rstrip(".。")


def _filled(talk: Transcript, slot: str, answer: str, said: Said) -> Sourced:
    named = slot in answer if talk.language == "zh" else {*words(slot.casefold())} <= {*words(answer.casefold())}
    if named:
        return Sourced(text=raised(answer) + talk.lexicon.case["stop"], message=said.n, quote=said.text.strip())
    return Sourced(
        text=talk.lexicon.case["fact_qa"].format(slot=raised(slot), answer=answer),
        message=said.n,
        quote=said.text.strip(),
    )


def slot_of(asked: Sequence[Sentence], talk: Transcript) -> str:
    """What was asked for, in a few words of the question."""
    known = talk.lexicon
    for sentence in reversed(asked):
        plain = sentence.text.replace("’", "'")
        for pattern in known.slots:
            if found := pattern.search(plain):
                return " ".join(found.group(1).split()[:6]).strip(" ,.?？")
    last = asked[-1]
    if last.language == "zh":
        return _without_particles(last.text, known)
    kept = [
        word
        for word in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", last.text)
        if stems(word, last.language) and word.islower()
    ]
    return " ".join(kept[:4])


def _tells(text: str, talk: Transcript) -> bool:
    """Whether a sentence of the user's states something worth knowing."""
    if text.rstrip().endswith(("?", "？")) or count_words(text) > _LONG_FACT:
        return False
    if talk.lexicon.has("user.thanks", text) and not any(char.isdigit() for char in text):
        return False
    return bool(specifics(text)) or (
        talk.lexicon.has("user.states", text.replace("’", "'")) and len(stems(text, talk.language)) > 1
    )


def _statement(text: str, talk: Transcript) -> str:
    return raised(third_person(_answer_alone(text, talk), talk.language)) + talk.lexicon.case["stop"]


def _without_particles(text: str, known: Lexicon) -> str:
    """A Chinese question without its particles and marks: what it is about."""
    for word in sorted(known.function_words, key=len, reverse=True):
        text = text.replace(word, "")
    return re.sub(r"[^一-鿿]+", "", text)[:_SLOT_LENGTH]
