"""Whether an agent's words show what a trigger describes, as far as stems and a few opposites can tell."""

import re
from functools import lru_cache

from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.shapes import Sentence, read
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
_CLAIMED_BEFORE = re.compile(
    r"\b(?:although|though|even though|while|despite|instead of|rather than|without|but not|not)\b|obwohl|statt|aunque|en vez de"
    r"|bien que|au lieu de|虽然|而不是",
    re.IGNORECASE,
)
_CLAIMED_AFTER = re.compile(r"\b(?:as(?: if| though)?|als|como|comme)\b|当作|说成", re.IGNORECASE)


def fires(when: str, message: str) -> str:
    """The agent's words that show what `when` describes, or nothing."""
    if not (told := read(message)):
        return ""
    claim = _claim(when)
    if claim.poles and any(_shows(opposite, told) for opposite in (OPPOSITES[pole] for pole in claim.poles)):
        return ""
    fitting = [sentence for sentence in told if _acts(claim, sentence)]
    best = max(fitting, key=lambda sentence: len(_alike(claim, sentence)), default=None)
    if best is None:
        return ""
    found = frozenset[str]().union(*(_alike(claim, sentence) for sentence in fitting))
    poles = [pole for pole in claim.poles if _shows(pole, fitting)]
    enough = len(found) + len(poles) >= claim.needed and (found or not claim.stems)
    return best.text if enough and len(poles) == len(claim.poles) else ""


class _Claim:
    """What a trigger says of the agent: how it speaks, about what, and what it claims of it."""

    def __init__(self, when: str) -> None:
        self.language = language_of(when)
        known = lexicon(self.language)
        self.act = next(iter(sorted(name for name in known.named("acts", when))), "")
        self.poles = frozenset(_poles(when))
        worded = known.patterns.get("acts.any")
        self.stems = stems(worded.sub(" ", when) if worded else when, self.language) - _pole_stems(when, self.language)

    @property
    def needed(self) -> int:
        count = len(self.stems)
        return 1 if count <= 2 else 2 if count <= 5 else -(-count * 2 // 5)


@lru_cache(maxsize=2048)
def _claim(when: str) -> _Claim:
    return _Claim(when)


def _poles(when: str) -> list[str]:
    """What is claimed, where the trigger names it: of two opposites the one after "as", before "although"."""
    known = lexicon(language_of(when))
    before = _CLAIMED_BEFORE.split(when)[0]
    after = _CLAIMED_AFTER.split(before)[-1]
    for text in (after, before):
        if found := [pole for pole in ("current", "past", "open_now", "shut") if known.has(f"shapes.{pole}", text)]:
            both = [pole for pole in found if OPPOSITES[pole] not in found]
            return both[:1]
    return []


def _pole_stems(when: str, language: str) -> frozenset[str]:
    known = lexicon(language)
    found = [match for pole in ("current", "past", "open_now", "shut") for match in known.all(f"shapes.{pole}", when)]
    return frozenset[str]().union(*(stems(text, language) for text in found))


def _shows(pole: str, told: tuple[Sentence, ...] | list[Sentence]) -> bool:
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
            return not sentence.evades
    return not (sentence.asks or sentence.evades)


def _alike(claim: _Claim, sentence: Sentence) -> frozenset[str]:
    """The stems of the claim that the sentence holds, or shows by its kind: a number with a currency is a price."""
    known = lexicon(sentence.language)
    kin = {stem for stem in claim.stems - sentence.stems if known.has(f"kin.{stem}", sentence.text)}
    return (claim.stems & sentence.stems) | kin
