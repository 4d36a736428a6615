"""Replies in every common shape, as the libraries themselves make them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from inline_snapshot import snapshot
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from convsim_nb.adapters.agents.replies import read_reply
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import AgentError
from tests.adapters.agents.shapes import (
    ASKS,
    CALL,
    COMPLETION,
    ITEM_CALL,
    ITEM_RESULT,
    ITEM_SAYS,
    LOOKED_UP,
    RESPONSE,
    SAYS,
    TOOL,
    AIMessage,
    HumanMessage,
    PredictResult,
    ToolMessage,
    mlflow_agent,
    mlflow_llm,
    mlflow_responses,
)


@pytest.mark.parametrize(
    "raw",
    [
        "It was sent.",
        SAYS,
        [SAYS],
        {"messages": [SAYS]},
        {"messages": [{"role": "user", "content": "Where is it?"}, SAYS]},
        COMPLETION,
        ChatCompletion.model_validate(COMPLETION),
        RESPONSE,
        {"output": [ITEM_SAYS]},
        Response.model_validate(RESPONSE),
        mlflow_responses.ResponsesAgentResponse(output=[ITEM_SAYS]),
        mlflow_agent.ChatAgentResponse(
            messages=[mlflow_agent.ChatAgentMessage(role="assistant", content="It was sent.", id="1")]
        ),
        mlflow_llm.ChatCompletionResponse(
            choices=[mlflow_llm.ChatChoice(message=mlflow_llm.ChatMessage(role="assistant", content="It was sent."))]
        ),
        AIMessage(content="It was sent."),
        AIMessage(content=[{"type": "text", "text": "It was sent."}]),
        {"messages": [HumanMessage(content="Where is it?"), AIMessage(content="It was sent.")]},
        {"role": "assistant", "type": "message", "content": [{"type": "text", "text": "It was sent."}], "usage": {}},
        {"content": "It was sent."},
        {"output": "It was sent."},
        {"answer": "It was sent.", "sources": []},
        {"response": "It was sent."},
        {"response": SAYS},
        {"predictions": ["It was sent."]},
        PredictResult("It was sent."),
        PredictResult(COMPLETION),
        SimpleNamespace(output="It was sent.", cost=1),
        SimpleNamespace(response="It was sent."),
        ["It was sent."],
        np.array(["It was sent."]),
        pd.DataFrame({"content": ["It was sent."]}),
    ],
    ids=lambda raw: type(raw).__name__,
)
def test_the_text_is_found_in_every_shape(raw):
    """The same answer, made by ten libraries, reads the same; where it is text alone, nothing else goes back."""
    reply = read_reply(raw)

    assert reply.content == "It was sent."
    assert reply.tool_calls == ()
    assert reply.raw is raw


@pytest.mark.parametrize(
    "raw",
    [
        [ASKS, TOOL, SAYS],
        {"messages": [{"role": "user", "content": "?"}, ASKS, TOOL, {**SAYS, "refusal": None, "annotations": []}]},
        mlflow_agent.ChatAgentResponse(
            messages=[
                mlflow_agent.ChatAgentMessage(role="assistant", content="", tool_calls=[CALL], id="1"),
                mlflow_agent.ChatAgentMessage(
                    role="tool", content='{"state": "sent"}', tool_call_id="c1", name="look_up", id="2"
                ),
                mlflow_agent.ChatAgentMessage(role="assistant", content="It was sent.", id="3"),
            ]
        ),
        {
            "messages": [
                HumanMessage(content="?"),
                AIMessage(content="", tool_calls=[{"name": "look_up", "args": {"order": 7}, "id": "c1"}]),
                ToolMessage(content='{"state": "sent"}', tool_call_id="c1"),
                AIMessage(content="It was sent."),
            ]
        },
    ],
    ids=["list", "whole conversation", "ChatAgent", "LangGraph"],
)
def test_tool_calls_are_joined_with_their_results_and_go_back(raw):
    """Several messages of one turn are one reply; the next turn gives the agent its own messages again."""
    reply = read_reply(raw)

    assert (reply.content, reply.tool_calls) == ("It was sent.", (LOOKED_UP,))
    roles = [message["role"] for message in reply.wire]
    assert roles == ["assistant", "tool", "assistant"]
    assert reply.wire[0]["tool_calls"][0]["function"]["name"] == "look_up"
    assert set().union(*reply.wire) <= {"role", "content", "name", "tool_calls", "tool_call_id"}


def test_responses_items_go_back_as_they_are():
    """Reasoning and calls are items of their own, which the Responses API wants to see again."""
    reasoning = {"type": "reasoning", "id": "rs1", "summary": [], "encrypted_content": "abc"}
    reply = read_reply({"output": [reasoning, ITEM_CALL, ITEM_RESULT, ITEM_SAYS]})

    assert (reply.content, reply.tool_calls) == ("It was sent.", (LOOKED_UP,))
    assert reply.wire == (reasoning, ITEM_CALL, ITEM_RESULT, ITEM_SAYS)


def test_a_failed_tool_is_an_error_of_its_call():
    """LangChain says so by a status."""
    calls = [{"name": "look_up", "args": {}, "id": "c1"}]
    failed = ToolMessage(content="no such order", tool_call_id="c1", status="error")
    reply = read_reply([AIMessage(content="", tool_calls=calls), failed, AIMessage(content="Sorry.")])

    assert [(call.result, call.error) for call in reply.tool_calls] == [(None, "no such order")]


def test_a_call_without_a_result_does_not_go_back():
    """An agent that hands its calls over undone would be refused by its model in the next turn."""
    reply = read_reply([{**ASKS, "content": "One moment."}])

    assert reply.content == "One moment."
    assert [call.name for call in reply.tool_calls] == ["look_up"]
    assert reply.wire == ()


def test_several_messages_of_a_turn_are_one_text():
    """They are kept apart in what goes back."""
    reply = read_reply(
        [{"role": "assistant", "content": "Hello."}, {"role": "assistant", "content": "How can I help?"}]
    )

    assert reply.content == "Hello.\n\nHow can I help?"
    assert [message["content"] for message in reply.wire] == ["Hello.", "How can I help?"]


def test_an_image_in_a_reply_goes_back():
    """The text alone would lose it."""
    parts = [{"type": "text", "text": "Here:"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]
    reply = read_reply({"role": "assistant", "content": parts})

    assert reply.content == "Here:"
    assert reply.wire == ({"role": "assistant", "content": parts},)


def test_what_the_agent_says_of_its_own_usage_is_kept():
    """Tokens in each of three vocabularies; the price is not ours to know."""
    langchain = AIMessage(content="x", usage_metadata={"input_tokens": 9, "output_tokens": 3, "total_tokens": 12})

    assert read_reply(COMPLETION).usage == Usage(calls=1, input_tokens=9, output_tokens=3, cost=None)
    assert read_reply(RESPONSE).usage == Usage(calls=1, input_tokens=9, output_tokens=3, cached_tokens=4, cost=None)
    assert read_reply([langchain, langchain]).usage == Usage(calls=2, input_tokens=18, output_tokens=6, cost=None)
    assert read_reply("x").usage is None


def test_the_trace_of_a_remote_agent_is_kept():
    """`PredictResult(response, trace_id)`, and the same as a dict."""
    assert read_reply(PredictResult("x", "tr-1")).refs == {"trace_id": "tr-1"}
    assert read_reply({"content": "x", "trace_id": "tr-1"}).refs == {"trace_id": "tr-1"}


@pytest.mark.parametrize("raw", ["", [], {"messages": []}, {"output": []}, {"role": "assistant", "content": None}])
def test_an_empty_reply_is_a_silent_agent_and_no_fault_of_shape(raw):
    """Whether silence ends the conversation is for the engine to say."""
    assert read_reply(raw).content == ""


def test_what_holds_no_answer_is_named_by_its_type():
    """None, numbers, objects, dicts of other keys, errors: one line each."""
    said = []
    for raw in (
        None,
        42,
        True,
        b"bytes",
        object,
        {"foo": 1},
        {"error": {"message": "boom"}},
        {"content": None},
        [1, 2],
    ):
        with pytest.raises(AgentError) as failed:
            read_reply(raw)
        said.append(str(failed.value))

    assert said == snapshot(
        [
            "the agent returned None: it must return its answer",
            "the agent returned int, in which no answer can be found: 42",
            "the agent returned bool, in which no answer can be found: True",
            "the agent returned bytes, in which no answer can be found: b'bytes'",
            "the agent returned type, in which no answer can be found: <class 'object'>",
            "the agent returned dict, in which no answer can be found: {'foo': 1}",
            "the agent answered with an error: {'message': 'boom'}",
            "the agent returned dict, in which no answer can be found: {'content': None}",
            "the agent returned list, in which no answer can be found: [1, 2]",
        ]
    )
