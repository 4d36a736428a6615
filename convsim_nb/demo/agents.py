"""The built-in agent: support for Harbor, a fictional savings and investing app, without a language model.

It goes through the whole list of messages at every turn and keeps nothing in between, asks for the
facts that it lacks, calls tools on a seeded back end, and speaks English, German and Spanish.
Version 1 has the faults listed in `FAULTS`; version 2 has none of them:
stale_levels, ignores_date, forgets_ids, refund_above_policy, unconfirmed_transfer,
drops_second_goal, ignores_account_kind, misreads_blocked_card, takes_first_amount.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from convsim_nb.demo.desk import Desk
from convsim_nb.demo.tools import Call
from convsim_nb.domain.errors import UsageError

Messages = Sequence[Mapping[str, Any]]
Reply = dict[str, Any]

FAULTS: dict[str, str] = {
    "stale_levels": "shows the last index levels of the feed as live although the market is closed",
    "ignores_date": "sends the newest statement or tax form, and transfers today, whatever date was said",
    "forgets_ids": "asks again for a number that the customer gave for an earlier goal",
    "refund_above_policy": "promises a fee back in full, above the goodwill limit of 15 EUR",
    "unconfirmed_transfer": "moves money and changes standing orders without reading the amount back",
    "drops_second_goal": "of several wishes in one message, sees to the first alone",
    "ignores_account_kind": "takes the account whose number was given, though another kind was asked for",
    "misreads_blocked_card": 'takes "my card is blocked" for a wish to block it',
    "takes_first_amount": 'takes the first amount of a message ("from 650 to 680": 650)',
}
"""What version 1 does wrong, by name."""


def make_agent(
    version: int = 1, *, latency: float = 0.0, today: date | None = None, faults: Iterable[str] | None = None
) -> Callable[[Messages], Reply]:
    """An agent that takes `messages`, and gives the messages of its turn: `{"messages": [...]}`.

    They are in the shape of Chat Completions: tool calls and their results, the answer last.
    `latency` is in seconds a turn; `today` is the demo's fixed Saturday unless given; `faults`
    takes the place of the version's own, by their names in `FAULTS`.

    Raises:
        UsageError: no such version or fault.
    """
    flawed = _faults_of(version, faults)

    def support_agent(messages: Messages) -> Reply:
        time.sleep(latency)
        return _answer(messages, version=version, faults=flawed, today=today)

    support_agent.__name__ = f"support_agent_v{version}"
    return support_agent


def make_async_agent(
    version: int = 1, *, latency: float = 0.0, today: date | None = None, faults: Iterable[str] | None = None
) -> Callable[[Messages], Awaitable[Reply]]:
    """The same as `make_agent`, as a coroutine function."""
    flawed = _faults_of(version, faults)

    async def support_agent(messages: Messages) -> Reply:
        await asyncio.sleep(latency)
        return _answer(messages, version=version, faults=flawed, today=today)

    support_agent.__name__ = f"async_support_agent_v{version}"
    return support_agent


def astream_agent(
    version: int = 1, *, latency: float = 0.0, today: date | None = None, faults: Iterable[str] | None = None
) -> Callable[[Messages], AsyncIterator[str]]:
    """The same as `make_agent`, as an async generator function that gives the text word by word.

    Half of `latency` passes before the first word, the rest between the words.
    """
    flawed = _faults_of(version, faults)

    async def support_agent(messages: Messages) -> AsyncIterator[str]:
        await asyncio.sleep(latency / 2)
        text = _answer(messages, version=version, faults=flawed, today=today)["messages"][-1]["content"]
        words = text.split(" ")
        for place, word in enumerate(words):
            yield word if place == 0 else f" {word}"
            await asyncio.sleep(latency / 2 / len(words))

    support_agent.__name__ = f"streaming_support_agent_v{version}"
    return support_agent


def support_agent_v1(messages: Messages) -> Reply:
    """The support agent with all of `FAULTS`."""
    return _answer(messages, version=1, faults=frozenset(FAULTS), today=None)


def support_agent_v2(messages: Messages) -> Reply:
    """The support agent, mended."""
    return _answer(messages, version=2, faults=frozenset(), today=None)


def _faults_of(version: int, named: Iterable[str] | None) -> frozenset[str]:
    if version not in (1, 2):
        raise UsageError(f"no version {version!r} of the support agent: take 1 or 2")
    faults = frozenset((FAULTS if version == 1 else ()) if named is None else named)
    if unknown := sorted(faults - FAULTS.keys()):
        raise UsageError(f"no fault {unknown[0]!r}: the faults are {', '.join(FAULTS)}")
    return faults


def _answer(messages: Messages, *, version: int, faults: frozenset[str], today: date | None) -> Reply:
    """Go through the conversation again on a fresh back end; only what the last message does is told."""
    said = [_text_of(message) for message in messages if message["role"] == "user"]
    if not said:
        raise UsageError("the support agent was given no user message: end `messages` with one")
    desk = Desk(faults=faults, today=today)
    for text in said[:-1]:
        desk.answer(text)
    before = len(desk.tools.calls)
    desk.tools.traced = True
    text = desk.answer(said[-1])
    told = _tool_messages(desk.tools.calls[before:])
    return {"model": f"harbor-support-v{version}", "messages": [*told, {"role": "assistant", "content": text}]}


def _tool_messages(calls: Iterable[Call]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for call in calls:
        function = {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)}
        asked = {"id": call.id, "type": "function", "function": function}
        result = json.dumps(call.result, ensure_ascii=False)
        told.append({"role": "assistant", "content": None, "tool_calls": [asked]})
        told.append({"role": "tool", "tool_call_id": call.id, "name": call.name, "content": result})
    return told


def _text_of(message: Mapping[str, Any]) -> str:
    """The text of a message, whose content is text or Chat Completions parts."""
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping)).strip()
