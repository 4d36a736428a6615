"""A server on loopback that speaks the OpenAI protocol and says what a test tells it to.

It runs on a thread of its own, so that tests of any kind can use it, also those that block.

```python
with OpenAIServer(Status(429, headers={"Retry-After": "1"}), Say("Hello")) as server:
    chat = OpenAIChat(server.url, model="scripted")
```
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}


@dataclass(frozen=True)
class Say:
    """A chat completion, streamed word by word where the request asks for a stream."""

    text: str | None = "Hello"
    finish: str = "stop"
    refusal: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    usage: Mapping[str, Any] | None = field(default_factory=lambda: USAGE)

    @property
    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.text, "refusal": self.refusal}
        return message | ({"tool_calls": list(self.tool_calls)} if self.tool_calls else {})


@dataclass(frozen=True)
class Status:
    """An HTTP status with a body: an OpenAI error object where it is given as a text."""

    status: int
    said: Any = "as scripted"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Any:
        error = {"message": self.said, "type": "scripted", "code": self.code, "param": self.param}
        return {"error": error} if isinstance(self.said, str) else self.said


@dataclass(frozen=True)
class Raw:
    """Status 200 with any bytes."""

    body: bytes = b'{"choices": [{"mess'
    content_type: str = "application/json"


@dataclass(frozen=True)
class Drop:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Slow:
    """Another answer, so many seconds later."""

    seconds: float
    then: "Answer" = field(default_factory=Say)


@dataclass(frozen=True)
class Events:
    """A stream of events, as they are."""

    events: tuple[Any, ...]


Answer = Say | Status | Raw | Drop | Slow | Events
Script = Iterable[Answer] | Callable[[dict[str, Any]], Answer]


@dataclass(frozen=True)
class Seen:
    """A request that the server got."""

    path: str
    body: dict[str, Any]
    headers: Mapping[str, str]
    peer: str
    """The client's address and port: one a connection."""


class OpenAIServer:
    """Answers every POST with the next of its answers, the last one for ever; or as a function of the request says.

    `pages` are what a GET finds, by path.
    """

    def __init__(
        self,
        *answers: Answer,
        by: Callable[[dict[str, Any]], Answer] | None = None,
        pages: Mapping[str, Answer] | None = None,
    ) -> None:
        self.seen: list[Seen] = []
        self.most_at_once = 0
        self._answers, self._by = list(answers) or [Say()], by
        self._pages = pages or {}
        self._at_once = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self.port = 0

    @property
    def host(self) -> str:
        """`http://127.0.0.1:port`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL of the OpenAI protocol."""
        return f"{self.host}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked, in order."""
        return [seen.body for seen in self.seen]

    @property
    def connections(self) -> int:
        """How many connections were opened for all requests."""
        return len({seen.peer for seen in self.seen})

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "the scripted server did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped)
        self._thread.join(10)

    def _stopped(self) -> None:
        assert self._stop is not None
        self._stop.set()

    def _serve(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._run())

    async def _run(self) -> None:
        self._stop = asyncio.Event()
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_post("/{path:.*}", self._post)
        app.router.add_get("/{path:.*}", self._get)
        app_runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await app_runner.setup()
        site = web.TCPSite(app_runner, "127.0.0.1", 0)
        await site.start()
        self.port = app_runner.addresses[0][1]
        self._ready.set()
        await self._stop.wait()
        await app_runner.cleanup()

    async def _post(self, request: web.Request) -> web.StreamResponse:
        peer = ":".join(map(str, request.transport.get_extra_info("peername"))) if request.transport else ""
        body = await request.json()
        self.seen.append(Seen(request.path, body, dict(request.headers), peer))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._answer(request, body, self._next(body))
        finally:
            self._at_once -= 1

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(Seen(request.path, {}, dict(request.headers), ""))
        page = self._pages.get(request.path, Status(404, "not there"))
        return await self._answer(request, {}, page)

    def _next(self, body: dict[str, Any]) -> Answer:
        if self._by is not None:
            return self._by(body)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    async def _answer(  # noqa: PLR0911 - one arm an answer
        self, request: web.Request, body: dict[str, Any], answer: Answer
    ) -> web.StreamResponse:
        match answer:
            case Slow():
                await asyncio.sleep(answer.seconds)
                return await self._answer(request, body, answer.then)
            case Drop():
                if request.transport:
                    request.transport.close()
                return web.Response()
            case Status():
                return web.json_response(answer.body, status=answer.status, headers=answer.headers)
            case Raw():
                return web.Response(body=answer.body, content_type=answer.content_type)
            case Events():
                return await _stream(request, answer.events)
            case Say() if body.get("stream"):
                return await _stream(request, _chunks(answer))
            case Say():
                choice = {"index": 0, "message": answer.message, "finish_reason": answer.finish}
                completion = {"id": "scripted", "object": "chat.completion", "created": 0, "model": body.get("model")}
                return web.json_response({**completion, "choices": [choice], "usage": answer.usage})


_CHUNK = {"id": "scripted", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}


def _chunks(say: Say) -> Iterable[Any]:
    words = [word + " " for word in (say.text or "").split()]
    for delta in ({"role": "assistant"}, *({"content": word} for word in words)):
        yield {**_CHUNK, "choices": [{"index": 0, "delta": delta}]}
    for index, call in enumerate(say.tool_calls):
        delta = {"tool_calls": [{**call, "index": index}]}
        yield {**_CHUNK, "choices": [{"index": 0, "delta": delta}]}
    yield {**_CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": say.finish}]}
    if say.usage:
        yield {**_CHUNK, "choices": [], "usage": say.usage}


async def _stream(request: web.Request, events: Iterable[Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for event in events:
        await response.write(f"data: {json.dumps(event)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response
