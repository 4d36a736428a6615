"""An agent that answers in mere text, and traces its tools: its calls stand in the conversation all the same."""

import asyncio
import itertools
import threading
import time

import mlflow
import pytest
from inline_snapshot import snapshot
from mlflow.entities import SpanType

from convsim_nb.adapters.agents import ReplayingAgent, as_agent
from convsim_nb.adapters.mlflow.turns import read_turn
from convsim_nb.analysis.scorers import SCORERS, score
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.session import Message
from tests.adapters.mlflow.playing import cases, play

pytestmark = pytest.mark.usefixtures("ambient")


@mlflow.trace(span_type=SpanType.TOOL)
def find_order(order_id):
    return {"order": order_id, "paid": price(order_id)}


@mlflow.trace(span_type=SpanType.TOOL)
def price(order_id):
    return 34.9


@mlflow.trace(span_type=SpanType.TOOL)
def refund(order_id):
    raise PermissionError(f"order {order_id} is too old")


def plain(messages):
    find_order(7)
    return "It was paid."


async def coroutine(messages):
    await asyncio.sleep(0)
    find_order(7)
    return "It was paid."


def stream(messages):
    yield "It was "
    find_order(7)
    yield "paid."


async def async_stream(messages):
    yield "It was "
    find_order(7)
    await asyncio.sleep(0)
    yield "paid."


def field(messages):
    find_order(7)
    return {"response": "It was paid."}


def replies(played):
    return [m for one in played.state.conversations for m in one.messages if m.role == "assistant"]


def calls_of(message):
    return [call.model_dump(exclude={"seconds"}, exclude_none=True) for call in message.tool_calls]


async def heard(agent, count=1, **settings):
    played = await play(cases(count), as_agent(agent), **settings)
    return played, replies(played)


@pytest.mark.parametrize("agent", [plain, coroutine, stream, async_stream, field], ids=lambda one: one.__name__)
async def test_the_calls_of_a_turns_tool_spans_stand_on_its_reply(agent):
    """Name, arguments, result and time of the outer tool, once a turn and once in the trace, as if recorded."""
    played, said = await heard(agent)

    assert [calls_of(message) for message in said] == 2 * [
        [{"name": "find_order", "arguments": {"order_id": 7}, "result": {"order": 7, "paid": 34.9}}]
    ]
    assert all(call.seconds is not None for message in said for call in message.tool_calls)
    names = [[span.name for span in trace.data.spans if span.span_type == "TOOL"] for trace in played.traces]
    assert names == [["find_order", "price"]] * 2
    recorded = [read_turn(trace).replies[-1].tool_calls for trace in played.traces]
    assert recorded == [message.tool_calls for message in said]


async def test_a_tool_that_raises_is_a_call_with_an_error():
    """Its class and words; what comes after it is a call of its own."""

    def agent(messages):
        try:
            refund("A-1")
        except PermissionError:
            find_order("A-1")
        return "I cannot."

    _, said = await heard(agent)

    assert calls_of(said[0]) == snapshot(
        [
            {"name": "refund", "arguments": {"order_id": "A-1"}, "error": "PermissionError: order A-1 is too old"},
            {"name": "find_order", "arguments": {"order_id": "A-1"}, "result": {"order": "A-1", "paid": 34.9}},
        ]
    )


async def test_a_key_in_a_tools_error_is_not_shown():
    """An exception may hold what the tool was called with."""

    @mlflow.trace(span_type=SpanType.TOOL)
    def pay():
        raise RuntimeError("refused: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD")

    def agent(messages):
        try:
            pay()
        except RuntimeError:
            return "No."

    _, said = await heard(agent)

    assert "abcdefghijklmnop" not in said[0].tool_calls[0].error
    assert said[0].tool_calls[0].error.startswith("RuntimeError: refused")


@pytest.mark.parametrize("threads", [True, False], ids=["plain", "async"])
async def test_conversations_side_by_side_keep_their_own_calls(threads):
    """Six at once, each with a tool call of its own in every turn, all under way at the same time."""
    meet = threading.Barrier(6) if threads else asyncio.Barrier(6)

    def agent(messages, number):
        meet.wait(20)
        find_order(f"{number}-{len(messages)}")
        return f"{number}-{len(messages)}"

    async def async_agent(messages, number):
        await meet.wait()
        find_order(f"{number}-{len(messages)}")
        return f"{number}-{len(messages)}"

    todo = tuple(case.edited(context={"number": n}) for n, case in enumerate(cases(6)))
    said = replies(await play(todo, as_agent(agent if threads else async_agent)))

    assert len(said) == 12
    assert [[call.arguments["order_id"] for call in message.tool_calls] for message in said] == [
        [message.content] for message in said
    ]


async def test_what_a_model_asked_for_is_read_from_its_span():
    """Autologging of a model's client: the answer of a tool that has no span stands in what the model heard next."""
    asked = {
        "id": "c1",
        "type": "function",
        "function": {"name": "find_order", "arguments": '{"order_id": 7}'},
    }
    calls = {"role": "assistant", "content": None, "tool_calls": [asked]}

    @mlflow.trace(span_type=SpanType.CHAT_MODEL)
    def model(messages):
        last = messages[-1]["role"] == "tool"
        message = {"role": "assistant", "content": "It was paid."} if last else calls
        return {"choices": [{"message": message}]}

    def agent(messages):
        model(messages)
        done = [*messages, calls, {"role": "tool", "tool_call_id": "c1", "content": '{"paid": 34.9}'}]
        return model(done)["choices"][0]["message"]["content"]

    _, said = await heard(agent)

    assert calls_of(said[0]) == snapshot(
        [{"name": "find_order", "arguments": {"order_id": 7}, "result": {"paid": 34.9}, "id": "c1"}]
    )


async def test_calls_that_the_reply_names_itself_stand_as_they_are():
    """They are not joined with spans, which may have other names."""

    def messages_of_its_own(messages):
        find_order(7)
        call = {"id": "c", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
        return [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c", "content": "paid"},
            {"role": "assistant", "content": "It was paid."},
        ]

    _, said = await heard(messages_of_its_own)

    assert [call.name for call in said[0].tool_calls] == ["look_up"]


async def test_what_a_stateful_agent_does_when_it_is_told_again_is_not_of_the_turn():
    """The tools that it calls for given history stand in the trace, and not in the reply."""
    numbers = itertools.count(1)

    def agent(messages, mlflow_session_id):
        find_order(next(numbers))
        time.sleep(0.002)
        return "Yes."

    history = (Message(role="user", content="Is it paid?"), Message(role="assistant", content="Yes."))
    played = await play(cases(1, history=history), ReplayingAgent(as_agent(agent)), settings={"max_turns": 1})

    (message,) = [one for one in replies(played) if one.source == "agent"]
    assert [call.arguments for call in message.tool_calls] == [{"order_id": 2}]
    tools = [span.inputs for span in played.traces[0].data.spans if span.name == "find_order"]
    assert tools == [{"order_id": 1}, {"order_id": 2}]


# --- what is not known ---------------------------------------------------------------


def values(conversations: "list[Conversation]"):
    found = score(conversations, list(SCORERS.items()))
    return [(one.name, one.value) for one in found if one.name in ("tool_calls", "tool_errors")]


async def test_with_tracing_off_what_mere_text_does_is_not_known():
    """No value, and not 0; a reply that could have named calls has made none."""
    mlflow.tracing.disable()
    try:
        text, texts = await heard(plain)
        chat, chats = await heard(lambda messages: {"role": "assistant", "content": plain(messages)})
    finally:
        mlflow.tracing.enable()

    assert [(message.tool_calls, message.calls_known) for message in (*texts, *chats)] == [
        *[((), False)] * 2,
        *[((), True)] * 2,
    ]
    assert values(text.state.conversations) == []
    assert values(chat.state.conversations) == [("tool_calls", 0), ("tool_errors", 0)]


async def test_an_agent_whose_tools_are_seen_elsewhere_in_the_run_has_called_none():
    """A conversation in which it forgot them counts as 0; where none is ever seen, nothing is known."""

    def agent(messages, number):
        if number:
            find_order(7)
        return "It was paid."

    todo = tuple(case.edited(context={"number": n}) for n, case in enumerate(cases(2)))
    forgot, called = (await play(todo, as_agent(agent))).state.conversations

    assert values([forgot, called]) == [("tool_calls", 0), ("tool_errors", 0), ("tool_calls", 2), ("tool_errors", 0)]
    assert values([forgot]) == []
