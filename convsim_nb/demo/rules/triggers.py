"""Whether an agent's words show what a trigger describes, as far as stems and a few opposites can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from convsim_nb.demo.rules.lexicon import Lexicon, anywhere, lexicon
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.specifics import specifics
from convsim_nb.demo.rules.words import language_of, stems

OPPOSITES = {
    "current": "past",
    "past": "current",
    "open_now": "shut",
    "shut": "open_now",
    "done": "refusal",
    "refusal": "done",
}
"""Shapes that cannot both be claimed of one thing."""
_ACTS = ("asks", "done", "offers", "refuses")


def fires(when: str, message: str, said: str = "") -> str:
    """The agent's words that show what `when` describes, or nothing; `said` is what the user has said so far."""
    told, claim = read(message), _claim(when)
    if any(_contradicted(pole, told) for pole in claim.poles):
        return ""
    fitting = [sentence for sentence in told if _acts(claim, sentence)]
    if claim.other:
        fitting = [sentence for sentence in fitting if _other_than(said, sentence)]
    best = max(fitting, key=lambda sentence: len(sentence.meets(claim.stems)), default=None)
    found = frozenset[str]().union(*(sentence.meets(claim.stems) for sentence in fitting))
    claimed = all(_shows(pole, fitting) for pole in claim.poles)
    enough = len(found) + len(claim.poles) >= claim.needed and (found or not claim.stems)
    return best.text if best and claimed and enough else ""


def _contradicted(pole: str, told: Sequence[Sentence]) -> bool:
    """Whether the message claims the opposite. A live price may be compared with yesterday's close."""
    if pole == "current":
        return _shows("closed_now", told) or (_shows("past", told) and not _shows("live", told))
    return _shows(OPPOSITES[pole], told)


def _other_than(said: str, sentence: Sentence) -> bool:
    """Whether a sentence names an id, a date, a time or a number that the user did not."""
    return bool(_exact(sentence.text) - _exact(said))


def _exact(text: str) -> frozenset[str]:
    return frozenset(value.casefold() for kind, value in specifics(text) if kind != "name")


@dataclass(frozen=True)
class _Claim:
    """What a trigger says of the agent: how it speaks, about what, and what it claims of it."""

    act: str
    """`asks`, `done`, `offers`, `refuses`; empty where it only says something."""
    poles: tuple[str, ...]
    stems: frozenset[str]
    other: bool
    """It names something else than the user did."""

    @property
    def needed(self) -> int:
        """How many of its stems and poles must be seen."""
        count = len(self.stems)
        return 1 if count <= 2 else 2 if count <= 5 else -(-count * 2 // 5)  # noqa: PLR2004


@lru_cache(maxsize=2048)
def _claim(when: str) -> _Claim:
    language = language_of(when)
    known = lexicon(language)
    other = known.patterns["acts.other"]
    claimed = anywhere("claims", "before").split(other.sub(" ", when))[0]
    matter = known.patterns["acts.any"].sub(" ", known.patterns["acts.fault"].sub(" ", claimed))
    found = {stem for stem in stems(matter, language) - _pole_stems(when, language) if not stem.isdigit()}
    return _Claim(
        act=_act(claimed, known), poles=tuple(_poles(when)), stems=frozenset(found), other=bool(other.search(when))
    )


def _act(claimed: str, known: Lexicon) -> str:
    """The first thing that the agent is said to do."""
    starts = {name: found.start() for name in _ACTS if (found := known.patterns[f"acts.{name}"].search(claimed))}
    return min(starts, key=lambda name: starts[name]) if starts else ""


def _poles(when: str) -> list[str]:
    """What is claimed, where the trigger names it: of two opposites the one after "as", before "although"."""
    known = lexicon(language_of(when))
    before = anywhere("claims", "before").split(when)[0]
    after = anywhere("claims", "after").split(before)[-1]
    for text in (after, before):
        if found := [pole for pole in OPPOSITES if known.has(f"shapes.{pole}", text)]:
            both = [pole for pole in found if OPPOSITES[pole] not in found]
            return both[:1]
    return []


def _pole_stems(when: str, language: str) -> frozenset[str]:
    known = lexicon(language)
    found = [match for pole in OPPOSITES for match in known.all(f"shapes.{pole}", when)]
    return frozenset[str]().union(*(stems(text, language) for text in found))


def _shows(pole: str, told: Sequence[Sentence]) -> bool:
    return any(pole in sentence.does for sentence in told)


def _acts(claim: _Claim, sentence: Sentence) -> bool:
    match claim.act:
        case "asks":
            return bool(sentence.does & {"question", "ask", "choice"})
        case "refuses":
            return sentence.refuses
        case "done":
            return sentence.done
        case "offers":
            return not (sentence.evades or sentence.asks)
    return not (sentence.asks or sentence.evades)
