"""The kernel's end of a talk: what it sends, and what it takes."""

import asyncio
import time

import pytest

import convsim_nb as cs
from convsim_nb.notebook.live.chat_view import ChatView, bundle_of
from tests.notebook.test_run_view import Comm


class Viewed:
    """A talk with a view on it."""

    def __init__(self, agent):
        self.talk, self.comm = cs.chat(agent, mlflow=False), Comm()
        self.view = ChatView(self.talk)
        self.view.comm = self.comm
        self.comm.say(type="hello")

    def say(self, text):
        """Say something as a page does, and wait for the answer."""
        self.comm.say(type="say", text=text)
        until = time.monotonic() + 10
        while self.talk.answering and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.1)

    @property
    def state(self):
        """What a page holds that has heard all of it."""
        held = {}
        for message in self.comm.sent:
            if message["type"] == "state":
                held = message
            elif message["type"] == "streamed":
                assert message["from"] == len(held["streamed"])
                held = {**held, "streamed": held["streamed"] + message["text"]}
        return held


async def agent(messages):
    for word in ("It was ", "sent ", "**today**"):
        yield word
        await asyncio.sleep(0.08)


def test_a_page_hears_the_talk_as_it_goes():
    """What was asked, the answer in pieces, and at the end the message with its safe HTML."""
    viewed = Viewed(agent)
    viewed.say("When?")
    states = viewed.comm.of("state")
    pieces = "".join(message["text"] for message in viewed.comm.of("streamed"))

    assert (states[0]["messages"], states[0]["asked"], states[0]["agent"]) == ([], None, "agent")
    assert states[1]["asked"] == "When?"
    assert "It was sent **today**".startswith(pieces)
    assert len(pieces) > len("It was ")
    assert [(m["role"], m["content"]) for m in viewed.state["messages"]] == [
        ("user", "When?"),
        ("assistant", "It was sent **today**"),
    ]
    assert "<strong>today</strong>" in viewed.state["messages"][1]["html"]
    assert "wire" not in viewed.state["messages"][1]


def test_hostile_text_is_text():
    """What an agent says, fails with, or is called, is no HTML, and hides nothing."""
    viewed = Viewed(lambda messages: "<img src=x onerror=alert(1)>\u202egnp")
    viewed.say("<script>alert(1)</script>")
    user, assistant = viewed.state["messages"]

    assert "<img" not in assistant["html"]
    assert "<script" not in user["html"]
    assert "\u202e" not in assistant["content"]
    assert "<script" not in bundle_of(viewed.talk, opened=True)["text/html"]
    assert "<img" not in bundle_of(viewed.talk, opened=True)["text/html"]


@pytest.mark.parametrize("answering", [False, True])
def test_what_is_refused_goes_back_to_the_page(answering):
    """Nothing to say, or a second message while the first is being answered."""
    viewed = Viewed(agent)
    if answering:
        viewed.comm.say(type="say", text="When?")
    viewed.comm.say(type="say", text="and?" if answering else " ")
    (refused,) = viewed.comm.of("refused")
    viewed.comm.say(type="stop")
    viewed.say("When?") if not answering else None

    assert "still answering" in refused["problem"] if answering else "nothing to say" in refused["problem"]


def test_a_failing_agent_is_said_and_the_talk_goes_on():
    """The problem stands in the state, and the messages are as they were."""

    def failing(messages):
        raise ValueError("no such order")

    viewed = Viewed(failing)
    viewed.say("When?")

    assert (viewed.state["problem"], viewed.state["messages"]) == ("ValueError: no such order", [])


def test_a_view_that_is_closed_hears_no_more():
    """The talk itself goes on."""
    viewed = Viewed(agent)
    viewed.view.close()
    heard = len(viewed.comm.sent)
    viewed.talk.say("When?")

    assert len(viewed.comm.sent) == heard
    assert len(viewed.talk.messages) == 2
