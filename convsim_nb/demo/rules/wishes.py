"""The goal of a recorded session: from the user's opening words, before anything was corrected."""

import re
from collections.abc import Sequence

from convsim_nb.demo.rules.lexicon import Lexicon
from convsim_nb.demo.rules.transcript import Said, Transcript
from convsim_nb.demo.rules.voice import raised, third_person
from convsim_nb.demo.rules.words import count_words, sentences, stems
from convsim_nb.engine.distill import Sourced

_LONGEST = 38
"""Words in a goal: what is longer is cut at its clauses."""


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
    for said in told:
        if wish := _wish(said, talk.lexicon, talk.language):
            return said, wish
    return told[0], _first_line(told[0].text)


def _wish(said: Said, known: Lexicon, language: str) -> str:
    """The sentence of a message that says best what is wanted."""
    told = [text for text in sentences(said.text) if not empty(text, known, language)]
    if not told:
        return ""
    asking = [text for text in told if known.has("user.request", text) or text.endswith(("?", "？"))]
    return max(asking, key=lambda text: (len(stems(text, language)) > 1, -told.index(text))) if asking else told[0]


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
    text = " ".join(wish.replace("’", "'").split())
    for name in ("user.lead", "user.tail"):
        if pattern := known.patterns.get(name):
            text = _cut(text, pattern)
    text = _shortened(text, talk.language)
    if wish.rstrip().endswith(("?", "？")) and text.rstrip(" ?？") == wish.rstrip(" ?？"):
        return known.case["find_out"].format(question=wish.strip())
    return raised(third_person(text.strip(" ,;:，？?。.!！"), talk.language)) + known.case["stop"]


def _cut(text: str, pattern: re.Pattern[str]) -> str:
    """Take away what the pattern finds, again and again, as long as something is left."""
    while (left := pattern.sub("", text, count=1).strip(" ,;:，-–")) != text and left:
        text = left
    return text


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


def sentences_of(messages: Sequence[Said]) -> list[tuple[Said, str]]:
    """Each sentence with its message."""
    return [(said, text) for said in messages for text in sentences(said.text)]
