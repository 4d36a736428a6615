"""Any callable as an agent: where it runs, how long, and what its failures are called."""

import asyncio
import contextvars
import functools
import socket
import threading
import time
from urllib.error import URLError

import aiohttp
import httpx
import openai
import pytest
import requests
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError

from convsim_nb.adapters.agents import as_agent
from convsim_nb.adapters.agents.callable_agent import CallableAgent
from convsim_nb.adapters.agents.calling import Hearing
from convsim_nb.adapters.retries import Backoff
from convsim_nb.domain.errors import AgentError, AgentTimeout, AgentUnreachable
from tests.adapters.agents.turns import ask, turn

AT_ONCE = Backoff(first=0.001, longest=0.002)
asked_by = contextvars.ContextVar("asked_by", default="nobody")


def quick(agent, **settings) -> CallableAgent:
    return CallableAgent(agent, **{"name": "a", "backoff": AT_ONCE, **settings})


# --- kinds of callables --------------------------------------------------------------


def plain(messages):
    return f"plain {messages[-1]['content']}"


async def coroutine(messages):
    await asyncio.sleep(0)
    return f"coroutine {messages[-1]['content']}"


def generator(messages):
    yield "generator "
    yield messages[-1]["content"]


async def async_generator(messages):
    yield "async "
    await asyncio.sleep(0)
    yield messages[-1]["content"]


class Shop:
    name = "shop"

    def answer(self, messages):
        return f"method {messages[-1]['content']}"

    async def answer_async(self, messages):
        return f"async method {messages[-1]['content']}"

    def __call__(self, messages):
        return f"object {messages[-1]['content']}"


class AsyncShop:
    async def __call__(self, messages):
        return f"async object {messages[-1]['content']}"


@functools.wraps(coroutine)
def decorated(*args, **kwargs):
    return coroutine(*args, **kwargs)


async def returns_a_stream(messages):
    return async_generator(messages)


async def returns_a_plain_stream(messages):
    return generator(messages)


@pytest.mark.parametrize("threads", [False, True], ids=["loop", "threads"])
@pytest.mark.parametrize(
    ("agent", "answer"),
    [
        (plain, "plain hello"),
        (coroutine, "coroutine hello"),
        (generator, "generator hello"),
        (async_generator, "async hello"),
        (Shop().answer, "method hello"),
        (Shop().answer_async, "async method hello"),
        (Shop(), "object hello"),
        (AsyncShop(), "async object hello"),
        (functools.partial(lambda greeting, messages: greeting + messages[-1]["content"], "partial "), "partial hello"),
        (functools.partial(coroutine), "coroutine hello"),
        (decorated, "coroutine hello"),
        (returns_a_stream, "async hello"),
        (returns_a_plain_stream, "generator hello"),
    ],
)
async def test_every_kind_of_callable_answers(agent, answer, threads):
    """Functions, methods, objects, partials, generators: sync and async, on the loop and on threads."""
    assert (await ask(agent, agent_threads=threads)).content == answer


async def test_plain_agents_run_beside_the_loop_and_side_by_side():
    """Twenty calls that each block for half a second do not take ten, and the loop goes on."""
    agent = as_agent(lambda messages: time.sleep(0.5) or threading.current_thread().name)
    ticks = asyncio.create_task(count_ticks(0.4))
    began = time.monotonic()
    replies = await asyncio.gather(*(agent(turn()) for _ in range(20)))

    assert time.monotonic() - began < 5
    assert len({reply.content for reply in replies}) == 20
    assert all(reply.content.startswith("convsim-agent-lambda-") for reply in replies)
    assert await ticks > 2


async def count_ticks(seconds: float) -> int:
    until, ticks = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        await asyncio.sleep(0.01)
        ticks += 1
    return ticks


@pytest.mark.parametrize("threads", [False, True], ids=["loop", "threads"])
@pytest.mark.parametrize("agent", [lambda messages: asked_by.get(), None], ids=["plain", "async"])
async def test_agents_see_the_callers_context_variables(agent, threads):
    """What the caller set holds in the agent, wherever it runs; what the agent sets stays there."""

    async def asynchronous(messages):
        seen = asked_by.get()
        asked_by.set("the agent")
        return seen

    asked_by.set("the caller")

    assert (await ask(agent or asynchronous, agent_threads=threads)).content == "the caller"
    assert asked_by.get() == "the caller"


async def test_an_agent_gets_what_it_takes_by_keyword():
    """Session and context go to those that have the parameter, or `**kwargs`."""

    def some(messages, mlflow_session_id, city):
        return f"{mlflow_session_id} {city}"

    def all_of_it(messages, **given):
        return " ".join(f"{key}={value}" for key, value in sorted(given.items()))

    def by_place(messages, /, city="nowhere"):
        return f"{len(messages)} {city}"

    context = {"city": "Rome"}
    assert (await ask(some, context=context)).content == "sim-1 Rome"
    assert (await ask(all_of_it, context=context)).content == "city=Rome mlflow_session_id=sim-1"
    assert (await ask(by_place, context=context)).content == "1 Rome"
    assert (await ask(by_place)).content == "1 nowhere"


# --- streams -------------------------------------------------------------------------


@pytest.mark.parametrize("agent", [generator, async_generator, returns_a_stream])
async def test_pieces_are_shown_as_they_come_on_the_loops_thread(agent):
    """Each piece is passed on at once, in order, and the whole is the reply."""
    pieces, threads = [], set()

    def delta(text):
        pieces.append(text)
        threads.add(threading.get_ident())

    reply = await as_agent(agent)(turn(delta=delta))

    assert reply.content == "".join(pieces)
    assert len(pieces) == 2
    assert threads == {threading.get_ident()}


async def test_the_first_piece_does_not_wait_for_the_last():
    """A slow stream's first words are there long before its end."""
    first: list[float] = []

    def slow(messages):
        yield "first"
        time.sleep(0.3)
        yield " last"

    began = time.monotonic()
    await as_agent(slow)(turn(delta=lambda _: first.append(time.monotonic() - began)))

    assert first[0] < 0.15
    assert first[1] >= 0.3


async def test_a_stream_that_is_out_of_time_is_closed_and_heard_no_more():
    """After the time-out no more pieces come, and the generator's cleanup runs."""
    pieces: list[str] = []
    closed = threading.Event()

    def endless(messages):
        try:
            while True:
                time.sleep(0.05)
                yield "on and "
        finally:
            closed.set()

    with pytest.raises(AgentTimeout):
        await as_agent(endless, timeout=0.2)(turn(delta=pieces.append))
    heard = len(pieces)
    assert await asyncio.to_thread(closed.wait, 1)
    await asyncio.sleep(0.1)
    assert len(pieces) == heard > 0


async def test_a_piece_that_comes_too_late_is_not_shown():
    """One that was on its way when the time was up: the conversation is over by then."""
    pieces: list[str] = []
    hearing = Hearing(pieces.append)
    thread = threading.Thread(target=hearing.take, args=("too late",))
    thread.start()
    thread.join()
    hearing.over = True
    await asyncio.sleep(0.01)

    assert pieces == []


# --- time ----------------------------------------------------------------------------


async def test_a_hanging_plain_agent_is_left_behind_and_named():
    """The time-out is kept, the error names the thread, and the next call is answered."""
    waits = iter([True, False])
    release = threading.Event()
    agent = as_agent(lambda messages: (next(waits) and release.wait(5)) or "back", name="stuck", timeout=0.2)
    began = time.monotonic()
    with pytest.raises(AgentTimeout, match=r"^no reply in 0\.2 s; its thread (convsim-agent-stuck-\d+) is left behind"):
        await agent(turn())

    assert time.monotonic() - began < 0.5
    assert [name.rpartition("-")[0] for name in agent.left_behind] == ["convsim-agent-stuck"]
    assert (await agent(turn())).content == "back"
    release.set()


async def test_a_slow_async_agent_is_cancelled_at_the_time_out():
    """Its cleanup runs, and nothing is left behind."""
    cleaned = []

    async def slow(messages):
        try:
            await asyncio.sleep(5)
        finally:
            cleaned.append(True)

    with pytest.raises(AgentTimeout, match=r"^no reply in 0\.1 s$"):
        await ask(slow, timeout=0.1)
    assert cleaned == [True]


async def test_an_async_agent_that_ignores_its_cancellation_is_left_behind():
    """It cannot hold the conversation up."""
    release = asyncio.Event()

    async def stubborn(messages):
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(AgentTimeout, match="does not heed its cancellation and is left behind"):
        await ask(stubborn, timeout=0.1)
    release.set()
    await asyncio.sleep(0.01)


@pytest.mark.parametrize("hangs", ["plain", "async"])
async def test_a_stop_does_not_wait_for_the_agent(hangs):
    """Cancelling the turn takes under half a second, whatever the agent does."""
    release = threading.Event()

    async def asynchronous(messages):
        await asyncio.sleep(5)

    agent = asynchronous if hangs == "async" else lambda messages: release.wait(5)
    call = asyncio.create_task(ask(agent))
    await asyncio.sleep(0.1)
    began = time.monotonic()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    release.set()

    assert time.monotonic() - began < 0.5


async def test_an_async_agent_that_blocks_the_loop_is_named():
    """A warning says which, for how long, and the way out; on threads it is none."""

    async def blocking(messages):
        time.sleep(0.55)  # noqa: ASYNC251 - the fault that is looked for
        return "done"

    polite, rude, aside = as_agent(coroutine), as_agent(blocking), as_agent(blocking, agent_threads=True)
    ticks = asyncio.create_task(count_ticks(0.3))
    await aside(turn())
    assert await ticks > 15
    await asyncio.gather(polite(turn()), rude(turn()))

    assert (polite.warning, aside.warning) == (None, None)
    assert rude.warning is not None
    assert "agent blocking is async, but held the event loop for 0." in rude.warning
    assert "agent_threads=True" in rude.warning


# --- failures ------------------------------------------------------------------------


def raising(error):
    def agent(messages):
        raise error

    return agent


def async_raising(error):
    async def agent(messages):
        raise error

    return agent


REQUEST = httpx.Request("POST", "http://x")


@pytest.mark.parametrize("make", [raising, async_raising], ids=["plain", "async"])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no such order"), "ValueError: no such order"),
        (KeyError("order"), "KeyError: 'order'"),
        (RuntimeError(), "RuntimeError"),
        (SystemExit(3), "SystemExit: 3"),
        (StopIteration("x"), "StopIteration: x"),
        (ExceptionGroup("several", [ValueError("inner"), KeyError("x")]), "ValueError: inner"),
        (AgentError("its own words"), "its own words"),
        (httpx.ReadTimeout("too slow", request=REQUEST), "ReadTimeout: too slow"),
    ],
)
async def test_a_failing_agent_is_an_agent_error_in_one_line(make, error, said):
    """The class and its words; nothing of it ends the loop."""
    with pytest.raises(AgentError) as failed:
        await ask(make(error))

    assert type(failed.value) is AgentError
    assert str(failed.value).removeprefix("RuntimeError: coroutine raised ") in (said, "StopIteration")


async def test_an_agent_that_cancels_itself_is_an_error_and_no_stop():
    """Only the caller's own cancellation stops a conversation."""

    async def cancels(messages):
        raise asyncio.CancelledError

    with pytest.raises(AgentError, match="CancelledError: the agent cancelled its own call"):
        await ask(cancels)


@pytest.mark.parametrize(
    "said",
    [
        "Task <...> got Future <...> attached to a different loop",
        "<asyncio.locks.Event object> is bound to a different event loop",
        "Timeout context manager should be used inside a task",
    ],
)
async def test_a_client_of_another_loop_names_the_way_out(said):
    """Also where a library dressed it as a failed connection: trying that again would be of no use."""
    error = ConnectionError("Connection error.")
    error.__cause__ = RuntimeError(said)
    calls = []

    async def agent(messages):
        calls.append(1)
        raise error

    with pytest.raises(
        AgentError, match=r"^ConnectionError: Connection error.: .*use `await cs.simulate_async\(\.\.\.\)`"
    ):
        await quick(agent)(turn())
    assert len(calls) == 1


class WithStatus(Exception):
    def __init__(self, status):
        self.status_code = status


def openai_error(kind, status):
    return kind("busy", response=httpx.Response(status, request=REQUEST), body=None)


def requests_error():
    """As requests raises it: the cause is an argument."""
    return requests.ConnectionError(
        MaxRetryError(HTTPConnectionPool("nobody"), "/", NewConnectionError(None, "refused"))
    )


NOT_TAKEN = [
    ConnectionRefusedError("nobody there"),
    httpx.ConnectError("nobody there"),
    httpx.ConnectTimeout("nobody there"),
    requests_error(),
    URLError(socket.gaierror(-2, "Name or service not known")),
    openai_error(openai.RateLimitError, 429),
    openai_error(openai.InternalServerError, 503),
]
PERHAPS_TAKEN = [
    ConnectionResetError("reset"),
    aiohttp.ServerDisconnectedError("gone"),
    openai.APIConnectionError(request=REQUEST),
    httpx.HTTPStatusError("bad gateway", request=REQUEST, response=httpx.Response(502)),
    WithStatus(504),
    AgentUnreachable("says so itself"),
]


@pytest.mark.parametrize(
    ("error", "by_default"),
    [*((each, 3) for each in NOT_TAKEN), *((each, 1) for each in PERHAPS_TAKEN)],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("retries", [None, 0, 2])
async def test_a_failing_infrastructure_is_named_apart_and_called_again_where_nobody_got_the_request(
    error, by_default, retries
):
    """Also where it was wrapped; after a connection that broke something may have been done."""
    count = by_default if retries is None else 1 + retries
    told = []
    calls = []

    def agent(messages):
        calls.append(1)
        try:
            raise error  # noqa: TRY301 - as tools fail
        except Exception as cause:
            raise RuntimeError("the tool failed") from cause

    with pytest.raises(AgentUnreachable) as failed:
        await quick(agent, retries=retries)(turn(again=told.append))

    assert len(calls) == count
    assert str(failed.value).startswith((type(error).__name__, "gaierror", "says so itself"))
    assert told == [str(failed.value)] * (count - 1)


async def test_an_agent_that_is_back_at_the_second_try_answers():
    """Where retries are asked for; what went wrong before is told."""
    calls, told = iter([ConnectionResetError("reset"), None]), []

    def agent(messages):
        if error := next(calls):
            raise error
        return "back"

    assert (await quick(agent, retries=1)(turn(again=told.append))).content == "back"
    assert told == ["ConnectionResetError: reset"]


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_an_error_of_the_agents_own_is_not_tried_again(status):
    """A 500 may be its bug; asking again would hide it."""
    calls = []

    def agent(messages):
        calls.append(1)
        raise WithStatus(status)

    with pytest.raises(AgentError) as failed:
        await quick(agent, retries=2)(turn())

    assert (type(failed.value), len(calls)) == (AgentError, 1)


async def test_a_reply_that_broke_off_is_not_asked_for_again():
    """What was streamed has been seen; a second try would say it twice."""
    pieces = []

    def agent(messages):
        yield "I was just about to"
        raise ConnectionResetError("reset")

    with pytest.raises(AgentUnreachable):
        await quick(agent, retries=2)(turn(delta=pieces.append))
    assert pieces == ["I was just about to"]


async def test_what_a_call_leaves_on_its_thread_no_other_call_finds():
    """Thread-local state, such as an MLflow run that an agent never ended, does not reach the next turn."""
    local = threading.local()

    def agent(messages):
        before = getattr(local, "left", "nothing")
        local.left = "something"
        return before

    callable_agent = as_agent(agent)
    assert [(await callable_agent(turn())).content for _ in range(4)] == ["nothing"] * 4


# --- the agent's own time ------------------------------------------------------------


def drawled(messages):
    time.sleep(0.02)
    yield "streamed"


@pytest.mark.parametrize("agent", [lambda messages: time.sleep(0.02) or "plain", drawled])
async def test_seconds_are_those_of_the_agents_thread(agent):
    """While the event loop is busy for .4 s with other things, an agent that took .02 s is not said to be slow."""

    async def busy():
        await asyncio.sleep(0.01)
        time.sleep(0.4)  # noqa: ASYNC251 - the crowd

    began = time.perf_counter()
    reply, _ = await asyncio.gather(ask(agent), busy())

    assert time.perf_counter() - began > 0.4
    assert 0.02 <= reply.seconds < 0.3


async def test_seconds_are_of_the_attempt_that_answered():
    """What a failed attempt took, and the wait after it, is infrastructure, not the agent's speed."""
    tries = []

    async def agent(messages):
        tries.append(1)
        if len(tries) == 1:
            await asyncio.sleep(0.2)
            raise ConnectionError("refused")
        return "here"

    reply = await quick(agent, retries=1)(turn())

    assert (len(tries), reply.seconds < 0.15) == (2, True)
