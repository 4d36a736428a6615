"""Which messages of a trace's history are those that were said before."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from convsim_nb.domain.session import Message

_ALIKE = 0.6


class Key(NamedTuple):
    """What makes two messages the same: histories change spaces and drop tool calls."""

    role: str
    text: str


def key_of(message: Message) -> Key:
    return Key(message.role, "".join(message.content.split()))


def align(said: Sequence[Key], history: Sequence[Key]) -> list[tuple[int, int]]:
    """Pairs of places, rising in both, where the history tells of a message that was said.

    A history may be cut to its newest part, lack messages, hold others that were never said, and tell
    some in other words. Where it fits in two places, the later one counts.
    """
    if not history or not said:
        return []
    ahead = len(said) - len(history)
    if ahead >= 0 and list(said[ahead:]) == list(history):
        return [(ahead + place, place) for place in range(len(history))]
    blocks = _blocks(said, history)
    return list(_with_rewritten(said, history, blocks)) if blocks else []


def _blocks(said: Sequence[Key], history: Sequence[Key]) -> list[tuple[int, int]]:
    """The exact pairs. Searched from the end, for a text that was said twice is meant where it was said last."""
    matcher = SequenceMatcher(None, said[::-1], history[::-1], autojunk=False)
    backwards = [
        (block.a + step, block.b + step) for block in matcher.get_matching_blocks() for step in range(block.size)
    ]
    return [(len(said) - 1 - i, len(history) - 1 - j) for i, j in reversed(backwards)]


def _with_rewritten(
    said: Sequence[Key], history: Sequence[Key], exact: Sequence[tuple[int, int]]
) -> Iterator[tuple[int, int]]:
    """The exact pairs, and between them the messages that stand in the same place in other words."""
    before = (-1, -1)
    for place, (i, j) in enumerate(exact):
        gap = (range(before[0] + 1, i), range(before[1] + 1, j))
        yield from _paired(said, history, *gap, from_end=place == 0)
        yield i, j
        before = (i, j)
    yield from _paired(said, history, range(before[0] + 1, len(said)), range(before[1] + 1, len(history)))


def _paired(
    said: Sequence[Key], history: Sequence[Key], ours: range, theirs: range, *, from_end: bool = False
) -> list[tuple[int, int]]:
    """Pairs off two gaps as long as the messages can be each other."""
    pairs = []
    for i, j in zip(reversed(ours), reversed(theirs), strict=False) if from_end else zip(ours, theirs, strict=False):
        if not _can_be(said[i], history[j]):
            break
        pairs.append((i, j))
    return pairs[::-1] if from_end else pairs


def _can_be(one: Key, other: Key) -> bool:
    """Agents' texts are cut and cleaned in histories; a user's other words are another message."""
    if one.role != other.role or one.role == "assistant":
        return one.role == other.role
    shorter, longer = sorted((one.text, other.text), key=len)
    return shorter in longer or SequenceMatcher(None, one.text, other.text).ratio() > _ALIKE
