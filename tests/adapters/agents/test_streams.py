"""Replies that come in pieces, in the shapes of the libraries that stream them."""

import pytest
from inline_snapshot import snapshot
from openai.types.chat import ChatCompletionChunk

from convsim_nb.adapters.agents.replies import read_reply
from convsim_nb.adapters.agents.streams import Pieces
from convsim_nb.domain.errors import AgentError
from tests.adapters.agents.shapes import (
    CALL,
    ITEM_CALL,
    ITEM_RESULT,
    ITEM_SAYS,
    LOOKED_UP,
    RESPONSE,
    SAYS,
    TOOL,
    AIMessage,
    mlflow_agent,
    mlflow_responses,
)


def chunk(usage=None, **delta):
    choices = [{"index": 0, "delta": delta}] if delta else []
    body = {
        "id": "x",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "m",
        "choices": choices,
        "usage": usage,
    }
    return ChatCompletionChunk.model_validate(body)


def heard(*pieces):
    """The texts that were shown, and the reply."""
    stream = Pieces()
    shown = [text for piece in pieces if (text := stream.add(piece))]
    return shown, read_reply(stream.whole())


def test_plain_text():
    """Pieces of text are the text."""
    shown, reply = heard("It was ", "sent.")

    assert shown == ["It was ", "sent."]
    assert (reply.content, reply.wire) == ("It was sent.", ())


@pytest.mark.parametrize("as_dicts", [False, True], ids=["objects", "dicts"])
def test_chat_completions_chunks(as_dicts):
    """Text and tool calls are put together from their pieces; the usage comes last."""
    pieces = [
        chunk(role="assistant"),
        chunk(content="It was "),
        chunk(content="sent."),
        chunk(
            tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "log", "arguments": '{"a'}}]
        ),
        chunk(tool_calls=[{"index": 0, "function": {"arguments": '": 1}'}}]),
        chunk(tool_calls=[{"index": 1, "id": "c2", "type": "function", "function": {"name": "bye", "arguments": ""}}]),
        chunk(usage={"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}),
    ]
    shown, reply = heard(*([piece.model_dump() for piece in pieces] if as_dicts else pieces))

    assert shown == ["It was ", "sent."]
    assert reply.content == "It was sent."
    assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == snapshot(
        [("c1", "log", {"a": 1}), ("c2", "bye", None)]
    )
    assert reply.usage is not None
    assert reply.usage.input_tokens == 9


def event(kind, **fields):
    return mlflow_responses.ResponsesAgentStreamEvent(type=kind, **fields)


def test_responses_events():
    """Deltas are shown once; the items are the reply, whether or not a last event repeats them."""
    events = [
        event("response.output_item.done", item=ITEM_CALL),
        event("response.output_item.done", item=ITEM_RESULT),
        event("response.output_text.delta", delta="It was ", item_id="m1", content_index=0, output_index=0),
        event("response.output_text.delta", delta="sent.", item_id="m1", content_index=0, output_index=0),
        event("response.output_item.done", item=ITEM_SAYS),
    ]
    shown, reply = heard(*events)

    assert shown == ["It was ", "sent."]
    assert (reply.content, reply.tool_calls) == ("It was sent.", (LOOKED_UP,))
    completed = {"type": "response.completed", "response": RESPONSE}
    assert heard(completed)[1].content == "It was sent."
    twice = heard(*events, completed, completed)[1]
    assert (twice.content, twice.tool_calls) == ("It was sent.", (LOOKED_UP,))
    assert twice.usage is not None
    assert (twice.usage.calls, twice.usage.input_tokens) == (2, 18)


def test_items_without_deltas_are_shown_whole():
    """An agent may stream item by item."""
    assert heard({"type": "response.output_item.done", "item": ITEM_SAYS})[0] == ["It was sent."]


def test_chat_agent_chunks():
    """MLflow's ChatAgent streams messages, whole or in pieces of one id."""

    def piece(**message):
        return mlflow_agent.ChatAgentChunk(delta=mlflow_agent.ChatAgentMessage(id="1", **message))

    shown, reply = heard(
        piece(role="assistant", content="", tool_calls=[CALL]),
        piece(role="tool", content=TOOL["content"], tool_call_id="c1", name="look_up"),
        piece(role="assistant", content="It was "),
        piece(role="assistant", content="sent."),
    )

    assert shown == ["It was ", "sent."]
    assert (reply.content, reply.tool_calls) == ("It was sent.", (LOOKED_UP,))


def test_langchain_chunks_and_messages():
    """Chunks of a message, and whole messages one after the other."""
    chunks = [AIMessage(type="AIMessageChunk", content=text) for text in ("It was ", "sent.")]

    assert heard(*chunks)[1].content == "It was sent."
    shown, reply = heard({"role": "assistant", "content": "", "tool_calls": [CALL]}, TOOL, SAYS)
    assert shown == ["It was sent."]
    assert reply.tool_calls == (LOOKED_UP,)


def test_an_empty_stream_is_a_silent_agent():
    """No piece at all is an empty reply."""
    shown, reply = heard()

    assert (shown, reply.content, reply.tool_calls) == ([], "", ())


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ({"type": "response.failed", "response": {"error": {"message": "boom"}}}, "stream ended with an error: .*boom"),
        ({"type": "error", "message": "boom"}, "stream ended with an error: .*boom"),
        (7, "the agent's stream holds int, which we cannot read: 7"),
    ],
)
def test_a_stream_that_fails_is_an_agent_error(piece, said):
    """An error in the middle of a stream is not an answer."""
    with pytest.raises(AgentError, match=said):
        heard("It was ", piece)
