"""Pairs of conversations, for the two alignments: Python's, and the browser's.

`python -m tests.notebook.alignments` writes them with what Python makes of them.
"""

import json
from pathlib import Path

from convsim_nb.analysis.alignment import align
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.session import Message, ToolCall

FIXTURE = Path(__file__).with_suffix(".json")


def talk(*said, stop="max_turns", history=0):
    """A conversation: user and agent by turns; a text, or one with the tool calls before it."""
    messages = []
    for place, each in enumerate(said):
        text, calls = (each, ()) if isinstance(each, str) else each
        role = ("user", "assistant")[place % 2]
        source = "recorded" if place < history else {"user": "simulated", "assistant": "agent"}[role]
        messages.append(Message(role=role, content=text, source=source, tool_calls=calls))
    verdict = {"goal_reached": "reached", None: None}.get(stop, "not_reached")
    return Conversation(
        key="kettle/support/1",
        case_id="kettle",
        agent="support",
        messages=tuple(messages),
        stop=stop,
        verdict=verdict,
        status="ended" if stop else "running",
    )


def looked_up(order, *, found="a kettle"):
    """A reply after a look into the book of orders."""
    return "I looked.", (ToolCall(name="look_up", arguments={"order": order, "deep": True}, result=found),)


PAIRS = {
    "the same": (talk("Hi", "Hello"), talk("Hi", "Hello")),
    "the same but for spaces": (talk("Hi  there ", "Hello\n"), talk("Hi there", "Hello")),
    "the user says something else": (talk("Hi", "Hello", "My kettle", "Yes?"), talk("Hi", "Hello", "My pot", "Yes?")),
    "the agent answers otherwise": (talk("Hi", "Hello", "Kettle", "Yes?"), talk("Hi", "Hello", "Kettle", "No.", "Oh")),
    "other tools": (talk("Hi", looked_up(1)), talk("Hi", "I looked.")),
    "the same tools, asked otherwise": (talk("Hi", looked_up(1)), talk("Hi", looked_up(2))),
    "what a tool gave back is not compared": (talk("Hi", looked_up(1)), talk("Hi", looked_up(1, found="a pot"))),
    "the first is over": (talk("Hi", "Hello"), talk("Hi", "Hello", "Kettle", "Yes?", stop="goal_reached")),
    "the second is over within a turn": (talk("Hi", "Hello", "Kettle", "Yes?"), talk("Hi", "Hello", "Kettle")),
    "the second plays on": (talk("Hi", "Hello", "Kettle", "Yes?"), talk("Hi", "Hello", "Kettle", stop=None)),
    "a fork, whose history its origin played": (
        talk("Before", "Known", "Hi", "Hello", "Kettle", "Yes?", history=2),
        talk("Before", "Known", "Hi", "Hello", "Pot", "Gone.", history=4),
    ),
    "history that ends with the user": (
        talk("Before", "Known", "Hi", "Hello", history=3),
        talk("Before", "Known", "Hi", "Go away", history=3),
    ),
    "one has not begun": (talk(stop=None), talk("Hi", "Hello")),
    "both are empty": (talk(), talk()),
}


def fixture():
    """The pairs as a page is sent them, and how they are aligned."""
    from convsim_nb.notebook.live.protocol import conversation_json

    return [
        {
            "name": name,
            "first": conversation_json(first),
            "second": conversation_json(second),
            "alignment": align(first, second).model_dump(mode="json"),
        }
        for name, (first, second) in PAIRS.items()
    ]


def as_text():
    """The fixture as it is committed."""
    return json.dumps(fixture(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    FIXTURE.write_text(as_text(), encoding="utf-8")
