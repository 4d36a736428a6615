"""Kinds of messages: clusters of what people say, and who sends which."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from convsim_nb.analysis.manner import things

_MOST_WORDS, _MOST_KINDS = 400, 8


def coverage(people: Sequence[Sequence[str]], players: Sequence[Sequence[str]], *, seed: int = 0) -> float:
    """The share of the people's kinds of messages, weighed by how often people send them, that the players send."""
    said = [text for messages in people for text in messages]
    sent = [text for messages in players for text in messages]
    if not said or not sent:
        return 0.0
    words = [word for word, _ in Counter(word for text in said for word in things(text)).most_common(_MOST_WORDS)]
    vectors, count = _vectors(said, words), max(1, min(_MOST_KINDS, int((len(said) / 2) ** 0.5)))
    centres, labels = _means(vectors, count, seed)
    sends = set(_nearest(_vectors(sent, words), centres).tolist())
    return float(np.mean([label in sends for label in labels.tolist()]))


def _vectors(texts: Sequence[str], words: Sequence[str]) -> "np.ndarray[Any, Any]":
    place = {word: n for n, word in enumerate(words)}
    found = np.zeros((len(texts), len(words) + 1))
    found[:, -1] = 0.1  # a message of none of the words is near the others of that kind
    for row, text in enumerate(texts):
        for word in things(text):
            if word in place:
                found[row, place[word]] = 1.0
    unit: np.ndarray[Any, Any] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def _means(
    vectors: "np.ndarray[Any, Any]", count: int, seed: int
) -> tuple["np.ndarray[Any, Any]", "np.ndarray[Any, Any]"]:
    """k-means from SciPy; a kind that nobody is left in is moved to the message that is furthest from all."""
    from scipy.cluster.vq import kmeans2  # here: a second of import

    centres, labels = kmeans2(vectors, count, minit="++", rng=np.random.default_rng(seed), missing="warn")
    return centres, labels


def _nearest(vectors: "np.ndarray[Any, Any]", centres: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    return np.asarray((vectors @ centres.T - (centres**2).sum(axis=1) / 2).argmax(axis=1))
