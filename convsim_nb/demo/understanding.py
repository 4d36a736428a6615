"""What a customer's message says: the language, what is wanted, in which tone, with which facts."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache

from convsim_nb.demo.bank import read_data
from convsim_nb.demo.values import Candidates, Reader

LANGUAGES = ("en", "de", "es")


@dataclass(frozen=True)
class Heard:
    """One message, understood."""

    text: str
    lang: str
    intents: tuple[str, ...]
    """What is wanted, in the order it was said."""
    flags: frozenset[str]
    """hello, yes, no, thanks, bye, correction, unsure, same, angry, own_fault, wanting, closing."""
    values: dict[str, Candidates]
    route: dict[str, str]
    first_amount: float | None

    @property
    def candidates(self) -> dict[str, Candidates]:
        """What may fill each slot of a goal, the likeliest first."""
        found = {slot: some for slot, some in self.values.items() if slot != "currencies"}
        found |= {end: (account,) for end, account in self.route.items()}
        for pair in self.values.get("currencies", ()):
            found |= {slot: (name,) for slot, name in zip(("base", "quote"), pair, strict=True) if name}
        return found | ({"closing": (True,)} if "closing" in self.flags else {})


def hear(text: str, *, lang: str, today: date, after: str = "") -> Heard:
    """Understand a message. `lang` is what was spoken so far, `after` the goal that was last seen to."""
    lang = language_of(text, before=lang)
    reader = Reader(text, lang, today)
    values = reader.values()
    return Heard(
        text=text,
        lang=lang,
        intents=_intents(reader.low, lang, after),
        flags=_flags(text, reader.low, lang),
        values=values,
        route=reader.route(),
        first_amount=reader.first_amount(),
    )


def language_of(text: str, *, before: str) -> str:
    """English, German or Spanish; what was spoken before unless the message clearly says otherwise."""
    words = read_data("words.json")["language"]
    hits = {lang: len(re.findall(words[lang], text.lower())) for lang in LANGUAGES}
    likeliest = max(LANGUAGES, key=lambda lang: (hits[lang], lang == before))
    return likeliest if hits[likeliest] > hits[before] + 1 else before


def _flags(text: str, low: str, lang: str) -> frozenset[str]:
    patterns = read_data("words.json")["flags"]
    flags = {flag for flag, by_lang in patterns.items() if re.search(by_lang[lang], low)}
    shouting = sum(map(str.isupper, text)) > 0.6 * max(12, sum(map(str.isalpha, text)))
    return frozenset(flags | {"angry"} if shouting else flags)


@dataclass(frozen=True)
class _Hit:
    name: str
    span: tuple[int, int]
    weak: bool
    beats: frozenset[str]


def _intents(low: str, lang: str, after: str) -> tuple[str, ...]:
    """Those that no stronger reading of the message replaces, in their order."""
    hits = list(_hits(low, lang, after))
    beaten = set[str]().union(*(hit.beats for hit in hits))
    standing = [hit for hit in hits if hit.name not in beaten]
    strong = [hit for hit in standing if not hit.weak] or standing[:1]
    return tuple(dict.fromkeys(hit.name for hit in sorted(strong, key=lambda hit: hit.span)))


def _hits(low: str, lang: str, after: str) -> Iterator[_Hit]:
    for intent in read_data("intents.json"):
        if "after" in intent and after not in intent["after"]:
            continue
        spans = [
            hit.span() for pattern in _patterns(intent["name"], tuple(intent[lang])) if (hit := pattern.search(low))
        ]
        if spans:
            yield _Hit(intent["name"], min(spans), intent.get("weak", False), frozenset(intent["beats"]))


@cache
def _patterns(name: str, written: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    if name == "index_levels":
        rows = read_data("markets.json")["indices"].values()
        aliases = "|".join(alias for row in rows for alias in row["aliases"])
        written = (*written, rf"(?<!\w)(?:{aliases})(?!\w)")
    return tuple(re.compile(pattern) for pattern in written)
