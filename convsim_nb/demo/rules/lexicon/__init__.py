"""What the rules know of each language: a TOML file a language, read once."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "de", "es", "fr", "zh")
"""The languages with a file of their own."""


@dataclass(frozen=True)
class Lexicon:
    """One language: its shapes of sentences, its words, its phrases."""

    language: str
    function_words: frozenset[str]
    generic: frozenset[str]
    """Words that carry no matter of their own."""
    concepts: Mapping[str, str]
    """Words that mean the same, by the one that stands for them all."""
    patterns: Mapping[str, re.Pattern[str]]
    """Shapes of sentences, by `section.name`."""
    verbs: Mapping[str, frozenset[str]]
    phrases: Mapping[str, tuple[str, ...]]
    cuts: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]]
    """What is taken from a text, and what stands in its place: `lead`, `tail`, `prelude`, `objecting`."""
    matters: Mapping[str, frozenset[str]]
    """Nouns that say what kind of thing is wanted."""
    persons: Mapping[str, tuple[re.Pattern[str], Mapping[str, str]]]
    slots: tuple[re.Pattern[str], ...]
    """What a question asks for, as the first group."""
    case: Mapping[str, str]
    """How the distiller writes; `style.NAME` for the persona."""

    @cached_property
    def known_nouns(self) -> frozenset[str]:
        """Words that are no names, whatever their case."""
        return frozenset(self.concepts) | frozenset(self.concepts.values()) | self.generic

    def has(self, name: str, text: str) -> bool:
        """Whether `text` shows the shape `name`; a shape that the language lacks is never shown."""
        pattern = self.patterns.get(name)
        return bool(pattern and pattern.search(text))

    def named(self, section: str, text: str) -> frozenset[str]:
        """The shapes of one section that `text` shows, without the section's name."""
        found = [name for name, pattern in self._section(section) if pattern.search(text)]
        return frozenset(found)

    def swap(self, name: str, text: str) -> str:
        """The text with each word of the table `first_person` or `third_person` changed; as it is without one."""
        if not (table := self.persons.get(name)):
            return text
        pattern, words = table
        return pattern.sub(lambda match: words[match.group().casefold()], text.replace("’", "'"))

    def cut(self, name: str, text: str) -> str:
        """The text without what `name` takes away, as often as it is found and something is left."""
        changed = True
        while changed:
            changed = False
            for pattern, instead in self.cuts[name]:
                left = pattern.sub(instead, text, count=1).strip(" ,;:，、-–")
                if left and left != text:
                    text, changed = left, True
        return text

    def all(self, name: str, text: str) -> list[str]:
        """The words in `text` that show the shape `name`."""
        pattern = self.patterns.get(name)
        return [match.group() for match in pattern.finditer(text)] if pattern else []

    def _section(self, section: str) -> list[tuple[str, re.Pattern[str]]]:
        start = f"{section}."
        return [(name.removeprefix(start), found) for name, found in self.patterns.items() if name.startswith(start)]


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of a language; for one without a file English, whose phrases the callers leave alone."""
    known = language if language in LANGUAGES else "en"
    table = _table(known)
    patterns = {
        f"{section}.{name}": _pattern(alternatives, spaced=known != "zh")
        for section in ("shapes", "user", "acts", "kinds", "kin")
        for name, alternatives in table.get(section, {}).items()
    }
    concepts = table.get("concepts", {})
    return Lexicon(
        language=known,
        function_words=frozenset(table["function_words"].split()),
        generic=frozenset(table["generic"].split()),
        concepts={word: concept for concept, words in concepts.items() for word in words.split()},
        patterns=patterns,
        verbs={kind: frozenset(words.split()) for kind, words in table["verbs"].items()},
        phrases={name: (said,) if isinstance(said, str) else tuple(said) for name, said in table["phrases"].items()},
        cuts={
            name: tuple((re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in pairs)
            for name, pairs in table["cut"].items()
        },
        persons={name: _words(table[name]) for name in ("first_person", "third_person") if name in table},
        matters={kind: frozenset(words.split()) for kind, words in table["matters"].items()},
        slots=tuple(re.compile(pattern, re.IGNORECASE) for pattern in table["slots"]["patterns"]),
        case=table["case"] | {f"style.{name}": said for name, said in table["style"].items()},
    )


@cache
def anywhere(section: str, name: str) -> re.Pattern[str]:
    """A pattern that holds whatever the language; `{months}` in it stands for their names."""
    every = _table("every")
    months = "|".join(every["months"].values())
    alternatives = [part.replace("{months}", f"(?:{months})") for part in every[section][name]]
    return re.compile("|".join(f"(?:{part})" for part in alternatives), re.IGNORECASE | re.MULTILINE)


@cache
def elsewhere() -> frozenset[str]:
    """Function words of languages that have no file."""
    return frozenset(_table("every")["elsewhere"].split())


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(f"{name}.toml").read_text("utf-8"))


def _words(table: Mapping[str, str]) -> tuple[re.Pattern[str], Mapping[str, str]]:
    words = "|".join(re.escape(word) for word in sorted(table, key=len, reverse=True))
    return re.compile(rf"\b(?:{words})(?![\w'’]|\.\w)", re.IGNORECASE), table


def _pattern(alternatives: list[str], *, spaced: bool) -> re.Pattern[str]:
    """One pattern of all; in languages with spaces it begins and ends on a word's border."""
    parts = [
        f"(?<![^\\W_])(?:{part})(?![^\\W_])" if spaced and not part.endswith(" ") else part for part in alternatives
    ]
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)
