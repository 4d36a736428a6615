"""In which language a text is written, and its words: by script, then by function words."""

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

UNSPACED = frozenset({"zh", "ja", "th"})
"""Languages that write no spaces: their texts are measured in characters."""
_WORD = re.compile(r"[^\W_]+(?:['’.@:/-][^\W_]+)*")
_KANA = re.compile("[぀-ヿ]")
_HAN = re.compile("[㐀-䶿一-鿿]")
_SCRIPTS = {
    "ko": re.compile("[가-힯ᄀ-ᇿ]"),
    "th": re.compile("[฀-๿]"),
    "he": re.compile("[֐-׿]"),
    "hi": re.compile("[ऀ-ॿ]"),
    "el": re.compile("[Ͱ-Ͽ]"),
    "ar": re.compile("[؀-ۿ]"),
    "ru": re.compile("[Ѐ-ӿ]"),
}
_PERSIAN, _UKRAINIAN = re.compile("[پچژگی]"), re.compile("[іїєґ]", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_READ = 20_000
"""Characters of a text that are looked at."""


@dataclass(frozen=True)
class LanguageWords:
    """What is known of one language."""

    function_words: frozenset[str] = frozenset()
    polite: re.Pattern[str] | None = None
    """Finds a word of courtesy."""


@lru_cache(maxsize=4096)
def language_of(text: str) -> str:
    """The language's code in ISO 639-1, "en" or "zh"; empty where nothing tells it."""
    text = unicodedata.normalize("NFKC", text[:_READ])
    letters = len(_LETTER.findall(text))
    if not letters:
        return ""
    # A third is enough: names and loanwords stand in Latin script in every language.
    if (kana := len(_KANA.findall(text))) + (han := len(_HAN.findall(text))) > letters / 3:
        return "ja" if kana * 8 > han else "zh"
    for language, script in _SCRIPTS.items():
        if len(script.findall(text)) > letters / 3:
            return _kin(language, text)
    return _latin(text)


def words(text: str) -> list[str]:
    """The words of a text; of a language without spaces its characters."""
    plain = unicodedata.normalize("NFKC", text)
    if language_of(plain) in UNSPACED:
        return [char for char in plain if _LETTER.match(char) or char.isdigit()]
    return _WORD.findall(plain)


@cache
def known_words(language: str) -> LanguageWords:
    """Function words and courtesies of a language; nothing for one that is not known."""
    table = _tables().get(language, {})
    polite = [str(word) for word in table.get("polite", ())]
    edge = "" if language in UNSPACED or language in {"ko", "hi"} else r"\b"
    found = "|".join(re.escape(word) for word in sorted(polite, key=len, reverse=True))
    return LanguageWords(
        function_words=frozenset(str(table.get("function_words", "")).split()),
        polite=re.compile(f"{edge}(?:{found}){edge}", re.IGNORECASE) if polite else None,
    )


def _kin(language: str, text: str) -> str:
    """Of two languages in one script the one whose own letters are there."""
    if language == "ru" and _UKRAINIAN.search(text):
        return "uk"
    return "fa" if language == "ar" and _PERSIAN.search(text) else language


def _latin(text: str) -> str:
    """By how often function words stand there; none, or two languages alike, tell nothing."""
    counts = Counter(word.casefold().replace("’", "'") for word in _WORD.findall(text))
    scores = {
        language: sum(min(count, 4) for word, count in counts.items() if word in known_words(language).function_words)
        for language, table in _tables().items()
        if "function_words" in table
    }
    best, second = sorted(scores, key=lambda language: -scores[language])[:2]
    return best if scores[best] > scores[second] else ""


@cache
def _tables() -> Mapping[str, Mapping[str, Any]]:
    return tomllib.loads(files(__package__).joinpath("languages.toml").read_text("utf-8"))
