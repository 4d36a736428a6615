"""LangChain's autologging while a run plays: its spans lie inside our traces."""

import warnings

import mlflow
import pytest

pytest.importorskip("langgraph", reason="the extra `langchain` is not installed")

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from convsim_nb.adapters.agents import as_agent
from tests.adapters.mlflow.playing import cases, play

pytestmark = pytest.mark.usefixtures("ambient")


@pytest.fixture
def _autologging():
    with warnings.catch_warnings(action="ignore"):  # MLflow's, of LangChain's packages that are not here
        mlflow.langchain.autolog()
    yield
    mlflow.langchain.autolog(disable=True)


def graph(*, is_async):
    chat = GenericFakeChatModel(messages=iter([AIMessage(content="It was sent.")] * 100))

    async def node(state):
        return {"messages": [await chat.ainvoke(state["messages"])]}

    def plain(state):
        return {"messages": [chat.invoke(state["messages"])]}

    builder = StateGraph(MessagesState).add_node("answer", node if is_async else plain)
    return builder.add_edge(START, "answer").add_edge("answer", END).compile()


@pytest.mark.usefixtures("_autologging")
@pytest.mark.parametrize("threads", [False, True], ids=["loop", "threads"])
@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
async def test_a_graph_leaves_one_trace_a_turn(is_async, threads):
    """Ten conversations at once: the graph, its node and its model inside the turn's own root, session ours."""
    agent = as_agent(graph(is_async=is_async), agent_threads=threads)
    played = await play(cases(10), agent, settings={"concurrency": 10})
    mlflow.flush_trace_async_logging()
    traces = played.traces

    assert [c.detail for c in played.state.conversations] == [""] * 10
    assert [[span.name for span in t.data.spans] for t in traces] == [
        ["my_agent", "LangGraph", "answer", "GenericFakeChatModel"]
    ] * 20
    assert {t.info.trace_metadata["mlflow.trace.session"] for t in traces} == {
        c.session_id for c in played.state.conversations
    }
    assert traces[0].info.response_preview == "It was sent."
