"""All other providers, through LiteLLM, against a server on loopback that speaks the OpenAI protocol."""

import asyncio
import inspect
import subprocess
import sys
import time

import pytest
from inline_snapshot import snapshot
from pydantic import BaseModel

from convsim_nb.adapters.agents.replies import read_reply
from convsim_nb.adapters.litellm_chat import LitellmChat, load_litellm, missing_keys, providers
from convsim_nb.adapters.litellm_errors import MEANINGS
from convsim_nb.adapters.retries import Backoff
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import ChatMessage, ChatRequest
from tests.servers import Drop, OpenAIServer, Raw, Say, Slow, Status

KEY = "sk-secret-0123456789"
QUICK = Backoff(first=0.01, longest=0.02, patience=1.0)
HELLO = ChatRequest(messages=(ChatMessage("system", "You are a user."), ChatMessage("user", "Begin.")))


class Reply(BaseModel):
    """A structured reply."""

    text: str = ""


STRUCTURED = ChatRequest(messages=HELLO.messages, reply_type=Reply)


@pytest.fixture(autouse=True, scope="module")
def _warm():
    """LiteLLM imports parts of itself in its first call, which would count against a short time-out."""

    async def once() -> None:
        with OpenAIServer() as server:
            await chat_at(server, timeout=30.0)(HELLO)

    asyncio.run(once())


def chat_at(server: OpenAIServer, model: str = "hosted_vllm/m", **settings) -> LitellmChat:
    params = {"api_base": server.url, "api_key": KEY}
    return LitellmChat(model, **{"params": params, "backoff": QUICK, "timeout": 5.0, **settings})


async def failure(*answers, **settings) -> tuple[str, int]:
    """The error's words and the number of requests."""
    with OpenAIServer(*answers) as server:
        with pytest.raises(ModelError) as failed:
            await chat_at(server, **settings)(HELLO)
        assert failed.value.usage is not None
        assert failed.value.usage.calls == len(server.seen)
        return str(failed.value).replace(server.url, "URL"), len(server.seen)


async def test_a_call_carries_messages_and_parameters_and_counts_what_it_took():
    """The request reaches the provider as it stands; tokens and time come back; an unpriced model costs None."""
    request = ChatRequest(messages=HELLO.messages, params={"temperature": 0.2, "seed": 1})
    with OpenAIServer(Slow(0.05, Say("Hi there"))) as server:
        params = {"api_base": server.url, "api_key": KEY, "seed": 7}
        reply = await chat_at(server, params=params)(request)

    assert reply.text == "Hi there"
    assert reply.usage.model_dump(exclude={"seconds"}) == snapshot(
        {"calls": 1, "input_tokens": 10, "output_tokens": 5, "cached_tokens": 4, "cost": None}
    )
    assert 0.05 <= reply.usage.seconds < 1
    assert server.bodies == snapshot(
        [
            {
                "model": "m",
                "messages": [{"role": "system", "content": "You are a user."}, {"role": "user", "content": "Begin."}],
                "temperature": 0.2,
                "seed": 7,
            }
        ]
    )
    assert server.seen[0].headers["Authorization"] == f"Bearer {KEY}"


async def test_a_known_model_costs_what_litellms_table_says():
    """Ten tokens in, of which four cached, and five out."""
    with OpenAIServer() as server:
        usage = (await chat_at(server, "openai/gpt-4o-mini")(HELLO)).usage

    assert usage.cost == pytest.approx(6 * 0.15e-6 + 4 * 0.075e-6 + 5 * 0.6e-6)


async def test_a_model_that_takes_a_schema_is_given_one():
    """Where LiteLLM knows that the model supports it, the reply's schema goes with the request."""
    with OpenAIServer(Say('{"text": "x"}')) as server:
        await chat_at(server, "openai/gpt-4o-mini")(STRUCTURED)

    assert server.bodies[0]["response_format"]["json_schema"]["strict"] is True
    assert "JSON schema" not in server.bodies[0]["messages"][0]["content"]


async def test_a_model_that_takes_none_is_given_it_in_the_prompt():
    """The system prompt ends in the schema, and the request has no response_format."""
    with OpenAIServer(Say('{"text": "x"}')) as server:
        await chat_at(server)(STRUCTURED)

    assert "response_format" not in server.bodies[0]
    assert server.bodies[0]["messages"][0]["content"].startswith("You are a user.\n\nAnswer with one JSON object")


async def test_a_refused_schema_is_learned_once():
    """A 400 that speaks of response_format moves the schema into the prompt, for this and all later calls."""

    def answer(body):
        return Status(400, "response_format is not supported") if "response_format" in body else Say("{}")

    with OpenAIServer(by=answer) as server:
        chat = chat_at(server, "openai/gpt-4o-mini")
        assert [(await chat(STRUCTURED)).usage.calls, (await chat(STRUCTURED)).usage.calls] == [2, 1]


@pytest.mark.parametrize(
    "fault",
    [Status(429), Status(500), Status(503), Drop(), Raw(), Say("")],
    ids=["429", "500", "503", "drop", "raw", "empty"],
)
async def test_a_passing_fault_is_tried_again_and_counted(fault):
    """Retries are ours, not LiteLLM's: each is one request and one call in the usage."""
    with OpenAIServer(fault, Say("at last")) as server:
        reply = await chat_at(server)(HELLO)

    assert (reply.text, reply.usage.calls, len(server.seen)) == ("at last", 2, 2)


async def test_the_clients_below_litellm_do_not_try_again():
    """OpenAI's own client would, uncounted: five tries are five requests."""
    said, requests = await failure(Status(500, "boom"), model="openai/gpt-4o-mini")

    assert (said, requests) == ("openai:/gpt-4o-mini: the provider failed: boom", 5)


async def test_retry_after_is_obeyed_by_every_call_to_the_model():
    """The provider's wait holds back a second client of the same model too."""
    with OpenAIServer(Status(429, headers={"Retry-After": "0.5"}), Say()) as server:
        began = time.monotonic()
        first = asyncio.create_task(chat_at(server)(HELLO))
        await asyncio.sleep(0.2)
        assert len(server.seen) == 1
        other = await chat_at(server)(HELLO)
        await first

    assert time.monotonic() - began >= 0.5
    assert other.usage.calls == 1


async def test_what_cannot_be_used_is_said_in_one_line():
    """Each fault is named with the next step, and no message holds the key."""
    answers = (
        Say(None, refusal="I cannot help with that"),
        Say("I would like to ret", finish="length"),
        Say("", finish="content_filter"),
        Status(401, f"Incorrect API key provided: {KEY}"),
        Status(403, "no access"),
        Status(404, "The model `x` does not exist"),
        Status(400, f"you sent {KEY}"),
        Status(500, "boom"),
    )

    assert [await failure(answer) for answer in answers] == snapshot(
        [
            ("hosted_vllm:/m refused to answer: I cannot help with that", 1),
            ("hosted_vllm:/m: the answer was cut off at the token limit: raise max_tokens ('I would like to ret')", 1),
            ("hosted_vllm:/m: the provider's content filter stopped the answer: reword the test case", 1),
            ("hosted_vllm:/m: the key was not accepted: set a valid one in api_key", 1),
            ("hosted_vllm:/m: the key was not accepted: set a valid one in api_key", 1),
            ("hosted_vllm:/m: no such model: check its name: The model `x` does not exist", 1),
            ("hosted_vllm:/m: the request was refused: you sent ***", 1),
            ("hosted_vllm:/m: the provider failed: boom", 5),
        ]
    )


async def test_a_slow_answer_ends_at_the_time_out():
    """A try that takes too long is given up, and tried once more."""
    assert await failure(Slow(3), timeout=0.3) == snapshot(("hosted_vllm:/m: no answer in time", 2))


async def test_a_cancelled_call_ends_at_once():
    """Cancellation is not waited out."""
    with OpenAIServer(Slow(5)) as server:
        call = asyncio.create_task(chat_at(server)(HELLO))
        await asyncio.sleep(0.2)
        began = time.monotonic()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    assert time.monotonic() - began < 0.3


def test_every_exception_class_of_litellm_is_mapped():
    """A class that a new LiteLLM brings is missed here first."""
    from litellm import exceptions

    own = {
        name
        for name, found in vars(exceptions).items()
        if inspect.isclass(found) and issubclass(found, Exception) and found.__module__ == exceptions.__name__
    }

    assert own - set(MEANINGS) == set()
    assert {kind.__name__ for kind in exceptions.LITELLM_EXCEPTION_TYPES} <= own


def test_keys_that_are_missing_are_named(monkeypatch):
    """Only keys count, and one of several is enough; a model that needs none lacks none."""
    for name in ("ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "AWS_ACCESS_KEY_ID", "OLLAMA_API_BASE"):
        monkeypatch.delenv(name, raising=False)

    assert missing_keys("anthropic/claude-sonnet-4-5") == ("ANTHROPIC_API_KEY",)
    assert missing_keys("gemini/gemini-2.5-pro") == ("GOOGLE_API_KEY", "GEMINI_API_KEY")
    assert missing_keys("bedrock/anthropic.claude-v2") == ()
    assert missing_keys("ollama/llama3") == ()
    monkeypatch.setenv("GEMINI_API_KEY", "x")
    assert missing_keys("gemini/gemini-2.5-pro") == ()


def test_an_agent_may_answer_with_litellms_own_response():
    """What `litellm.completion` returns is a reply as it stands."""
    message = {"role": "assistant", "content": "It was sent."}
    response = load_litellm().ModelResponse(choices=[{"index": 0, "finish_reason": "stop", "message": message}])

    assert read_reply(response).content == "It was sent."


def test_providers_are_known_by_the_names_in_uris():
    """The names before `:/`."""
    assert {"anthropic", "gemini", "mistral", "bedrock", "ollama"} <= providers()


async def test_nothing_is_printed_or_logged(capfd, caplog):
    """LiteLLM's advertisements and log lines stay away, also where a call fails."""
    await failure(Status(404))

    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_importing_the_adapter_does_not_import_litellm():
    """LiteLLM takes over a second to import, and loads only when a model needs it; then it stays off the network."""
    code = (
        "import sys, convsim_nb.adapters.litellm_chat as chat\n"
        "assert 'litellm' not in sys.modules\n"
        "chat.load_litellm()\n"
        "import os; assert os.environ['LITELLM_LOCAL_MODEL_COST_MAP'] == 'True'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert load_litellm().suppress_debug_info is True
