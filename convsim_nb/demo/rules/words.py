"""Text as the rules see it: its language, its sentences, its stems, what in it is specific."""

import re
import threading
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import Any

from snowballstemmer import stemmer  # type: ignore[import-untyped]  # ships no types

from convsim_nb.demo.rules.lexicon import LANGUAGES, elsewhere, lexicon

_STEMMERS = {"en": "english", "de": "german", "es": "spanish", "fr": "french"}
_CJK = "一-鿿㐀-䶿"
_HAN = re.compile(f"[{_CJK}]+")
_WORD = re.compile(r"[^\W_]+(?:[._@'’#-][^\W_]+)*")
_OTHER_SCRIPT = re.compile("[Ѐ-ӿ؀-ۿ֐-׿぀-ヿ가-힯ऀ-ॿ฀-๿Ͱ-Ͽ]")
_ABBREVIATED = re.compile(r"\b(?:dr|mr|mrs|ms|st|sr|prof|e\.g|i\.e|z\.b|vs|approx|a\.m|p\.m|\d)\.$", re.IGNORECASE)
_BREAK = re.compile(r"(?<=[.!?…])[\"')\]]{0,3}\s|(?<=[。！？；])")
WINDOW = 20_000
"""Characters of a message that are read: a model has a window too."""
_LONGEST_SENTENCE, _LONGEST_WORD = 1000, 40
"""Characters; what is longer is cut, or is no word."""
_lock = threading.Lock()


@lru_cache(maxsize=8192)
def language_of(text: str) -> str:
    """`en`, `de`, `es`, `fr`, `zh`, or `xx` for any other."""
    if len(_OTHER_SCRIPT.findall(text)) * 3 > sum(char.isalpha() for char in text):
        return "xx"
    if (han := sum(map(len, _HAN.findall(text)))) and han * 3 >= len(re.findall(r"[^\W\d_]", text)):
        return "zh"
    words = Counter(word.casefold() for word in _WORD.findall(text))
    scores = {name: _score(words, lexicon(name).function_words) for name in LANGUAGES if name != "zh"}
    best = max(scores, key=lambda name: scores[name])
    return "xx" if _score(words, elsewhere()) > scores[best] else best


def _score(words: Counter[str], known: frozenset[str]) -> int:
    return sum(min(count, 3) for word, count in words.items() if word in known)


@lru_cache(maxsize=65536)
def stem(word: str, language: str) -> str:
    """The stem of a word, or the concept that it belongs to."""
    known = lexicon(language).concepts
    return known.get(word) or _concepts_by_stem(language).get(bare := _bare_stem(word, language), bare)


def _bare_stem(word: str, language: str) -> str:
    if language not in _STEMMERS or any(char.isdigit() for char in word):
        return word
    with _lock:
        return str(_stemmer(language).stemWord(word))


@cache
def _concepts_by_stem(language: str) -> dict[str, str]:
    """The concepts by the stems of their words, so that each form of a word is found."""
    return {_bare_stem(word, language): concept for word, concept in lexicon(language).concepts.items()}


@lru_cache(maxsize=8)
def _stemmer(language: str) -> Any:
    return stemmer(_STEMMERS[language])


@lru_cache(maxsize=16384)
def stems(text: str, language: str = "") -> frozenset[str]:
    """The stems that carry matter: no function words, no words like "want"; in Chinese, pairs of characters."""
    language = language or language_of(text)
    known = lexicon(language)
    plain = unicodedata.normalize("NFKC", text).replace("’", "'").casefold()
    found = {stem(word, language) for word in words(plain) if not _empty(word, known.function_words, known.generic)}
    for run in _HAN.findall(plain):
        found |= _pairs(run, known.function_words)
    return frozenset(found)


def _empty(word: str, *lists: frozenset[str]) -> bool:
    return (len(word) == 1 and not word.isdigit()) or any(word in known for known in lists)


def words(text: str) -> list[str]:
    """The words of a text, compounds also in their parts, without Chinese."""
    found = []
    for word in filter(_is_word, _WORD.findall(_HAN.sub(" ", text))):
        bare = re.sub(r"['’]s$|[.,]00?$", "", word)
        found.append(bare)
        if "-" in bare and not any(char.isdigit() for char in bare):
            found.extend(bare.split("-"))
    return found


def _is_word(text: str) -> bool:
    return len(text) <= _LONGEST_WORD


def _pairs(run: str, empty: frozenset[str]) -> set[str]:
    """Pairs of neighbouring characters, but for those with a particle in them."""
    for word in sorted((word for word in empty if len(word) > 1), key=len, reverse=True):
        run = run.replace(word, " ")
    return {run[at : at + 2] for at in range(len(run) - 1) if not (set(run[at : at + 2]) & (empty | {" "}))}


@lru_cache(maxsize=16384)
def sentences(text: str) -> tuple[str, ...]:
    """The sentences of a text, each as it stands there."""
    found: list[str] = []
    for piece in _pieces(text):
        if found and _ABBREVIATED.search(found[-1]) and f"{found[-1]} {piece}" in text:
            found[-1] = f"{found[-1]} {piece}"
        else:
            found.append(piece)
    return tuple(found)


def _pieces(text: str) -> list[str]:
    whole = [piece.strip() for line in text.splitlines() for piece in _BREAK.split(line)]
    cuts = _LONGEST_SENTENCE
    pieces = [piece[at : at + cuts] for piece in whole for at in range(0, len(piece), cuts)]
    return [piece for piece in pieces if any(char.isalnum() for char in piece)]


def count_words(text: str) -> int:
    """Words as a person would count them; two Chinese characters stand for one."""
    return len(_WORD.findall(_HAN.sub(" ", text))) + sum(len(run) for run in _HAN.findall(text)) // 2
