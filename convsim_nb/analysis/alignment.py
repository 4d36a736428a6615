"""Two conversations side by side: exchange by exchange, up to the first in which they part."""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Literal

from pydantic import JsonValue

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Message

Parting = Literal["user", "agent", "tools", "first_ends", "second_ends"]
"""What differs first: the user's words, the agent's, its tool calls; or one is over where the other goes on."""
_SPACES = re.compile(r"[ \t\n\r\f\v\u00a0]+")


class Pair(Record):
    """One exchange in both: what the user said, and what came back."""

    turn: int
    """As the first counts them, from 1; 0 is given history."""
    first: tuple[int, ...]
    """The places of its messages; none where the conversation is over."""
    second: tuple[int, ...]


class Alignment(Record):
    """Two conversations, paired by exchange. What stands before `parts` says the same on both sides."""

    pairs: tuple[Pair, ...]
    parts: int | None
    """The place of the pair in which they part; None where they don't, or have not yet."""
    how: Parting | None


def align(first: Conversation, second: Conversation) -> Alignment:
    """Pair two conversations by exchange, and find where they part.

    Where a message stands counts, not the turn that it has there: what a fork was given as its history is
    beside what its origin played. Spaces, and what tools gave back, do not tell two exchanges apart.
    """
    ones, others = (list(_exchanges(each.messages)) for each in (first, second))
    given = sum(all(first.messages[place].source == "recorded" for place in one) for one in ones)
    pairs = tuple(
        Pair(turn=max(number - given, 0), first=one, second=other)
        for number, (one, other) in enumerate(zip_longest(ones, others, fillvalue=()), start=1)
    )
    for place, pair in enumerate(pairs):
        if how := _parting(first, second, pair):
            return Alignment(pairs=pairs, parts=place, how=how)
    return Alignment(pairs=pairs, parts=None, how=None)


def telling_trials(first: Sequence[Conversation], second: Sequence[Conversation]) -> tuple[int, int]:
    """The places of two trials of a case that show best what changed: one that reached the goal, one that did not.

    The same trial of both where that shows it; the first trials where nothing does.
    """
    places = [(one, other) for one in range(len(first)) for other in range(len(second))]
    apart = [pair for pair in places if _differ(first[pair[0]], second[pair[1]])]
    return min(apart, key=lambda pair: (pair[0] != pair[1], pair), default=(0, 0))


def _differ(one: Conversation, other: Conversation) -> bool:
    return one.counts and other.counts and one.verdict != other.verdict


def _exchanges(messages: Sequence[Message]) -> Iterator[tuple[int, ...]]:
    """The places of the messages of each exchange: it begins where the user speaks."""
    begun: list[int] = []
    for place, message in enumerate(messages):
        if message.role == "user" and begun:
            yield tuple(begun)
            begun = []
        begun.append(place)
    if begun:
        yield tuple(begun)


def _parting(first: Conversation, second: Conversation, pair: Pair) -> Parting | None:
    for one, other in zip_longest(pair.first, pair.second):
        if one is None:
            return "first_ends" if first.stop else None  # else it may still say the same
        if other is None:
            return "second_ends" if second.stop else None
        if how := _difference(first.messages[one], second.messages[other]):
            return how
    return None


def _difference(one: Message, other: Message) -> Parting | None:
    if _calls(one) != _calls(other):
        return "tools"  # they come before the words
    if one.role == other.role and _said(one) == _said(other):
        return None
    return "user" if one.role == "user" else "agent"


def _said(message: Message) -> str:
    return _SPACES.sub(" ", message.content).strip(" ")


def _calls(message: Message) -> list[tuple[str, JsonValue]]:
    return [(call.name, call.arguments) for call in message.tool_calls]
