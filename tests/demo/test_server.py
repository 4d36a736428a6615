"""The server of demo:/rules: over real HTTP, by the clients that the package ships and by hand."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import aiohttp
import pytest

from convsim_nb.adapters.openai_chat import OpenAIChat
from convsim_nb.demo.rules import RulesChat
from convsim_nb.demo.server import RulesServer
from convsim_nb.domain.case import TestCase, Withheld
from convsim_nb.domain.session import Message, Session
from convsim_nb.engine.distill import distill
from convsim_nb.engine.judge import ChatJudge, JudgeReply
from convsim_nb.engine.ports import ChatMessage, ChatRequest, JudgeView, UserMove, UserView
from convsim_nb.engine.user import ChatUser, UserReply, user_messages

CASE = TestCase(
    goal="Cancel the gym membership.",
    facts=("Membership number: M-2207",),
    withheld=(Withheld(fact="They had cancelled before.", after="the agent refuses the cancellation"),),
)
SAID = (
    Message(role="user", content="I want to cancel the gym membership."),
    Message(role="assistant", content="What is your membership number?"),
)
OPENING = [{"role": m.role, "content": m.content} for m in user_messages(UserView(case=CASE, messages=()))]


async def post(server, **body):
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{server.url}/chat/completions", json={"model": "rules", **body}) as reply,
    ):
        return reply.status, await reply.text()


async def get(url):
    async with aiohttp.ClientSession() as http, http.get(url) as reply:
        return json.loads(await reply.text())


async def answers(chat):
    """One user message, one verdict and one distilled case by a model."""
    move = await ChatUser(chat)(UserView(case=CASE, messages=SAID))
    check = await ChatJudge(chat)(JudgeView(case=CASE, messages=SAID, pending=((0, CASE.withheld[0]),)))
    cases = await distill(Session(id="s", messages=SAID), chat=chat, report=lambda _: None)
    return move, check, cases


async def test_the_real_path_gives_what_the_port_gives():
    """User, judge and distiller answer the same over HTTP, with a schema, as in the process."""
    async with RulesServer() as server:
        over_http = await answers(OpenAIChat(server.url, model="rules"))
        stats = server.stats

    assert over_http == await answers(RulesChat())
    assert over_http[0].text == "M-2207."
    assert (stats["calls"], stats["by_task"]) == (3, {"user": 1, "judge": 1, "distill": 1})


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": {}}}},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "UserReply", "strict": True, "schema": UserReply.model_json_schema()},
            }
        },
    ],
    ids=["nothing", "json object", "schema without a name", "schema"],
)
async def test_any_response_format_is_taken(asked):
    """The task is told by the schema or, without one, by the data in the prompt; usage stands beside the answer."""
    async with RulesServer() as server:
        status, text = await post(server, messages=OPENING, **asked)

    body = json.loads(text)
    reply = UserReply.model_validate_json(body["choices"][0]["message"]["content"])
    assert (status, reply.text) == (200, "I'd like to cancel the gym membership.")
    assert body["usage"]["prompt_tokens"] > 400
    assert body["usage"]["total_tokens"] == body["usage"]["prompt_tokens"] + body["usage"]["completion_tokens"]


async def test_a_stream_holds_the_same_answer():
    """Server-sent events, piece by piece, with the usage where it is asked for, and the end mark."""
    async with RulesServer() as server:
        _, plain = await post(server, messages=OPENING)
        _, text = await post(server, messages=OPENING, stream=True, stream_options={"include_usage": True})

    lines = [line.removeprefix("data: ") for line in text.splitlines() if line]
    chunks = [json.loads(line) for line in lines[:-1]]
    pieces = [choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]]
    assert lines[-1] == "[DONE]"
    assert len(pieces) > 3
    assert "".join(pieces) == json.loads(plain)["choices"][0]["message"]["content"]
    assert chunks[-1]["usage"] == json.loads(plain)["usage"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"messages": [{"role": "user", "content": "Tell me a joke"}]}, "not a language model"),
        ({"messages": []}, "not a language model"),
        ({}, "messages"),
    ],
)
async def test_what_is_no_task_of_its_own_is_refused(body, said):
    """It plays three parts and says so: 400, in the protocol's shape, counted apart."""
    async with RulesServer() as server:
        status, text = await post(server, **body)
        stats = server.stats

    assert (status, stats["calls"], stats["refused"]) == (400, 0, 1)
    assert said in json.loads(text)["error"]["message"]


async def test_text_in_parts_is_read():
    """Content as a list of parts is the same text."""
    parts = [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in OPENING]
    async with RulesServer() as server:
        status, text = await post(server, messages=parts)

    assert status == 200
    assert "gym membership" in text


async def test_stats_count_connections_and_models_are_listed():
    """A connection that is kept open counts once, however many calls it carries."""
    async with RulesServer() as server:
        async with aiohttp.ClientSession() as http:
            for _ in range(3):
                async with http.post(f"{server.url}/chat/completions", json={"messages": OPENING}) as reply:
                    await reply.read()
        await post(server, messages=OPENING)
        stats = await get(server.url.removesuffix("/v1") + "/stats")
        models = await get(f"{server.url}/models")

    assert stats == {"calls": 4, "by_task": {"user": 4}, "refused": 0, "connections": 2}
    assert [model["id"] for model in models["data"]] == ["rules"]


async def test_latency_is_waited_by_each_call_alone():
    """Ten calls at once take one latency, not ten."""
    async with RulesServer(latency=0.2) as server:
        start = time.perf_counter()
        await asyncio.gather(*(post(server, messages=OPENING) for _ in range(10)))
        seconds = time.perf_counter() - start

    assert 0.2 <= seconds < 1.5


async def test_never_reached_holds_over_http():
    """The judge of a benchmark's server never says reached."""
    done = (*SAID[:1], Message(role="assistant", content="I have cancelled your gym membership."))
    view = JudgeView(case=CASE, messages=done)
    async with RulesServer() as plain, RulesServer(never_reached=True) as endless:
        reached = [(await ChatJudge(OpenAIChat(s.url, model="rules"))(view)).reached for s in (plain, endless)]

    assert reached == [True, False]


async def test_usage_is_a_quarter_of_the_characters_and_costs_nothing():
    """In the process as over HTTP: tokens by length, one call, no money."""
    messages = (ChatMessage("system", "x" * 400), ChatMessage("user", json.dumps({"goal": "A tent.", "triggers": []})))
    reply = await RulesChat()(ChatRequest(messages=messages, reply_type=JudgeReply))

    assert (reply.usage.calls, reply.usage.cost) == (1, 0.0)
    assert reply.usage.input_tokens == (400 + len(messages[1].content)) // 4 + 1
    assert reply.usage.output_tokens == len(reply.text) // 4 + 1


def test_the_command_says_where_it_listens_and_stops_quietly():
    """`python -m convsim_nb.demo.server` prints its URL on stderr, nothing on stdout, and ends at an interrupt."""
    command = [sys.executable, "-m", "convsim_nb.demo.server", "--port", "0", "--latency", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    # CI may run in the background of a shell, which hands an ignored SIGINT down to everything it starts.
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=heard,  # noqa: PLW1509
    ) as process:
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)

    assert "not a language model" in line
    assert "http://127.0.0.1:" in line
    assert (out, err, process.returncode) == ("", "", 0)


async def test_it_stands_in_for_an_agents_model_too():
    """With `agents`, a plain conversation is answered as the support agent answers it; without, it is refused."""
    asked = [{"role": "system", "content": "You help."}, {"role": "user", "content": "What is my balance?"}]
    async with RulesServer(agents=True) as server:
        status, text = await post(server, messages=asked)
        tasks = server.stats["by_task"]
        assert isinstance(await ChatUser(OpenAIChat(server.url, model="m"))(UserView(case=CASE, messages=())), UserMove)
    async with RulesServer() as server:
        refused, _ = await post(server, messages=asked)

    assert (status, refused, tasks) == (200, 400, {"agent": 1})
    assert "account" in json.loads(text)["choices"][0]["message"]["content"]
