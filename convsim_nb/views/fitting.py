"""What of many pieces is shown where room is short: whole groups first, then an even sample."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S", bound=str)

_GOLDEN = 0.6180339887498949
_MISSES = 3
"""So many pieces that do not fit end the search: rendering the rest would be for nothing."""


def fitting(groups: Iterable[Sequence[T]], *, draw: Callable[[T], S], room: int) -> list[list[S]]:
    """Of each group the pieces that fit into `room` bytes, in their order; the first group is served first."""
    shown = []
    for group in groups:
        kept, room = _fitting(group, draw, room)
        shown.append(kept)
    return shown


def _fitting(group: Sequence[T], draw: Callable[[T], S], room: int) -> tuple[list[S], int]:
    kept: dict[int, S] = {}
    misses = 0
    for place in _spread(len(group)):
        piece = draw(group[place])
        size = len(piece.encode())
        if size <= room:
            kept[place] = piece
            room -= size
        else:
            misses += 1
            if misses == _MISSES:
                break
    return [kept[place] for place in sorted(kept)], room


def _spread(length: int) -> list[int]:
    """The numbers below `length`, so ordered that the first few of them lie evenly."""
    return sorted(range(length), key=lambda place: place * _GOLDEN % 1)
