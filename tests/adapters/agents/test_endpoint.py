"""An OpenAI-compatible address as agent, against a server on loopback."""

import asyncio
import socket

import pytest

from convsim_nb.adapters.agents import as_agent
from convsim_nb.adapters.agents.callable_agent import CallableAgent
from convsim_nb.adapters.agents.endpoint import endpoint_agent
from convsim_nb.adapters.retries import Backoff
from convsim_nb.domain.errors import AgentError, AgentTimeout, AgentTypeError, AgentUnreachable
from convsim_nb.domain.session import ToolCall
from tests.adapters.agents.turns import HELLO, ask, turn
from tests.servers import Drop, Events, OpenAIServer, Raw, Say, Slow, Status

CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": 7}'}}


def at(server: OpenAIServer) -> str:
    return f"{server.url}#support"


def quick(server: OpenAIServer, **settings) -> CallableAgent:
    return CallableAgent(endpoint_agent(at(server)), name="a", **settings, backoff=Backoff(first=0.001, longest=0.002))


async def test_it_is_asked_for_a_stream_which_is_shown_as_it_comes():
    """The history goes as messages, the key as it should; words, tool calls and usage come back."""
    pieces = []
    with OpenAIServer(Say("It was sent .", tool_calls=(CALL,))) as server:
        reply = await as_agent(at(server), api_key="sk-1")(turn(delta=pieces.append))

    assert pieces == ["It ", "was ", "sent ", ". "]
    assert reply.content == "It was sent . "
    assert reply.tool_calls == (ToolCall(name="look_up", arguments={"order": 7}, id="c1"),)
    assert reply.usage is not None
    assert reply.usage.input_tokens == 10
    assert server.bodies == [{"model": "support", "messages": [{"role": "user", "content": "hello"}], "stream": True}]
    assert server.seen[0].headers["Authorization"] == "Bearer sk-1"


async def test_an_endpoint_that_does_not_stream_answers_too():
    """It sends the whole completion in spite of what it was asked for."""
    whole = b'{"choices": [{"message": {"role": "assistant", "content": "It was sent."}}]}'
    with OpenAIServer(Raw(whole)) as server:
        assert (await ask(at(server))).content == "It was sent."


async def test_a_line_of_the_stream_may_be_long():
    """Longer than any reader's buffer."""
    chunk = {"choices": [{"index": 0, "delta": {"content": "x" * 300_000}}]}
    with OpenAIServer(Events((chunk, chunk))) as server:
        assert len((await ask(at(server))).content) == 600_000


async def test_conversations_side_by_side_share_connections():
    """Three rounds of ten calls take ten connections, not thirty."""
    with OpenAIServer(Slow(0.05)) as server:
        agent = as_agent(at(server))
        for _ in range(3):
            await asyncio.gather(*(agent(turn()) for _ in range(10)))

        assert server.connections == 10


NOT_TAKEN = [Status(429, headers={"Retry-After": "0.05"}), Status(503)]
PERHAPS_TAKEN = [Status(502), Status(504), Drop()]


@pytest.mark.parametrize(
    ("fault", "retries"), [*((fault, None) for fault in NOT_TAKEN), *((fault, 1) for fault in PERHAPS_TAKEN)]
)
async def test_a_passing_fault_of_its_infrastructure_is_tried_again(fault, retries):
    """Its next answer is taken, and the fault told; where it may have got the request, only if that was asked for."""
    told = []
    with OpenAIServer(fault, Say("back")) as server:
        assert (await quick(server, retries=retries)(turn(again=told.append))).content.strip() == "back"
        assert (len(server.seen), len(told)) == (2, 1)


@pytest.mark.parametrize(
    ("fault", "retries"), [*((fault, None) for fault in PERHAPS_TAKEN), *((fault, 0) for fault in NOT_TAKEN)]
)
async def test_a_request_that_may_have_reached_the_agent_is_not_sent_twice(fault, retries):
    """Its side effects are real; and with retries=0 nothing is."""
    told = []
    with OpenAIServer(fault, Say("back")) as server:
        with pytest.raises(AgentUnreachable):
            await quick(server, retries=retries)(turn(again=told.append))
        assert (len(server.seen), told) == (1, [])


async def test_an_endpoint_that_stays_down_is_unreachable():
    """Three tries, and the error says what it answered; a server that is not there at all likewise."""
    with OpenAIServer(Status(503, "overloaded")) as server:
        with pytest.raises(AgentUnreachable, match="the endpoint answered 503: overloaded"):
            await quick(server)(turn())
        assert len(server.seen) == 3
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1#m"
    agent = CallableAgent(endpoint_agent(address), name="a", backoff=Backoff(first=0.001))
    with pytest.raises(AgentUnreachable, match=rf"^no connection to {address[:-2]}/chat/completions: ClientConnectorE"):
        await agent(turn())


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_refused_is_no_fault_of_the_agent(status):
    """It is not tried again, and the address is named without its query."""
    with OpenAIServer(Status(status, "no such key")) as server:
        with pytest.raises(AgentUnreachable) as failed:
            await quick(server, retries=2)(turn())
        assert len(server.seen) == 1

    said = f"the agent's key was refused by {server.url}/chat/completions: the endpoint answered {status}: no such key"
    assert str(failed.value) == said


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Status(500, "boom"), "the endpoint answered 500: boom"),
        (Status(404, "no such model"), "the endpoint answered 404: no such model"),
        (Raw(b"<html>", "text/html"), "the endpoint sent no JSON: '<html>'"),
        (Raw(b"data: {half\n\n", "text/event-stream"), "the endpoint streamed no JSON: '{half'"),
    ],
)
async def test_a_fault_of_its_own_is_an_agent_error(answer, said):
    """It is not tried again."""
    with OpenAIServer(answer) as server:
        with pytest.raises(AgentError) as failed:
            await quick(server)(turn())
        assert len(server.seen) == 1

    assert (type(failed.value), str(failed.value)) == (AgentError, said)


async def test_a_slow_endpoint_ends_at_the_time_out():
    """The agent's time-out holds for endpoints too."""
    with OpenAIServer(Slow(5)) as server, pytest.raises(AgentTimeout, match=r"no reply in 0\.1 s"):
        await ask(at(server), HELLO, timeout=0.1)


def test_an_address_without_a_model_is_refused():
    """Before anything is called, and without what is secret in it."""
    with pytest.raises(AgentTypeError, match=r"^agent localhost:1 names no model: add it after a #"):
        as_agent("http://ann:secret@localhost:1/v1")
