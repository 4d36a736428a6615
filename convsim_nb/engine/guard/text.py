"""Text as the guards read it: folded, in words, in stems, in pairs of Chinese characters."""

import re
import threading
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from snowballstemmer import stemmer  # type: ignore[import-untyped]  # ships no types

WINDOW = 20_000
"""Characters of a message that are read."""
_STEMMERS = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
_UNSPACED = ("zh",)
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
_RUN = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f]+")
"""Letters of languages that put no spaces between words."""
_DRESS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-"})
_lock = threading.Lock()


@lru_cache(maxsize=256)
def folded(text: str) -> str:
    """The text in one case and one form, without characters that nobody sees."""
    plain = _HIDDEN.sub("", unicodedata.normalize("NFKC", text[:WINDOW]))
    return plain.translate(_DRESS).casefold()


@lru_cache(maxsize=256)
def words(text: str) -> tuple[str, ...]:
    """The words of a text, folded; an unspaced run of letters is cut into its characters."""
    plain = _RUN.sub(lambda run: f" {' '.join(run.group())} ", folded(text))
    return tuple(_WORD.findall(plain))


@lru_cache(maxsize=256)
def squashed(text: str) -> str:
    """Letters and digits alone: an id stays the same however it is spaced."""
    return "".join(filter(str.isalnum, folded(text)))


@lru_cache(maxsize=256)
def spaced(text: str) -> str:
    """The folded words with one space around each, to look for the beginnings of words in."""
    return f" {' '.join(_WORD.findall(folded(text)))} "


def language_of(text: str) -> str:
    """`en`, `de`, `es` or `fr`, by its small words; English where they say nothing."""
    said = words(text)
    return max(_STEMMERS, key=lambda name: sum(word in common(name) for word in said))


@lru_cache(maxsize=65536)
def stem(word: str, language: str) -> str:
    """The stem of a word; one with a digit in it is its own."""
    if not word.isalpha():
        return word.partition("'")[0]
    with _lock:
        return str(_stemmer(language).stemWord(word))


@cache
def _stemmer(language: str) -> Any:
    return stemmer(_STEMMERS[language])


def telling(text: str, language: str) -> frozenset[str]:
    """The stems of the words that prove something: not the small ones, and not what everybody says."""
    small = common(language)
    found = (word for word in _WORD.findall(_RUN.sub(" ", folded(text))) if word not in small and len(word) > 1)
    return frozenset(stem(word, language) for word in found) - _common_stems(language)


def pairs(text: str) -> frozenset[str]:
    """Pairs of neighbouring characters in unspaced writing, but for those with a particle in them."""
    small = _particles()
    found = (run[at : at + 2] for run in _RUN.findall(folded(text)) for at in range(len(run) - 1))
    return frozenset(pair for pair in found if not small & set(pair))


def grams(said: tuple[str, ...], size: int) -> frozenset[tuple[str, ...]]:
    """All runs of `size` words."""
    return frozenset(zip(*(said[at:] for at in range(size)), strict=False))


def is_unspaced(text: str) -> bool:
    """Whether most of it is written without spaces between words."""
    runs = sum(map(len, _RUN.findall(text)))
    return runs * 2 > sum(map(str.isalpha, text))


@cache
def common(language: str) -> frozenset[str]:
    """Words that prove nothing."""
    return frozenset(_table()[language].split())


@cache
def _common_stems(language: str) -> frozenset[str]:
    return frozenset(stem(word, language) for word in common(language) if word.isalpha())


@cache
def _particles() -> frozenset[str]:
    return frozenset(_table()["han"])


@cache
def _table() -> Mapping[str, str]:
    return tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))


@cache
def phrases(section: str) -> re.Pattern[str]:
    """The phrases of every language, as one pattern over folded text: models change language too."""
    table = tomllib.loads(files(__package__).joinpath("phrases.toml").read_text("utf-8"))[section]
    spaced_out = [part for name in table if name not in _UNSPACED for part in table[name]]
    joined_up = [part for name in table if name in _UNSPACED for part in table[name]]
    return re.compile("|".join([f"(?<![^\\W_])(?:{'|'.join(spaced_out)})(?![^\\W_])", *joined_up]), re.MULTILINE)


def joined(texts: Iterable[str]) -> str:
    """Texts as one, a line each."""
    return "\n".join(texts)
