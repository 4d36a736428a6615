"""A conversation by its turns: what was said in each, and what the judge and the guards made of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from convsim_nb.domain.conversation import Conversation, Doubt, GoalCheck, Rejection, Release, Retry
from convsim_nb.domain.session import Message


@dataclass(frozen=True)
class Round:
    """One turn with all that belongs to it; number 0 is the given history."""

    number: int
    messages: tuple[Message, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    checks: tuple[GoalCheck, ...] = ()
    released: tuple[Release, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    """What guards have against the user's message, which was sent all the same."""
    retries: tuple[Retry, ...] = ()
    """Calls of the agent that failed, and were made again."""


def rounds(conversation: Conversation) -> tuple[Round, ...]:
    """The turns of `conversation`, in order; a turn in which only a guard spoke is there too."""
    said: dict[int, list[Message]] = {}
    for number, message in _numbered(conversation.messages):
        said.setdefault(number, []).append(message)
    beside: tuple[Rejection | GoalCheck | Release | Retry, ...] = (
        *conversation.rejections,
        *conversation.retries,
        *conversation.checks,
        *conversation.released,
    )
    return tuple(
        Round(
            number=number,
            messages=tuple(said.get(number, ())),
            rejections=tuple(each for each in conversation.rejections if each.turn == number),
            checks=tuple(each for each in conversation.checks if each.turn == number),
            released=tuple(each for each in conversation.released if each.turn == number),
            doubts=tuple(each for each in conversation.doubts if each.turn == number),
            retries=tuple(each for each in conversation.retries if each.turn == number),
        )
        for number in sorted({*said, *(each.turn for each in beside)})
    )


def _numbered(messages: tuple[Message, ...]) -> Iterator[tuple[int, Message]]:
    number = 0
    for message in messages:
        asks = message.role == "user" and message.source != "recorded"
        # Where history ends with a user's message, the agent's first reply is turn 1 by itself.
        answers_history = number == 0 and message.source == "agent"
        number += asks or answers_history
        yield number, message
