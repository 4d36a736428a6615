"""The goal of a recorded session: from the user's opening words, before anything was corrected."""

import re

from convsim_nb.demo.rules.goals import opens_with_verb
from convsim_nb.demo.rules.lexicon import Lexicon
from convsim_nb.demo.rules.transcript import Said, Transcript
from convsim_nb.demo.rules.voice import lowered, raised, third_person
from convsim_nb.demo.rules.words import count_words, sentences, stems
from convsim_nb.engine.distill import Sourced

_LONGEST = 38
"""Words in a goal: what is longer is cut at its clauses."""
_EARLY = 2
"""Messages with matter in them, in which the wish is looked for."""


def goal_of(talk: Transcript) -> Sourced:
    """What the user wanted, in one sentence, with the words that it was read from."""
    said, wish = _opening(talk)
    goal = _neutral(wish, talk)
    return Sourced(text=goal, message=said.n, quote=wish)


def _opening(talk: Transcript) -> tuple[Said, str]:
    """The first sentence of the user's that wants something, and its message."""
    told = [said for said in talk.user if said.n < talk.first_correction] or list(talk.user[:1])
    if not told:
        first = talk.messages[0]
        return first, first.text
    wishes = [(said, wish) for said in told if (wish := _wish(said, talk.lexicon, talk.language))]
    if not wishes:
        return told[0], _first_line(told[0].text)
    plain = [found for found in wishes[:_EARLY] if _wanting(found[1], talk.lexicon, talk.language) > 0]
    return plain[0] if plain else wishes[0]


def _wish(said: Said, known: Lexicon, language: str) -> str:
    """The sentence of a message that says best what is wanted."""
    told = [text for text in sentences(said.text) if not empty(text, known, language)]
    if not told:
        return ""
    # "When does it come?" says less than the sentence before it.
    full = [text for text in told if len(stems(text, language)) > 1] or told
    return max(full, key=lambda text: (_wanting(text, known, language), -told.index(text)))


def _wanting(text: str, known: Lexicon, language: str) -> int:
    """How plainly a sentence says what is wanted: 3 in so many words, 2 as a question, 1 with a cue, 0 not at all."""
    plain = text.replace("’", "'")
    if len(stems(plain, language)) < 1:
        return 0
    if known.has("user.wanting", plain):
        return 3
    if _asks(text, known):
        return 2
    return int(known.has("user.request", plain) or opens_with_verb(lowered(text), known))


def _asks(text: str, known: Lexicon) -> bool:
    """Whether it is a question, also where nobody typed the mark."""
    return text.endswith(("?", "？")) or known.has("user.question", text.replace("’", "'"))


def _marked(text: str, language: str) -> str:
    """A question with its mark."""
    return text if text.endswith(("?", "？")) else f"{text.rstrip(' .')}{'？' if language == 'zh' else '?'}"


def empty(text: str, known: Lexicon, language: str) -> bool:
    """Greets, thanks, asks for help at large, or claims to be an instruction: names no matter."""
    plain = text.replace("’", "'")
    if known.has("shapes.instruct", plain):
        return True
    left = plain
    for name in ("user.greeting", "user.vague"):
        if pattern := known.patterns.get(name):
            left = pattern.sub(" ", left)
    return not stems(left, language)


def _first_line(text: str) -> str:
    return next(iter(sentences(text)), text.strip() or "?")


def _neutral(wish: str, talk: Transcript) -> str:
    """The wish without greeting, courtesies and "I want": "Book a table for two"."""
    known = talk.lexicon
    text = known.cut("tail", known.cut("lead", " ".join(wish.replace("’", "'").split())))
    asked = known.has("user.asking", text) or text == wish.strip()
    if _asks(text, known) and (asked or known.has("user.question", text)):
        return known.case["find_out"].format(question=raised(_marked(text, talk.language)))
    text = _shortened(text, talk.language)
    return raised(third_person(text.strip(" ,;:，？?。.!！"), talk.language)) + known.case["stop"]


def _shortened(text: str, language: str) -> str:
    if count_words(text) <= _LONGEST:
        return text
    clauses = re.split(r"(?<=[,;，；])", text)
    kept = ""
    for clause in clauses:
        if kept and count_words(kept + clause) > _LONGEST:
            break
        kept += clause
    return kept if count_words(kept) <= _LONGEST or language == "zh" else " ".join(kept.split()[:_LONGEST])
