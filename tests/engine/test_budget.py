"""What a run may spend: reached means over_budget, with all that was done."""

import asyncio

import pytest

import convsim_nb as cs
from convsim_nb.domain.conversation import Usage
from convsim_nb.engine.ports import ChatReply
from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.engine.conversations import play

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(4)]
NEVER = ({"reached": False},)
MESSAGES = tuple(f"message {n}" for n in range(20))


class Priced(ScriptedChat):
    """A model whose every call costs a cent."""

    async def __call__(self, request):
        reply = await super().__call__(request)
        await asyncio.sleep(0.001)
        return ChatReply(reply.text, Usage(calls=1, input_tokens=80, output_tokens=20, cost=0.01))


@pytest.mark.parametrize(
    ("limit", "calls"), [({"max_tokens": 1000}, 10), ({"max_cost": 0.1}, 10), ({"max_tokens": 50}, 1)]
)
async def test_spending_never_goes_beyond_what_was_allowed(limit, calls):
    """Each call is reserved before it is made, also with many at once: the sum stays within the limit."""
    chat = Priced(user=MESSAGES, judge=NEVER)
    run, _ = await play(CASES, chat=chat, max_turns=20, **limit)

    spent = run.state.usage["user"] + run.state.usage.get("judge", Usage())
    assert spent.calls == calls
    assert {(c.stop, c.verdict) for c in run.conversations} == {("over_budget", "void")}
    (name,) = limit
    assert run.conversations[0].detail.startswith(f"{name}={limit[name]:g} is used up")


async def test_what_was_done_before_the_limit_is_kept():
    """The messages that were said stay in the result."""
    run, _ = await play(CASES[:1], chat=Priced(user=MESSAGES, judge=NEVER), max_turns=20, max_tokens=500)

    assert [m.content for m in run.conversations[0].messages[:3]] == ["message 0", "It is done.", "message 1"]


async def test_the_time_of_a_run_is_limited():
    """When it is up, what plays is broken off and what waits is not begun: all over_budget, none cancelled."""

    async def hangs(messages):
        await asyncio.sleep(60)

    run, _ = await play(CASES, hangs, ScriptedChat(user=MESSAGES), concurrency=2, max_seconds=0.2)

    assert [c.stop for c in run.conversations] == ["over_budget"] * 4
    assert run.conversations[0].detail == "max_seconds=0.2 is over"
    assert [len(c.messages) for c in run.conversations] == [1, 1, 0, 0]


async def test_a_model_that_takes_too_long_is_a_model_error():
    """`model_timeout` ends the conversation as void, and names itself."""

    async def user(view):
        await asyncio.sleep(60)

    run, _ = await play(CASES[:1], user=user, judge_model=ScriptedChat(), user_model=None, model_timeout=0.05)

    assert run.conversations[0].stop == "model_error"
    assert "model_timeout=0.05" in run.conversations[0].detail


@pytest.mark.parametrize("limit", [{"max_tokens": 0}, {"max_tokens": 1.5}, {"max_cost": -1}, {"max_seconds": "5"}])
async def test_a_limit_that_is_no_limit_is_refused(limit):
    """One line names the value."""
    ((name, value),) = limit.items()
    with pytest.raises(cs.ConvsimError, match=f"{name}={value!r}: give a"):
        await play(CASES, ScriptedAgent(), **limit)


async def test_a_limit_in_dollars_needs_a_price():
    """A model whose price is not known is refused up front, with what to give instead."""
    with pytest.raises(
        cs.ConvsimError, match="the price of user_model='http://localhost:1/v1#x' is not known: give max"
    ):
        await play(CASES, ScriptedAgent(), user_model="http://localhost:1/v1#x", max_cost=1.0)
