"""Clients that agents share, and the event loops that they belong to: in a process of its own, as a notebook is."""

# ruff: noqa: E501 - the messages are one line, as they are printed

import json
import subprocess
import sys
import textwrap

from inline_snapshot import snapshot

from tests.servers import OpenAIServer, Slow

PROGRAM = """
    import asyncio, json, re, sys
    import aiohttp, httpx, openai
    import convsim_nb as cs
    from convsim_nb.engine.ports import UserMove

    BASE = sys.argv[1]
    URL, BODY = f"{BASE}/chat/completions", {"model": "m", "messages": []}
    CASES = [cs.TestCase(goal="g", case_id=str(number)) for number in range(4)]

    async def user(view):
        return UserMove("say", f"Question {view.turn}?")

    OPTIONS = dict(
        user=user, goal_check=lambda conversation: False, max_turns=2, mlflow=False, journal=False, progress=False
    )

    def ends(run):
        said = {f"{c.stop}: {c.detail}" if c.detail else str(c.stop) for c in run.conversations}
        return sorted({re.sub("RuntimeError: .*: the", "RuntimeError: the", each) for each in said})

    async def by_openai(messages):
        reply = await shared_openai.chat.completions.create(model="m", messages=messages)
        return reply.choices[0].message.content

    async def by_httpx(messages):
        return (await shared_httpx.post(URL, json=BODY)).json()

    async def by_aiohttp(messages):
        async with session.post(URL, json=BODY) as response:
            return await response.json()

    shared_httpx = httpx.AsyncClient()
    shared_openai = openai.AsyncOpenAI(base_url=BASE, api_key="x", max_retries=0)
    found = {"many runs": [ends(cs.simulate(CASES, agent, **OPTIONS).wait())
                           for agent in (by_httpx, by_openai) for _ in range(3)]}

    async def notebook():
        global session, shared_httpx
        for agent in (by_httpx, by_aiohttp):
            session, shared_httpx = aiohttp.ClientSession(), httpx.AsyncClient()
            await asyncio.gather(*(agent([]) for _ in range(3)))
            found[f"{agent.__name__}, own loop"] = ends(await cs.simulate_async(CASES, agent, **OPTIONS))
            found[f"{agent.__name__}, background loop"] = ends(await cs.simulate(CASES, agent, **OPTIONS))
            await session.close()

    asyncio.run(notebook())

    async def used_up():
        await by_openai([{"role": "user", "content": "hello"}])

    shared_openai = openai.AsyncOpenAI(base_url=BASE, api_key="x", max_retries=0)
    asyncio.run(used_up())
    found["a loop that is gone"] = ends(cs.simulate(CASES[:1], by_openai, **OPTIONS).wait())
    print(json.dumps(found))
"""


def test_shared_clients_work_over_many_runs_and_those_of_another_loop_name_the_way_out():
    """A client made beside the agent is used run after run; one that the notebook's loop has used is named."""
    with OpenAIServer(Slow(0.02)) as server:
        command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(PROGRAM), server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == snapshot(
        {
            "many runs": [["max_turns"], ["max_turns"], ["max_turns"], ["max_turns"], ["max_turns"], ["max_turns"]],
            "by_httpx, own loop": ["max_turns"],
            "by_httpx, background loop": [
                "agent_error: RuntimeError: the agent's client belongs to another event loop: use `await cs.simulate_async(...)`, or make the client inside the agent"
            ],
            "by_aiohttp, own loop": ["max_turns"],
            "by_aiohttp, background loop": [
                "agent_error: RuntimeError: the agent's client belongs to another event loop: use `await cs.simulate_async(...)`, or make the client inside the agent"
            ],
            "a loop that is gone": [
                "agent_error: APIConnectionError: Connection error.: the agent's client belongs to another event loop: use `await cs.simulate_async(...)`, or make the client inside the agent"
            ],
        }
    )
