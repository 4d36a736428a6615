"""What the rules know of each language: a TOML file a language, read once."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "de", "es", "fr", "zh")
"""The languages with a file of their own."""
_SCANNED = 2000
"""Characters of a text in which a shape is looked for."""


@dataclass(frozen=True)
class Lexicon:
    """One language: its shapes of sentences, its words, its phrases."""

    language: str
    function_words: frozenset[str]
    generic: frozenset[str]
    """Words that carry no matter of their own."""
    concepts: Mapping[str, str]
    """Words that mean the same, by the one that stands for them all."""
    patterns: "_Patterns"
    """Shapes of sentences, by `section.name`."""
    verbs: Mapping[str, frozenset[str]]
    phrases: Mapping[str, tuple[str, ...]]
    cuts: Mapping[str, tuple[tuple[re.Pattern[str], str], ...]]
    """What is taken from a text, and what stands in its place: `lead`, `tail`, `prelude`, `objecting`."""
    matters: Mapping[str, frozenset[str]]
    """Nouns that say what kind of thing is wanted."""
    persons: Mapping[str, tuple[re.Pattern[str], Mapping[str, str]]]
    rivals: tuple[frozenset[str], ...]
    """Words for amounts of different kinds: an amount that is called a refund is no balance."""
    slots: tuple[re.Pattern[str], ...]
    """What a question asks for, as the first group."""
    case: Mapping[str, str]
    """How the distiller writes; `style.NAME` for the persona."""

    @cached_property
    def known_nouns(self) -> frozenset[str]:
        """Words that are no names, whatever their case."""
        return frozenset(self.concepts) | frozenset(self.concepts.values()) | self.generic

    @cached_property
    def all_verbs(self) -> frozenset[str]:
        """What one does, whatever the kind."""
        return frozenset[str]().union(*self.verbs.values())

    @cached_property
    def facets(self) -> tuple[str, ...]:
        """The kinds of things that a text may show without naming them."""
        return tuple(name for name, _ in self.patterns.section("kin"))

    def question_in(self, goal: str) -> str:
        """The question, where the goal is to get an answer to one; else the goal."""
        prefix = self.case["find_out"].partition("{")[0].strip()
        return goal.strip()[len(prefix) :].strip() if goal.strip().startswith(prefix) else goal

    def has(self, name: str, text: str) -> bool:
        """Whether `text` shows the shape `name`; a shape that the language lacks is never shown."""
        pattern = self.patterns.get(name)
        return bool(pattern and pattern.search(text, 0, _SCANNED))

    def named(self, section: str, text: str) -> frozenset[str]:
        """The shapes of one section that `text` shows, without the section's name."""
        found = [name for name, pattern in self.patterns.section(section) if pattern.search(text, 0, _SCANNED)]
        return frozenset(found)

    def kin_words(self, text: str) -> list[str]:
        """The kinds of things that a text shows without naming them, each by the first word for it."""
        first = {concept: word for word, concept in reversed(tuple(self.concepts.items()))}
        named = self.named("kin", text)
        return [first.get(name, name) for name, _ in self.patterns.section("kin") if name in named]

    def swap(self, name: str, text: str) -> str:
        """The text with each word of the table `first_person` or `third_person` changed; as it is without one."""
        if not (table := self.persons.get(name)):
            return text
        pattern, words = table
        return pattern.sub(lambda match: words[match.group().casefold()], text.replace("’", "'"))

    def amounts_in(self, text: str) -> frozenset[int]:
        """Which kinds of amounts a text calls by name, by their places in `rivals`."""
        said = frozenset(re.findall(r"[^\W\d_]+", text[:_SCANNED].casefold()))
        return frozenset(n for n, words in enumerate(self.rivals) if said & words)

    def cut(self, name: str, text: str) -> str:
        """The text without what `name` takes away, as often as it is found and something is left."""
        text, changed = text[:_SCANNED], True
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


class _Patterns(Mapping[str, re.Pattern[str]]):
    """Patterns by name, each compiled when it is first wanted: all of a language take a tenth of a second."""

    def __init__(self, alternatives: Mapping[str, list[str]], *, spaced: bool) -> None:
        self._alternatives = alternatives
        self._spaced = spaced
        self._compiled: dict[str, re.Pattern[str]] = {}
        self._sections: dict[str, list[tuple[str, re.Pattern[str]]]] = {}

    def __getitem__(self, name: str) -> re.Pattern[str]:
        if name not in self._compiled:
            self._compiled[name] = _pattern(self._alternatives[name], spaced=self._spaced)
        return self._compiled[name]

    def section(self, section: str) -> list[tuple[str, re.Pattern[str]]]:
        """The patterns of one section, by their names in it."""
        if section not in self._sections:
            names = [name for name in self._alternatives if name.startswith(f"{section}.")]
            self._sections[section] = [(name.partition(".")[2], self[name]) for name in names]
        return self._sections[section]

    def __iter__(self) -> Iterator[str]:
        return iter(self._alternatives)

    def __len__(self) -> int:
        return len(self._alternatives)


@cache
def lexicon(language: str) -> Lexicon:
    """The lexicon of a language; for one without a file English, whose phrases the callers leave alone."""
    known = language if language in LANGUAGES else "en"
    table = _table(known)
    shapes = {
        f"{section}.{name}": alternatives
        for section in ("shapes", "user", "acts", "kinds", "kin")
        for name, alternatives in table.get(section, {}).items()
    }
    concepts = table.get("concepts", {})
    return Lexicon(
        language=known,
        function_words=frozenset(table["function_words"].split()),
        generic=frozenset(table["generic"].split()),
        concepts={word: concept for concept, words in concepts.items() for word in words.split()},
        patterns=_Patterns(shapes, spaced=known != "zh"),
        verbs={kind: frozenset(words.split()) for kind, words in table["verbs"].items()},
        phrases={name: (said,) if isinstance(said, str) else tuple(said) for name, said in table["phrases"].items()},
        cuts={
            name: tuple((re.compile(pattern, re.IGNORECASE), instead) for pattern, instead in pairs)
            for name, pairs in table["cut"].items()
        },
        persons={name: _words(table[name]) for name in ("first_person", "third_person") if name in table},
        matters={kind: frozenset(words.split()) for kind, words in table["matters"].items()},
        rivals=tuple(frozenset(words.split()) for words in table.get("rivals", {}).values()),
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
