"""The rule-based model as a server that speaks the OpenAI protocol, on loopback.

`python -m convsim_nb.demo.server --port 8765 --latency 0.3`
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
import uuid
from asyncio import Transport
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from weakref import WeakSet

from aiohttp import web

from convsim_nb.demo.agents import support_agent_v2
from convsim_nb.demo.rules.chat import RulesChat, usage_of
from convsim_nb.demo.rules.requests import task_of
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ConvsimError, ModelError
from convsim_nb.engine.ports import ChatMessage, ChatRequest

MODEL = "rules"
_PIECE = 24
"""Characters in a piece of a streamed reply."""
_LARGEST = 64 * 1024**2
"""Bytes in a request."""


class RulesServer:
    """The server: `async with RulesServer() as server: server.url`."""

    def __init__(
        self,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        latency: float = 0.0,
        never_reached: bool = False,
        agents: bool = False,
    ) -> None:
        """Prepare to listen; port 0 takes a free one. `latency` is waited, in seconds, before each reply.

        With `agents`, a conversation that is no task of convsim's is answered as the demo's support agent answers
        it, in words alone: a stand-in for the model inside an agent.
        """
        self.url = ""
        """The base URL, `http://127.0.0.1:PORT/v1`, once it listens."""
        self._host, self._port = host, port
        self._latency, self._agents = latency, agents
        self._chat = RulesChat(never_reached=never_reached)
        self._tasks: Counter[str] = Counter()
        self._open: WeakSet[Transport] = WeakSet()
        self._connections = 0
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        app = web.Application(client_max_size=_LARGEST)
        app.router.add_post("/v1/chat/completions", self._complete)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/stats", self._stats)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner:
            await self._runner.cleanup()

    @property
    def stats(self) -> dict[str, Any]:
        """Calls answered, in all and by task; requests refused; connections ever opened."""
        answered = {task: count for task, count in self._tasks.items() if task != "refused"}
        return {
            "calls": sum(answered.values()),
            "by_task": answered,
            "refused": self._tasks["refused"],
            "connections": self._connections,
        }

    async def _stats(self, _: web.Request) -> web.Response:
        return web.json_response(self.stats)

    async def _models(self, _: web.Request) -> web.Response:
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "convsim-nb"}
        return web.json_response({"object": "list", "data": [model]})

    async def _complete(self, http: web.Request) -> web.StreamResponse:
        self._meet(http)
        if self._latency:
            await asyncio.sleep(self._latency)
        try:
            body = json.loads(await http.read())
            task, request, text = self._answered(body)
        except (ConvsimError, ValueError, TypeError, AttributeError, KeyError) as fault:
            self._tasks["refused"] += 1
            error = {"message": str(fault), "type": "invalid_request_error", "param": None, "code": None}
            return web.json_response({"error": error}, status=400)
        self._tasks[task] += 1
        reply = _Completion(text=text, usage=usage_of(request, text), model=str(body.get("model", MODEL)))
        if not body.get("stream"):
            return web.json_response(reply.whole())
        return await _stream(http, reply, usage=bool((body.get("stream_options") or {}).get("include_usage")))

    def _answered(self, body: Mapping[str, Any]) -> tuple[str, ChatRequest, str]:
        """The task, the request and the reply of a call's body."""
        request = _request(body)
        try:
            task = task_of(_schema_name(body.get("response_format") or {}), request.messages)
        except ModelError:
            if not self._agents:
                raise
            said = [{"role": one.role, "content": one.content} for one in request.messages]
            return "agent", request, str(support_agent_v2(said)["messages"][-1]["content"])
        return task, request, self._chat.answer(task, request).model_dump_json()

    def _meet(self, http: web.Request) -> None:
        """Count a connection when its first request comes."""
        if isinstance(http.transport, Transport) and http.transport not in self._open:
            self._open.add(http.transport)
            self._connections += 1


@dataclass(frozen=True)
class _Completion:
    """A reply in the shapes of the protocol."""

    text: str
    usage: Usage
    model: str

    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return self._head("chat.completion") | {"choices": [choice], "usage": self._tokens()}

    def chunks(self, *, usage: bool) -> list[dict[str, Any]]:
        head = self._head("chat.completion.chunk")
        pieces = [self.text[at : at + _PIECE] for at in range(0, len(self.text), _PIECE)]
        deltas = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
        found = [head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
        found.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        return [*found, head | {"choices": [], "usage": self._tokens()}] if usage else found

    def _head(self, kind: str) -> dict[str, Any]:
        identity = f"chatcmpl-{uuid.uuid4().hex}"
        return {"id": identity, "object": kind, "created": int(time.time()), "model": self.model}

    def _tokens(self) -> dict[str, int]:
        read, wrote = self.usage.input_tokens, self.usage.output_tokens
        return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


async def _stream(http: web.Request, reply: _Completion, *, usage: bool) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(http)
    for chunk in reply.chunks(usage=usage):
        await response.write(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    await response.write_eof()
    return response


def _request(body: Mapping[str, Any]) -> ChatRequest:
    """The request of a call's body."""
    return ChatRequest(
        messages=tuple(ChatMessage(entry["role"], _text(entry.get("content"))) for entry in body["messages"])
    )


def _text(content: str | Sequence[Mapping[str, Any]] | None) -> str:
    """A message's text, whether it came as a string or in parts."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part["text"] for part in content if part.get("type") == "text")


def _schema_name(wanted: Mapping[str, Any]) -> str:
    """The name of the reply's type: the schema's title where it has one, else the name it was sent under."""
    schema = wanted.get("json_schema") or {}
    return str((schema.get("schema") or {}).get("title") or schema.get("name") or "")


async def _serve(options: argparse.Namespace) -> None:
    server = RulesServer(
        port=options.port,
        host=options.host,
        latency=options.latency,
        never_reached=options.never_reached,
        agents=options.agents,
    )
    async with server:
        sys.stderr.write(f"demo:/rules (not a language model) listens on {server.url}\n")
        sys.stderr.flush()
        await asyncio.Event().wait()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until it is interrupted."""
    parser = argparse.ArgumentParser(prog="convsim_nb.demo.server", description="demo:/rules by the OpenAI protocol")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds to wait before each reply")
    parser.add_argument(
        "--never-reached", action="store_true", help="the judge never says reached, the user never ends: for benchmarks"
    )
    parser.add_argument(
        "--agents", action="store_true", help="answer what is no task of convsim's as the demo's support agent does"
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()
