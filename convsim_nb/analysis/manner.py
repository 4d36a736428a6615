"""How one side of a conversation goes about it, in numbers: of a person and of the one who plays them alike."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from convsim_nb.domain.language import UNSPACED, known_words, language_of, words

_NEGATIVE = re.compile(
    r"\b(?:no|not|n't|never|wrong|incorrect|mistake|error|but|wait|actually|sorry|really|disappoint\w*|annoy\w*|ridiculous"
    r"|useless|terrible|unacceptable|already|still|again|why|nein|nicht|falsch|aber|doch|stimmt nicht|ärger\w*|pero"
    r"|equivocad\w*|incorrecto|mal|mais|faux|erreur|pas|toujours pas)\b|n't\b|不|没|错|怎么|但|为什么",
    re.IGNORECASE,
)
_SHORTEST = 3
_SAME = 0.8
"""The share of words from which a message is one that was said before."""


@dataclass(frozen=True)
class Talk:
    """What one side said, in order."""

    said: tuple[str, ...]
    heard: tuple[str, ...] = ()
    """What the other side said, before any of which things count as new."""
    after_faults: tuple[int, ...] = ()
    """The places in `said` of the messages right after a fault of the agent."""
    language: str = ""
    """The language that it should be in; by default its own."""
    ended: bool | None = None
    """Whether this side ended it; None where that is not known."""


def things(text: str) -> frozenset[str]:
    """What a message brings up: its words without the small ones; in unspaced writing pairs of characters."""
    language = language_of(text)
    said = [word.casefold() for word in words(text)]
    if language in UNSPACED:
        return frozenset(a + b for a, b in pairwise(said))
    small = known_words(language).function_words | known_words("en").function_words
    return frozenset(word for word in said if word not in small and (len(word) >= _SHORTEST or word.isdigit()))


def new_things(talk: Talk) -> tuple[frozenset[str], ...]:
    """For each message what it brings up that neither side has brought up before."""
    known: set[str] = set()
    found = []
    for place, text in enumerate(talk.said):
        here = frozenset(things(text) - known)
        found.append(here)
        known |= here
        known |= things(talk.heard[place]) if place < len(talk.heard) else frozenset()
    return tuple(found)


def _first_share(talk: Talk) -> float | None:
    told: list[int] = [len(new) for new in new_things(talk)]
    every = sum(told)
    return told[0] / every if len(told) > 1 and every else None


def _polite(text: str) -> bool:
    polite = known_words(language_of(text)).polite or known_words("en").polite
    return bool(polite and polite.search(text))


def _share(holds: Callable[[str], bool]) -> Callable[[Talk], float | None]:
    return lambda talk: fmean(holds(text) for text in talk.said) if talk.said else None


def _starts_lower(text: str) -> bool:
    first = re.search(r"[^\W\d_]", text)
    return bool(first and first.group().islower())


def _ends_marked(text: str) -> bool:
    return text.rstrip("\"'”’)] \n\t")[-1:] in tuple(".!?…。！？؟")


def _repeats(talk: Talk) -> float | None:
    told = [things(text) for text in talk.said]
    if len(told) < 2:  # noqa: PLR2004 - with one message nothing can be repeated
        return None
    return fmean(any(_alike(now, then) for then in told[:place]) for place, now in enumerate(told) if place)


def _alike(one: Collection[str], other: Collection[str]) -> bool:
    return bool(one) and len(set(one) & set(other)) >= _SAME * len(set(one) | set(other))


def _negative_after_faults(talk: Talk) -> float | None:
    after = [talk.said[place] for place in talk.after_faults if place < len(talk.said)]
    return fmean(bool(_NEGATIVE.search(text)) for text in after) if after else None


def is_negative(text: str) -> bool:
    """Whether a message objects, doubts or complains."""
    return bool(_NEGATIVE.search(text))


def _in_language(talk: Talk) -> float | None:
    long = [text for text in talk.said if len(words(text)) > _SHORTEST]
    wanted = talk.language or language_of("\n".join(talk.said))
    return fmean(language_of(text) in (wanted, "") for text in long) if long and wanted else None


Measure = Callable[[Talk], float | None]
MEASURES: dict[str, Measure] = {
    "said_first": _first_share,
    "things_a_message": lambda talk: fmean(map(len, new_things(talk))) if talk.said else None,
    "words_a_message": lambda talk: fmean(len(words(text)) for text in talk.said) if talk.said else None,
    "messages": lambda talk: float(len(talk.said)) if talk.said else None,
    "starts_lower": _share(_starts_lower),
    "ends_marked": _share(_ends_marked),
    "polite": _share(_polite),
    "asks": _share(lambda text: "?" in text or "？" in text),
    "thanks_last": lambda talk: float(_polite(talk.said[-1])) if talk.said else None,
    "negative_after_fault": _negative_after_faults,
    "repeats": _repeats,
    "in_language": _in_language,
}
"""What is measured of each side; None where it says nothing of this conversation."""


def side(said: Sequence[str], heard: Sequence[str] = (), **more: object) -> Talk:
    """A talk, of lists."""
    return Talk(tuple(said), tuple(heard), **more)  # type: ignore[arg-type]
