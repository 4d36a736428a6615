"""Agents that keep a memory of their own, by `mlflow_session_id`."""

import time

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

QUIET = {"journal": False, "mlflow": False, "progress": False}
HISTORY = [
    {"role": "assistant", "content": "Welcome!"},
    {"role": "user", "content": "Put a kettle into my cart"},
    {"role": "assistant", "content": "Done."},
    {"role": "user", "content": "And a cup"},
    {"role": "user", "content": "a blue one"},
    {"role": "assistant", "content": "Done, too."},
]
CASE = {"goal": "Buy a kettle", "case_id": "cart"}
KEY = "cart/Cart/1"


class Cart:
    """A shop that remembers what was asked for, by conversation; it reads the last message alone."""

    def __init__(self, *, fails_at=None):
        self.carts, self.fails_at = {}, fails_at

    async def __call__(self, messages, mlflow_session_id):
        asked = messages[-1]["content"]
        if asked == self.fails_at:
            raise RuntimeError("out of stock")
        cart = self.carts.setdefault(mlflow_session_id, [])
        cart.append(asked)
        return f"Your cart: {', '.join(cart)}"


def chat(*lines):
    return ScriptedChat(user=lines or ("a kettle", "a pot", "a pan"))


def said(conversation):
    return [m.content for m in conversation.messages if m.source == "agent"]


def test_given_history_is_said_again_in_the_same_session():
    """Before its first turn the agent is asked again wherever it had answered; its new answers are not kept."""
    shop = Cart()
    run = cs.simulate(
        [{**CASE, "history": HISTORY}], shop, user_model=chat("a kettle"), max_turns=1, stateful=True, **QUIET
    ).wait(10)
    (conversation,) = run.conversations

    assert shop.carts == {conversation.session_id: ["Put a kettle into my cart", "a blue one", "a kettle"]}
    assert [m.content for m in conversation.messages][:6] == [m["content"] for m in HISTORY]
    assert said(conversation) == ["Your cart: Put a kettle into my cart, a blue one, a kettle"]
    assert run.state.settings.stateful


def test_without_it_the_agent_is_asked_from_the_first_turn_on():
    """An agent without a memory finds the history in its messages, and is called no more often than there are turns."""
    shop = Cart()
    run = cs.simulate([{**CASE, "history": HISTORY}], shop, user_model=chat("a kettle"), max_turns=1, **QUIET).wait(10)

    assert said(run.conversations[0]) == ["Your cart: a kettle"]


def test_a_fork_has_a_memory_of_its_own():
    """It replays the turns before it into a new session, edited text included; the origin's memory is as it was."""
    shop = Cart()
    run = cs.simulate([CASE], shop, user_model=chat(), max_turns=3, stateful=True, **QUIET).wait(10)
    before = run.conversation(KEY)
    key = run.fork(KEY, 3, "a fork")
    fork = run.wait(10).conversation(key)

    assert said(before)[-1] == "Your cart: a kettle, a pot, a pan"
    assert said(fork)[0] == "Your cart: a kettle, a pot, a fork"
    assert shop.carts[before.session_id] == ["a kettle", "a pot", "a pan"]
    assert fork.session_id != before.session_id


def test_another_agent_of_a_fork_is_told_too():
    """A fork against another version begins with the same memory."""
    other = Cart()
    run = cs.simulate([CASE], Cart(), user_model=chat(), max_turns=2, stateful=True, **QUIET).wait(10)
    key = run.fork(KEY, 2, agent=other)
    run.wait(10)

    assert said(run.conversation(key))[0] == "Your cart: a kettle, a pot"


def test_a_memory_that_cannot_be_made_ends_the_conversation():
    """The agent's failure while it is told again is an agent error that names the message."""
    case = {**CASE, "history": HISTORY}
    run = cs.simulate([case], Cart(fails_at="a blue one"), user_model=chat(), stateful=True, **QUIET).wait(10)
    (conversation,) = run.conversations

    assert conversation.stop == "agent_error"
    assert conversation.detail == (
        "when it was told again what had been said, at message 5: RuntimeError: out of stock"
    )


def test_the_time_of_a_turn_is_its_own():
    """What the retelling took is not counted as the first turn's."""
    slept = []

    def slow(messages, mlflow_session_id):
        time.sleep(0 if slept else 0.3)
        slept.append(messages[-1]["content"])
        return "ok"

    case = {**CASE, "history": HISTORY[:3]}
    run = cs.simulate([case], slow, user_model=chat("a kettle"), max_turns=1, stateful=True, **QUIET)
    (conversation,) = run.wait(10).conversations

    assert slept == ["Put a kettle into my cart", "a kettle"]
    assert conversation.messages[-1].seconds < 0.2


def test_an_agent_that_knows_no_sessions_is_refused():
    """Its conversations would share one memory: one line, before anything is asked."""
    model = chat()
    with pytest.raises(cs.ConvsimError, match="agent forgetful takes no mlflow_session_id, and conversations that"):
        cs.simulate([CASE], forgetful, user_model=model, stateful=True, **QUIET)
    assert model.requests == []


def forgetful(messages):
    return "ok"
