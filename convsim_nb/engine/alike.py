"""Test cases that are nearly the same."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from math import ceil

from convsim_nb.domain.case import TestCase
from convsim_nb.engine.guard.exact import exact
from convsim_nb.engine.guard.text import language_of, pairs, squashed, telling

_SAME = 0.8
"""The share of what is telling in two cases that both have."""
_CROWD = 50
"""Cases with one word in common from which the word tells nothing: they would all be compared."""


def near_duplicates(cases: Sequence[TestCase]) -> Iterator[tuple[int, int]]:
    """The places of two cases each that are nearly the same, the earlier one first."""
    told = [_told("\n".join([case.goal, *(withheld.fact for withheld in case.withheld)])) for case in cases]
    often = Counter(word for words in told for word in words)
    by_word: dict[str, list[int]] = defaultdict(list)
    for place, words in enumerate(told):
        # Two that have so much in common have one of their rarest words in common: no other pair is compared.
        rarest = sorted(words, key=lambda word: (often[word], word))
        for word in rarest[: len(words) - ceil(_SAME * len(words)) + 1]:
            by_word[word].append(place)
    compared: set[tuple[int, int]] = set()
    for word, places in by_word.items():
        if 1 < len(places) <= _CROWD and often[word] <= _CROWD:
            compared.update(combinations(places, 2))
    yield from sorted((a, b) for a, b in compared if _alike(told[a], told[b]))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _SAME * len(one | other)


@lru_cache(maxsize=4096)  # a grid looks at all its cases after every edit, of which one is another
def _told(text: str) -> frozenset[str]:
    """What is telling in the goal and in what is withheld; facts differ in ids alone where cases are alike."""
    return telling(text, language_of(text)) | pairs(text) | {squashed(one) for one in exact(text)}
