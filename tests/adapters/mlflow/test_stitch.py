"""Stitching turns together, over many random conversations in which short messages come again and again."""

import random

import pytest

from convsim_nb.adapters.mlflow.stitch import stitch
from convsim_nb.adapters.mlflow.turns import Turn
from convsim_nb.domain.session import Message

SHORT = {"user": ("ok", "yes", "thanks", "When?", "12"), "assistant": ("ok", "Anything else?", "Done.", "Friday")}


def a_conversation(seed):
    """Up to a dozen turns; three messages in four are one of a few that repeat."""
    rng = random.Random(seed)
    lines = [
        (role, rng.choice(SHORT[role]) if rng.random() < 0.75 else f"{role} {n}")
        for n in range(rng.randint(1, 12))
        for role in ("user", "assistant")
    ]
    return rng, [Message(role=role, content=text) for role, text in lines]


def a_turn(number, history, messages):
    user, reply = messages[2 * number : 2 * number + 2]
    started = 10.0 * number
    return Turn(str(number), started, started + 1, history=tuple(history), newest=user, replies=(reply,))


def words(messages):
    return [(message.role, message.content) for message in messages]


def cut(message):
    return message if message.role == "user" else message.model_copy(update={"content": message.content[:3]})


def summed_up(history, rng):
    return (
        [Message(role="assistant", content=f"Summary of {len(history)}"), *history[-2:]]
        if len(history) > 2
        else history
    )


HISTORIES = {
    "all of it": lambda history, rng: history,
    "a window": lambda history, rng: history[-rng.randint(1, 8) :],
    "none of it": lambda history, rng: [],
    "the user's side": lambda history, rng: [message for message in history if message.role == "user"],
    "answers cut short": lambda history, rng: [cut(message) for message in history],
    "a window of answers cut short": lambda history, rng: [cut(message) for message in history][-rng.randint(1, 8) :],
    "a summary and the end": summed_up,
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_what_was_said_comes_out_whatever_the_history_shows(history):
    """Hundreds of conversations a kind of history: the same messages in the same order, none twice, none lost."""
    for seed in range(300):
        rng, messages = a_conversation(seed)
        turns = [a_turn(n, history(messages[: 2 * n], rng), messages) for n in range(len(messages) // 2)]

        assert words(stitch(turns)) == words(messages), seed


def test_missing_traces_and_repeated_ones():
    """Some turns have no trace and some have several: whole histories mend the first, and tell of the second."""
    for seed in range(300):
        rng, messages = a_conversation(seed)
        last = len(messages) // 2 - 1
        times = [1 if n == last else rng.choice((0, 1, 1, 3)) for n in range(last + 1)]
        turns = [a_turn(n, messages[: 2 * n], messages) for n, many in enumerate(times) for _ in range(many)]

        assert words(stitch(turns)) == words(messages), seed
