"""What the rules know of each language: a TOML file a language, read once."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("en",)
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
    slots: tuple[re.Pattern[str], ...]
    """What a question asks for, as the first group."""
    case: Mapping[str, str]
    """How the distiller writes; `style.NAME` for the persona."""

    def has(self, name: str, text: str) -> bool:
        """Whether `text` shows the shape `name`; a shape that the language lacks is never shown."""
        pattern = self.patterns.get(name)
        return bool(pattern and pattern.search(text))

    def named(self, section: str, text: str) -> frozenset[str]:
        """The shapes of one section that `text` shows, without the section's name."""
        found = [name for name, pattern in self._section(section) if pattern.search(text)]
        return frozenset(found)

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
    table = tomllib.loads(files(__package__).joinpath(f"{known}.toml").read_text("utf-8"))
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
        slots=tuple(re.compile(pattern, re.IGNORECASE) for pattern in table["slots"]["patterns"]),
        case=table["case"] | {f"style.{name}": said for name, said in table["style"].items()},
    )


def _pattern(alternatives: list[str], *, spaced: bool) -> re.Pattern[str]:
    """One pattern of all; in languages with spaces it begins and ends on a word's border."""
    parts = [f"(?<![^\\W_]){part}(?![^\\W_])" if spaced and not part.endswith(" ") else part for part in alternatives]
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)
