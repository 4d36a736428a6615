"""The lean client, against a server on loopback that speaks the protocol."""

import asyncio
import gc
import json
import logging
import socket
import subprocess
import sys
import textwrap
import time
import warnings
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel, Field

from convsim_nb.adapters.openai_chat import OpenAIChat
from convsim_nb.adapters.prices import Price, price_of
from convsim_nb.adapters.retries import Backoff
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import ChatMessage, ChatRequest
from tests.servers import Drop, OpenAIServer, Raw, Say, Slow, Status

KEY = "sk-secret-0123456789"
QUICK = Backoff(first=0.01, longest=0.02, patience=1.0)
HELLO = ChatRequest(messages=(ChatMessage("system", "You are a user."), ChatMessage("user", "Begin.")))


class Part(BaseModel):
    """A part of a reply."""

    name: str = Field(default="", description="what it is called")


class Reply(BaseModel):
    """A structured reply."""

    action: Literal["say", "end"]
    text: str = ""
    parts: list[Part] = []


STRUCTURED = ChatRequest(messages=HELLO.messages, reply_type=Reply)


def chat_at(server: OpenAIServer, **settings) -> OpenAIChat:
    return OpenAIChat(server.url, **{"model": server.url, "api_key": KEY, "backoff": QUICK, "name": "m", **settings})


async def failure(*answers, request=HELLO, **settings) -> tuple[str, int]:
    """The error's words and the number of requests."""
    with OpenAIServer(*answers) as server:
        with pytest.raises(ModelError) as failed:
            await chat_at(server, **settings)(request)
        assert failed.value.usage is not None
        assert failed.value.usage.calls == len(server.seen)
        return str(failed.value).replace(server.url, "URL"), len(server.seen)


# --- one call ------------------------------------------------------------------------


async def test_a_call_carries_the_messages_and_parameters_and_counts_what_it_took():
    """The request is a plain chat completion; the reply's usage has tokens, cached ones, price and time."""
    request = ChatRequest(messages=HELLO.messages, params={"temperature": 0.2, "seed": 1})
    with OpenAIServer(Slow(0.05, Say("Hi there"))) as server:
        chat = chat_at(server, model="x", params={"seed": 7}, price=Price(input=2.0, output=3.0, cached=1.0))
        reply = await chat(request)

    assert reply.text == "Hi there"
    assert reply.usage == Usage(
        calls=1,
        input_tokens=10,
        cached_tokens=4,
        output_tokens=5,
        cost=6 * 2 + 4 * 1 + 5 * 3,
        seconds=reply.usage.seconds,
    )
    assert 0.05 <= reply.usage.seconds < 1
    assert server.seen[0].path == "/v1/chat/completions"
    assert server.seen[0].headers["Authorization"] == f"Bearer {KEY}"
    assert server.bodies == snapshot(
        [
            {
                "model": "x",
                "temperature": 0.2,
                "seed": 7,
                "messages": [{"role": "system", "content": "You are a user."}, {"role": "user", "content": "Begin."}],
            }
        ]
    )


async def test_without_a_price_the_cost_is_unknown():
    """A model without a price costs None, never nothing."""
    with OpenAIServer() as server:
        assert (await chat_at(server)(HELLO)).usage.cost is None


def test_prices_come_from_litellms_table_by_name():
    """A known model has a price with a cheaper cached rate; an unknown one has none."""
    known = price_of("gpt-4o-mini")

    assert known is not None
    assert 0 < known.cached < known.input < known.output
    assert price_of("no-such-model") is None


async def test_connections_are_reused_and_closed_with_their_loop():
    """Twenty calls one after the other take one connection, and neither it nor the session outlives the loop."""
    with warnings.catch_warnings(action="ignore"):
        gc.collect()  # what other tests left open is not ours
    with OpenAIServer() as server, warnings.catch_warnings():
        warnings.simplefilter("error")

        async def twenty() -> None:
            for _ in range(20):
                await chat_at(server)(HELLO)

        for _ in range(2):
            await asyncio.to_thread(asyncio.run, twenty())
        gc.collect()

    assert len(server.seen) == 40
    assert server.connections == 2


LOOPS = {
    "in the background": """
        loop = asyncio.new_event_loop()
        threading.Thread(target=loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(call(), loop).result()
    """,
    "left open": "keep = asyncio.new_event_loop(); keep.run_until_complete(call())",
    "closed by hand": "keep = asyncio.new_event_loop(); keep.run_until_complete(call()); keep.close()",
    "closed by hand, and another": """
        keep = asyncio.new_event_loop(); keep.run_until_complete(call()); keep.close()
        asyncio.run(call())
    """,
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_process_ends_in_silence_whatever_became_of_the_loop(loop):
    """Nothing on stderr of open connections, from loops that nobody shut down."""
    program = """
        import asyncio, threading
        from convsim_nb.adapters.openai_chat import OpenAIChat
        from convsim_nb.engine.ports import ChatMessage, ChatRequest
        call = lambda: OpenAIChat("URL", model="m")(ChatRequest(messages=(ChatMessage("user", "hi"),)))
    """
    with OpenAIServer() as server:
        code = textwrap.dedent(program).replace("URL", server.url) + textwrap.dedent(LOOPS[loop])
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30)

    assert len(server.seen) >= 1
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_many_calls_go_out_at_once():
    """The client sets no limit of its own: 150 calls are on the way together."""
    with OpenAIServer(Slow(0.3)) as server:
        await asyncio.gather(*(chat_at(server)(HELLO) for _ in range(150)))

        assert server.most_at_once == 150


async def test_a_cancelled_call_ends_at_once_and_leaves_the_client_usable():
    """Cancellation is not waited out, and the next call gets its own answer."""
    with OpenAIServer(Slow(5), Say("next")) as server:
        chat = chat_at(server)
        call = asyncio.create_task(chat(HELLO))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

        assert time.monotonic() - began < 0.2
        assert (await chat(HELLO)).text == "next"


# --- structured replies --------------------------------------------------------------


async def test_a_structured_reply_is_asked_for_by_a_strict_schema():
    """Every field is required and no other allowed, at every depth, as strict mode wants it."""
    with OpenAIServer(Say('{"action": "end", "text": "", "parts": []}')) as server:
        reply = await chat_at(server, model="x")(STRUCTURED)

    assert Reply.model_validate_json(reply.text).action == "end"
    assert server.bodies[0]["response_format"] == snapshot(
        {
            "type": "json_schema",
            "json_schema": {
                "name": "Reply",
                "schema": {
                    "$defs": {
                        "Part": {
                            "description": "A part of a reply.",
                            "properties": {"name": {"description": "what it is called", "type": "string"}},
                            "type": "object",
                            "required": ["name"],
                            "additionalProperties": False,
                        }
                    },
                    "description": "A structured reply.",
                    "properties": {
                        "action": {"enum": ["say", "end"], "type": "string"},
                        "text": {"type": "string"},
                        "parts": {"items": {"$ref": "#/$defs/Part"}, "type": "array"},
                    },
                    "required": ["action", "text", "parts"],
                    "type": "object",
                    "additionalProperties": False,
                },
                "strict": True,
            },
        }
    )


async def test_an_endpoint_that_refuses_the_schema_is_given_it_in_the_prompt_from_then_on():
    """The first 400 that speaks of response_format is learned once for all; the refused call counts."""

    def answer(body):
        refused = Status(400, "'response_format' is not supported by this model")
        return refused if "response_format" in body else Say('{"action": "end"}')

    with OpenAIServer(by=answer) as server:
        chat = chat_at(server)
        first, second = await chat(STRUCTURED), await chat(STRUCTURED)

    assert [first.usage.calls, second.usage.calls] == [2, 1]
    system, user = server.bodies[-1]["messages"]
    assert system["content"].startswith("You are a user.\n\nAnswer with one JSON object")
    assert '"action"' in system["content"]
    assert user == {"role": "user", "content": "Begin."}


async def test_calls_under_way_all_learn_of_a_refused_schema():
    """Ten calls that were refused at once are all asked again, and all answered."""

    def answer(body):
        return Slow(0.05, Status(422, "json_schema: unknown")) if "response_format" in body else Say("{}")

    with OpenAIServer(by=answer) as server:
        chat = chat_at(server)
        replies = await asyncio.gather(*(chat(STRUCTURED) for _ in range(10)))

    assert [reply.text for reply in replies] == ["{}"] * 10
    assert len(server.seen) == 20


async def test_a_schema_with_open_objects_is_not_strict():
    """An object with free keys cannot be strict: the endpoint would refuse it."""

    class Free(BaseModel):
        scores: dict[str, int]

    with OpenAIServer(Say("{}")) as server:
        await chat_at(server)(ChatRequest(messages=HELLO.messages, reply_type=Free))

    schema = server.bodies[0]["response_format"]["json_schema"]
    assert schema["strict"] is False
    assert schema["schema"]["properties"]["scores"]["additionalProperties"] == {"type": "integer"}


# --- parameters that a model does not take -------------------------------------------


async def test_a_wished_parameter_that_the_model_refuses_is_left_out_from_then_on():
    """A model that takes no temperature is asked without; `max_tokens` goes by the name that it wants."""

    def answer(body):
        if "temperature" in body:
            return Status(400, "Only the default (1) is supported.", code="unsupported_value", param="temperature")
        if "max_tokens" in body:
            return Status(400, "Use 'max_completion_tokens' instead.", code="unsupported_parameter", param="max_tokens")
        return Say()

    with OpenAIServer(by=answer) as server:
        chat = chat_at(server)
        wishes = ChatRequest(messages=HELLO.messages, params={"temperature": 0, "max_tokens": 9})
        assert [(await chat(wishes)).usage.calls, (await chat(wishes)).usage.calls] == [3, 1]
        assert server.bodies[-1]["max_completion_tokens"] == 9


async def test_a_parameter_that_the_user_set_is_never_left_out():
    """What the user asked for and cannot have is an error, not a silent change."""
    refused = Status(400, "temperature: only 1", code="unsupported_value", param="temperature")

    assert await failure(refused, params={"temperature": 0}) == snapshot(
        ("m: the request was refused (400): temperature: only 1", 1)
    )


# --- trying again --------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [Status(429), Status(500), Status(503), Drop(), Raw(), Raw(b"<html>busy</html>", "text/html"), Say("")],
    ids=["429", "500", "503", "dropped", "half a body", "html", "empty"],
)
async def test_a_passing_fault_is_tried_again_and_counted(fault):
    """Rate limits, server errors, dropped connections and broken bodies cost a call, not the answer."""
    with OpenAIServer(fault, Say("at last")) as server:
        reply = await chat_at(server)(HELLO)

    assert (reply.text, reply.usage.calls) == ("at last", 2)


async def test_a_server_that_stays_down_fails_after_five_tries():
    """Trying again has an end, and the error says what the endpoint said."""
    assert await failure(Status(500, "boom")) == snapshot(("m: the endpoint failed (500): boom", 5))


async def test_nobody_listening_is_a_model_error():
    """A refused connection is named as such."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
    with pytest.raises(ModelError, match="m: no connection: ClientConnectorError") as failed:
        await OpenAIChat(url, model="x", name="m", backoff=QUICK)(HELLO)

    assert failed.value.usage is not None
    assert failed.value.usage.calls == 5


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_obeyed(form):
    """The next try waits as long as the endpoint asked, in either form."""
    asked = "0.4" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    with OpenAIServer(Status(429, headers={"Retry-After": asked}), Say()) as server:
        began = time.monotonic()
        await chat_at(server, backoff=Backoff(first=0.01))(HELLO)

    assert time.monotonic() - began >= (0.4 if form == "seconds" else 0.9)


async def test_a_rate_limit_holds_back_every_call_to_the_model():
    """After one 429 no call is sent until the cool-down is over, from whichever client of the model it comes."""
    with OpenAIServer(Status(429, headers={"Retry-After": "0.5"}), Say()) as server:
        began = time.monotonic()
        first = asyncio.create_task(chat_at(server)(HELLO))
        await asyncio.sleep(0.1)
        others = [asyncio.create_task(chat_at(server)(HELLO)) for _ in range(5)]
        await asyncio.sleep(0.3)
        assert len(server.seen) == 1
        replies = await asyncio.gather(first, *others)

    assert time.monotonic() - began >= 0.5
    assert [reply.usage.calls for reply in replies] == [2, 1, 1, 1, 1, 1]


async def test_a_wait_beyond_all_patience_is_not_waited_for():
    """An endpoint that asks for an hour is not waited for."""
    assert await failure(Status(429, "daily limit", headers={"Retry-After": "3600"})) == snapshot(
        ("m: rate limit (429): daily limit", 1)
    )


async def test_an_account_without_credit_is_not_asked_again():
    """OpenAI says 429 also where no waiting helps."""
    assert await failure(Status(429, "You exceeded your quota", code="insufficient_quota")) == snapshot(
        ("m: rate limit (429): You exceeded your quota", 1)
    )


async def test_a_slow_answer_ends_at_the_time_out():
    """A try that takes too long is given up, and tried once more."""
    assert await failure(Slow(3), timeout=0.2) == snapshot(("m: no answer in 0.2 s", 2))


# --- answers that cannot be used -----------------------------------------------------


async def test_what_cannot_be_used_is_said_in_one_line():
    """Each fault is named with the next step, and no message holds the key."""
    answers = (
        Say(None, refusal="I cannot help with that"),
        Say("I would like to ret", finish="length"),
        Say("", finish="content_filter"),
        Say("  "),
        Raw(b'{"object": "list"}'),
        Status(401, f"Incorrect API key provided: {KEY}"),
        Status(403, "no access"),
        Status(404, "The model `x` does not exist"),
        Status(400, "context_length_exceeded: 9000 tokens"),
        Status(400, {"detail": f"you sent {KEY}"}),
    )

    assert [await failure(answer, key_name="OPENAI_API_KEY") for answer in answers] == snapshot(
        [
            ("m refused to answer: I cannot help with that", 1),
            ("m: the answer was cut off at the token limit: raise max_tokens ('I would like to ret')", 1),
            ("m: the provider's content filter stopped the answer: reword the test case", 1),
            ("m gave an empty answer (finish_reason 'stop')", 2),
            ("m sent what is no chat completion: {'object': 'list'}", 3),
            ("m: the key was not accepted (401): set a valid one in OPENAI_API_KEY", 1),
            ("m: the key was not accepted (403): set a valid one in OPENAI_API_KEY", 1),
            ("m: no such model, or the address lacks its /v1 (404): The model `x` does not exist", 1),
            ("m: the request was refused (400): context_length_exceeded: 9000 tokens", 1),
            ("m: the request was refused (400): you sent ***", 1),
        ]
    )


async def test_tokens_of_an_unusable_answer_are_counted():
    """A refusal was paid for."""
    with OpenAIServer(Say(None, refusal="no")) as server, pytest.raises(ModelError) as failed:
        await chat_at(server)(HELLO)

    assert failed.value.usage is not None
    assert failed.value.usage.output_tokens == 5


async def test_the_key_is_never_shown(caplog):
    """Neither the object's looks nor its log hold the key."""
    caplog.set_level(logging.DEBUG)
    with OpenAIServer(Status(500), Say()) as server:
        chat = chat_at(server, headers={"X-Token": "another-secret"})
        await chat(HELLO)

    shown = f"{chat!r} {chat} {caplog.text} {json.dumps(str(vars(chat).get('name')))}"
    assert KEY not in shown
    assert "another-secret" not in shown
