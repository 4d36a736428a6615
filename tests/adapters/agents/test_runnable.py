"""LangChain's runnables and LangGraph's graphs as agents: the libraries themselves, with a scripted model."""

import asyncio
from typing import Annotated, TypedDict

import pytest
from inline_snapshot import snapshot

from convsim_nb.adapters.agents import agent_ref, as_agent, check_context
from convsim_nb.adapters.agents.callable_agent import CallableAgent
from convsim_nb.adapters.retries import Backoff
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentTypeError
from convsim_nb.domain.session import Message, ToolCall
from tests.adapters.agents.shapes import CALL
from tests.adapters.agents.turns import HELLO, ask, turn

pytest.importorskip("langchain_core", reason="the extra `langchain` is not installed")
pytest.importorskip("langgraph", reason="the extra `langchain` is not installed")

from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.runnables import RunnableConfig, RunnableLambda
from langchain_core.runnables.history import RunnableWithMessageHistory
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
TALK = (
    Message(
        role="user",
        content="What is this?",
        wire=({"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]},),
    ),
    Message(
        role="assistant",
        content="A parcel.",
        wire=(
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "a parcel"},
            {"role": "assistant", "content": "A parcel."},
        ),
    ),
    Message(role="user", content="Where is it?"),
)


def model(*texts):
    """A chat model of LangChain's that says these, word by word where it is asked for a stream."""
    return GenericFakeChatModel(messages=iter([AIMessage(content=text) for text in texts or ("It was sent.",)]))


def graph_of(node, *, schema=MessagesState, **compiled):
    return StateGraph(schema).add_node("node", node).add_edge(START, "node").add_edge("node", END).compile(**compiled)


def heard(messages) -> str:
    return " ".join(f"{message.type}:{message.text}" for message in messages)


def echo(state):
    """A node that says what it heard."""
    return {"messages": [AIMessage(content=heard(state["messages"]))]}


# --- graphs --------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [False, True], ids=["loop", "threads"])
async def test_a_graph_streams_what_its_model_says(threads):
    """Words are passed on as they come, and the reply is what the graph ends with."""
    chat, pieces = model("It was sent."), []

    async def node(state):
        return {"messages": [await chat.ainvoke(state["messages"])]}

    agent = as_agent(graph_of(node), agent_threads=threads)
    reply = await agent(turn(delta=pieces.append))

    assert (agent.name, reply.content) == ("LangGraph", "It was sent.")
    assert [piece for piece in pieces if piece.strip()] == ["It", "was", "sent."]


async def test_a_plain_node_is_a_graph_too():
    """One that knows nothing of async runs beside the loop; images and tool calls of the history reach it."""
    seen = []

    def node(state):
        seen.extend(state["messages"])
        return echo(state)

    reply = await ask(graph_of(node), *TALK)

    assert reply.content == "human:What is this? ai: tool:a parcel ai:A parcel. human:Where is it?"
    assert seen[0].content[1] == IMAGE
    assert seen[1].tool_calls == [{"name": "look_up", "args": {"order": 7}, "id": "c1", "type": "tool_call"}]
    assert seen[2].tool_call_id == "c1"


async def test_tools_that_a_graph_used_are_kept_and_come_back():
    """Call, result and answer are one turn, and go back as they were said."""

    def look_up(state):
        call = {"name": "look_up", "args": {"order": 7}, "id": "c1"}
        return {"messages": [AIMessage(content="One moment.", tool_calls=[call])]}

    def tool(state):
        return {"messages": [ToolMessage(content='{"state": "sent"}', tool_call_id="c1")]}

    builder = StateGraph(MessagesState).add_node("ask", look_up).add_node("tool", tool)
    builder.add_node("say", lambda state: {"messages": [AIMessage(content="It was sent.")]})
    graph = builder.add_edge(START, "ask").add_edge("ask", "tool").add_edge("tool", "say").compile()
    reply = await ask(graph)

    assert reply.content == "One moment.\n\nIt was sent."
    assert reply.tool_calls == (ToolCall(name="look_up", arguments={"order": 7}, result={"state": "sent"}, id="c1"),)
    assert [one["role"] for one in reply.wire] == ["assistant", "assistant", "tool", "assistant"]
    again = await ask(graph_of(echo), HELLO, Message(role="assistant", content="", wire=reply.wire), HELLO)
    assert again.content == snapshot(
        'human:hello ai:One moment. ai: tool:{"state": "sent"} ai:It was sent. human:hello'
    )


async def test_a_graph_that_remembers_is_given_only_what_is_new():
    """With a checkpointer the session is its thread; a history that it does not know is given whole."""
    graph = graph_of(echo, checkpointer=InMemorySaver())
    first = await ask(graph, HELLO)
    second = await ask(
        graph, HELLO, Message(role="assistant", content=first.content), Message(role="user", content="?")
    )

    assert first.content == "human:hello"
    assert second.content == "human:hello ai:human:hello human:?"
    assert (await ask(graph_of(echo, checkpointer=InMemorySaver()), *TALK)).content.endswith("human:Where is it?")


async def test_a_turn_that_is_tried_again_is_heard_once():
    """What a thread kept of a turn that failed is replaced, not said twice."""
    faults = iter([None, ConnectionResetError("reset"), None])

    def node(state):
        if error := next(faults):
            raise error
        return echo(state)

    graph = graph_of(node, checkpointer=InMemorySaver())
    call = as_agent(graph)._call
    agent = CallableAgent(call, name="a", retries=1, backoff=Backoff(first=0.001, longest=0.002))
    await agent(turn())
    reply = await agent(turn(HELLO, Message(role="assistant", content="x"), Message(role="user", content="again")))

    assert reply.content == "human:hello ai:human:hello human:again"


class WithCity(TypedDict):
    messages: Annotated[list, add_messages]
    city: str


async def test_context_and_session_reach_a_graph():
    """By its state where that has the key, else by the config."""

    def node(state, config: RunnableConfig):
        said = f"{state['city']} {config['configurable']['customer']} {config['configurable']['thread_id']}"
        return {"messages": [AIMessage(content=said)]}

    reply = await ask(graph_of(node, schema=WithCity), HELLO, context={"city": "Rome", "customer": 7})

    assert reply.content == "Rome 7 sim-1"


async def test_conversations_of_a_graph_do_not_wait_for_each_other():
    """Twenty at once take about as long as one."""

    async def node(state):
        await asyncio.sleep(0.2)
        return echo(state)

    agent = as_agent(graph_of(node))
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(agent(turn()) for _ in range(20)))

    assert asyncio.get_running_loop().time() - began < 2


# --- chains --------------------------------------------------------------------------

BY_MESSAGES = ChatPromptTemplate.from_messages([("system", "You are in {city}."), MessagesPlaceholder("messages")])
BY_INPUT = ChatPromptTemplate.from_messages([MessagesPlaceholder("chat_history"), ("human", "{input}")])
last_of_answer = RunnableLambda(lambda given: {"answer": heard(given["answer"][-1:])})
ECHO = RunnableLambda(lambda prompt: AIMessage(content=heard(prompt.to_messages())))


@pytest.mark.parametrize(
    ("chain", "answer"),
    [
        (BY_INPUT | ECHO, "human:What is this? ai: tool:a parcel ai:A parcel. human:Where is it?"),
        (BY_INPUT | ECHO | StrOutputParser(), "human:What is this? ai: tool:a parcel ai:A parcel. human:Where is it?"),
        (RunnableLambda(heard), "human:What is this? ai: tool:a parcel ai:A parcel. human:Where is it?"),
        (RunnableLambda(lambda given: {"answer": given["messages"]}) | last_of_answer, "human:Where is it?"),
        (RunnableLambda(lambda given: f"{given['input']}!"), "Where is it?!"),
        (model("It was sent."), "It was sent."),
        (BY_INPUT | model("It was sent.") | StrOutputParser(), "It was sent."),
    ],
    ids=["messages out", "text out", "the list itself", "by messages", "by input", "a model", "a model in a chain"],
)
async def test_a_chain_takes_the_conversation_as_its_input_says(chain, answer):
    """By `messages`, by `input` and the messages before it, or as the list."""
    assert (await ask(chain, *TALK)).content == answer


async def test_a_chain_streams_its_words():
    """As pieces of text, and as pieces of a message."""
    for chain in (model("It was sent."), model("It was sent.") | StrOutputParser()):
        pieces: list[str] = []
        reply = await as_agent(chain)(turn(delta=pieces.append))
        assert ([piece for piece in pieces if piece.strip()], reply.content) == (["It", "was", "sent."], "It was sent.")


@pytest.mark.filterwarnings("ignore:.*deprecated")
async def test_a_chain_that_keeps_its_history_is_given_only_what_is_new():
    """By the session, as LangChain's own wrapper keeps it."""
    kept: dict[str, InMemoryChatMessageHistory] = {}

    def of(session_id):
        return kept.setdefault(session_id, InMemoryChatMessageHistory())

    chain = RunnableWithMessageHistory(
        BY_INPUT | ECHO, of, input_messages_key="input", history_messages_key="chat_history"
    )
    await ask(chain, HELLO)
    reply = await ask(chain, HELLO, Message(role="assistant", content="?"), Message(role="user", content="again"))

    assert list(kept) == ["sim-1"]
    assert reply.content == "human:hello ai:human:hello human:again"


def test_a_context_that_a_chain_does_not_take_is_found_before_it_is_called():
    """What a prompt needs has to be there, what it does not know must not."""
    agent = as_agent(BY_MESSAGES | ECHO)
    check_context(agent, [TestCase(goal="g", context={"city": "Rome"})])
    for context, said in (({}, "needs 'city'"), ({"city": "Rome", "street": "x"}, "takes no 'street'")):
        with pytest.raises(AgentTypeError, match=said):
            check_context(agent, [TestCase(goal="g", context=context)])


async def test_the_context_stands_in_the_prompt():
    """A variable of the prompt is filled from the case."""
    assert (
        await ask(BY_MESSAGES | ECHO, HELLO, context={"city": "Rome"})
    ).content == "system:You are in Rome. human:hello"


def test_what_takes_no_conversation_is_refused():
    """In one line, with what it takes."""

    class Numbers(TypedDict):
        number: int

    with pytest.raises(AgentTypeError) as graph:
        as_agent(graph_of(lambda state: state, schema=Numbers))
    with pytest.raises(AgentTypeError) as chain:
        as_agent(ChatPromptTemplate.from_template("Say {word}") | ECHO)

    assert str(graph.value) == snapshot(
        "graph LangGraph has no `messages` in its input, but number: wrap it in a function of `messages`"
    )
    assert str(chain.value) == snapshot(
        "chain RunnableSequence takes word, and neither `messages` nor `input`: wrap it in a function of `messages`"
    )


def test_a_run_keeps_which_graph_it_was():
    """The hash is of the functions of its nodes, so that a changed agent is told from the one before."""

    def other(state):
        return {"messages": [AIMessage(content="other")]}

    one, same, another = (agent_ref(graph_of(node)) for node in (echo, echo, other))

    assert one == same
    assert one.source_hash != another.source_hash
    assert len(one.source_hash) == 12
