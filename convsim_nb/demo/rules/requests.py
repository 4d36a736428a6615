"""What a request to the rules asks for: read from its data messages alone."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from convsim_nb.demo.rules.judging import Exchange
from convsim_nb.demo.rules.scene import Scene
from convsim_nb.demo.rules.temper import temper_of
from convsim_nb.demo.rules.voice import voice_of
from convsim_nb.demo.rules.words import WINDOW
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import ChatMessage

Task = Literal["user", "judge", "split", "distill"]
_BY_NAME: Mapping[str, Task] = {
    "UserReply": "user",
    "JudgeReply": "judge",
    "SplitReply": "split",
    "DistillReply": "distill",
}


def task_of(name: str, messages: Sequence[ChatMessage]) -> Task:
    """The task, by the name of the reply's type or, where an endpoint gives none, by the first data message.

    Raises:
        ModelError: it is none of the four.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    first: Mapping[str, Any] = next(iter(data_of(messages)), {})
    if "messages" in first:
        return "split" if first.get("task") == "split" else "distill"
    if "goal" in first:
        return "judge" if "triggers" in first else "user"
    raise ModelError(
        "demo:/rules is not a language model: it plays the user, the judge and the distiller, nothing else"
    )


def _read(text: object) -> str:
    """A message, as far as it is read."""
    return str(text)[:WINDOW]


def data_of(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """The JSON objects among the messages; a reply of the model's own stands under `reply`."""
    found = []
    for message in messages:
        if message.role == "system":
            continue
        parsed = _object(message.content)
        if parsed is not None:
            found.append({"reply": parsed} if message.role == "assistant" else parsed)
    return found


def _object(text: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(text)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def scene_of(messages: Sequence[ChatMessage], *, endless: bool) -> Scene:
    """What the simulated user knows, from its request."""
    brief, *said = data_of(messages)
    own: list[str] = []
    agent: list[str] = []
    exchanges: list[Exchange] = []
    noticed: list[str] = []
    known: list[str] = []
    try_next = ""
    for entry in said:
        if "agent" in entry:
            try_next = str(entry.get("try_next", ""))
            agent.append(_read(entry["agent"]))
            exchanges.append(Exchange(own[-1] if own else "", agent[-1]))
            known += noticed
            noticed = list(entry.get("now_known", []))
        elif "reply" in entry and "not_sent" not in entry:
            own.append(_read(entry["reply"].get("text", "")))
            known, noticed = known + noticed, []
    temper = temper_of(brief.get("guidelines", []), try_next=try_next)
    if temper.trusts:
        known, noticed = known + noticed, []
    return Scene(
        goal=brief["goal"],
        temper=temper,
        voice=voice_of(brief.get("persona") or "", brief.get("examples", []), brief["goal"]),
        facts=tuple(brief.get("facts", [])),
        own=tuple(own),
        agent=tuple(agent),
        exchanges=tuple(exchanges),
        noticed=tuple(noticed),
        known=tuple(known),
        refused=tuple(entry["not_sent"] for entry in said if "not_sent" in entry),
        endless=endless,
    )


def case_of(messages: Sequence[ChatMessage]) -> tuple[str, tuple[Exchange, ...], tuple[tuple[int, str], ...]]:
    """Goal, turns and open triggers, from the judge's request."""
    task, *said = data_of(messages)
    asked = [entry["open_triggers"] for entry in said if "open_triggers" in entry]
    still = set(asked[-1]) if asked else set()
    triggers = tuple(
        (entry["trigger"], entry["when"]) for entry in task.get("triggers", []) if entry["trigger"] in still
    )
    turns = tuple(
        Exchange(_read(entry.get("user", "")), _read(entry.get("agent", "")))
        for entry in said
        if {"user", "agent"} & set(entry)
    )
    return task["goal"], turns, triggers
