"""A model server on loopback that answers at once, or after a delay: for benchmarks of the engines around it.

It speaks the OpenAI protocol, answers the prompts of convsim-nb and of MLflow's simulator, never says that
a goal is reached, and counts calls and connections (`GET /stats`, `POST /reset`).
"""

import argparse
import asyncio
import itertools
import json

from aiohttp import web

NUMBER = itertools.count(1)


def text_for(body: dict) -> str:
    """What the model says: by the schema it is asked for, else by the words of the prompt."""
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("name", "")
    if "JudgeReply" in schema:
        return json.dumps({"why": "not yet", "fired": [], "evidence": "", "reached": False})
    if "UserReply" in schema:
        return json.dumps({"action": "say", "text": f"And what about part {next(NUMBER)}?", "because": "open"})
    if "FULLY and COMPLETELY achieved" in json.dumps(body["messages"]):
        return json.dumps({"rationale": "Let's think step by step: not yet", "result": "no"})
    return f"And what about part {next(NUMBER)}?"


class ModelServer:
    """The server and its counts."""

    def __init__(self, latency: float) -> None:
        self.latency, self.calls, self.connections = latency, 0, set[int]()

    async def complete(self, request: web.Request) -> web.Response:
        """POST /v1/chat/completions."""
        body = await request.json()
        self.calls += 1
        self.connections.add(id(request.transport))
        if self.latency:
            await asyncio.sleep(self.latency)
        message = {"role": "assistant", "content": text_for(body)}
        usage = {"prompt_tokens": 200, "completion_tokens": 20, "total_tokens": 220}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return web.json_response(
            {"id": "x", "object": "chat.completion", "created": 0, "model": "x", "choices": [choice], "usage": usage}
        )

    async def stats(self, _request: web.Request) -> web.Response:
        """GET /stats."""
        return web.json_response({"calls": self.calls, "connections": len(self.connections)})

    async def reset(self, _request: web.Request) -> web.Response:
        """POST /reset."""
        self.calls, self.connections = 0, set()
        return web.json_response({})


async def main() -> None:
    """Serve until the process ends; the URL is printed when it listens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.0)
    server = ModelServer(parser.parse_args().latency)
    app = web.Application(client_max_size=2**26)
    app.add_routes(
        [
            web.post("/v1/chat/completions", server.complete),
            web.get("/stats", server.stats),
            web.post("/reset", server.reset),
        ]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
