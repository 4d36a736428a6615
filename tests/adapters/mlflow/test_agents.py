"""MLflow's own kinds of agents, and agents with a memory, played to the end: one trace a turn, and their history."""

import uuid
import warnings

import mlflow
import pytest
from inline_snapshot import snapshot

from convsim_nb.adapters.agents import as_agent
from convsim_nb.domain.session import Message, ToolCall
from tests.adapters.agents.shapes import (
    CALL,
    ITEM_CALL,
    ITEM_RESULT,
    ITEM_SAYS,
    TOOL,
    mlflow_agent,
    mlflow_responses,
)
from tests.adapters.mlflow.playing import cases, play

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow.pyfunc import ChatAgent, ResponsesAgent

pytestmark = pytest.mark.usefixtures("ambient")

LOOKED_UP = ToolCall(name="look_up", arguments={"order": 7}, result={"state": "sent"}, id="c1")
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


class Items(ResponsesAgent):
    """Looks an order up, and keeps what it was given."""

    def __init__(self):
        self.given = []

    def predict(self, request):
        self.given.append([item.model_dump(exclude_none=True) for item in request.input])
        return mlflow_responses.ResponsesAgentResponse(output=[ITEM_CALL, ITEM_RESULT, ITEM_SAYS])


class StreamedItems(Items):
    def predict_stream(self, request):
        self.given.append([item.model_dump(exclude_none=True) for item in request.input])
        for item in (ITEM_CALL, ITEM_RESULT):
            yield mlflow_responses.ResponsesAgentStreamEvent(type="response.output_item.done", item=item)
        for word in ("It was ", "sent."):
            yield mlflow_responses.ResponsesAgentStreamEvent(**self.create_text_delta(delta=word, item_id="m1"))
        yield mlflow_responses.ResponsesAgentStreamEvent(type="response.output_item.done", item=ITEM_SAYS)


def chat_message(**fields):
    return mlflow_agent.ChatAgentMessage(id=str(uuid.uuid4()), **fields)


MESSAGES = (
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {**TOOL, "name": "look_up"},
    {"role": "assistant", "content": "It was sent."},
)


class Chats(ChatAgent):
    def __init__(self):
        self.given = []

    def predict(self, messages, context=None, custom_inputs=None):  # noqa: ARG002 - as MLflow calls it
        self.given.append([message.model_dump(exclude_none=True) for message in messages])
        return mlflow_agent.ChatAgentResponse(messages=[chat_message(**fields) for fields in MESSAGES])


class StreamedChats(Chats):
    def predict_stream(self, messages, context=None, custom_inputs=None):  # noqa: ARG002 - as MLflow calls it
        self.given.append([message.model_dump(exclude_none=True) for message in messages])
        for fields in MESSAGES:
            yield mlflow_agent.ChatAgentChunk(delta=chat_message(**fields))


@pytest.mark.parametrize("kind", [Items, StreamedItems, Chats, StreamedChats])
async def test_an_agent_of_mlflows_leaves_one_trace_a_turn_and_gets_its_tools_back(kind):
    """MLflow traces a ResponsesAgent by itself: inside ours. What it said comes back as it was said."""
    model = kind()
    played = await play(cases(1), as_agent(model))
    mlflow.flush_trace_async_logging()
    (conversation,) = played.state.conversations

    assert [m.content for m in conversation.messages if m.role == "assistant"] == ["It was sent."] * 2
    assert [m.tool_calls for m in conversation.messages if m.role == "assistant"] == [(LOOKED_UP,)] * 2
    assert len(played.traces) == 2
    assert {t.info.trace_metadata["mlflow.trace.session"] for t in played.traces} == {conversation.session_id}
    for trace in played.traces:
        roots = [span.name for span in trace.data.spans if span.parent_id is None]
        assert (roots, len(trace.data.spans)) == (["my_agent"], 2 if isinstance(model, Items) else 1)
    heard = model.given[1]
    if isinstance(model, Items):
        assert [item.get("type", item.get("role")) for item in heard] == snapshot(
            ["message", "function_call", "function_call_output", "message", "message"]
        )
    else:
        assert [(item["role"], bool(item.get("tool_calls"))) for item in heard] == snapshot(
            [("user", False), ("assistant", True), ("tool", False), ("assistant", False), ("user", False)]
        )


async def test_an_agent_with_a_memory_by_session():
    """It is told which conversation it is in, each attempt its own; twenty at once are not mixed up."""
    memory: dict[str, list[str]] = {}

    async def agent(messages, mlflow_session_id):
        memory.setdefault(mlflow_session_id, []).append(messages[-1]["content"])
        return f"{len(memory[mlflow_session_id])} heard"

    played = await play(cases(20), as_agent(agent), settings={"max_turns": 3, "concurrency": 20})

    assert sorted(memory) == sorted(c.session_id for c in played.state.conversations)
    for conversation in played.state.conversations:
        assert memory[conversation.session_id] == ["Question 1?", "Question 2?", "Question 3?"]
        assert [m.content for m in conversation.messages if m.role == "assistant"] == ["1 heard", "2 heard", "3 heard"]


async def test_pictures_and_several_messages_of_a_turn_stay_in_the_history():
    """A case's picture, and each message that the agent said, are there in every later turn, and in the trace."""
    given = []

    def agent(messages):
        given.append(messages)
        return [
            {"role": "assistant", "content": "One moment.", "tool_calls": [CALL]},
            TOOL,
            {"role": "assistant", "content": [{"type": "text", "text": "It was sent."}, PICTURE]},
        ]

    shown = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]}
    history = (Message(role="user", content="What is this?", wire=(shown,)),)
    played = await play(cases(1, history=history), as_agent(agent))
    (conversation,) = played.state.conversations

    assert [m.content for m in conversation.messages][1] == "One moment.\n\nIt was sent."
    assert given[0] == [shown]
    assert given[1][0] == shown
    assert [one["role"] for one in given[1]] == ["user", "assistant", "tool", "assistant", "user"]
    assert given[1][3]["content"][1] == PICTURE
    assert played.traces[1].data.spans[0].inputs["messages"] == given[1]
