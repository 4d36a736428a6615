"""The built-in sessions: what customers wrote is ours, what was answered is the support agent's, version 1.

`python -m convsim_nb.demo.sessions` has the agent answer all of them anew, after its words have changed.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from convsim_nb.demo.agents import make_agent

SESSIONS_FILE = Path(__file__).with_name("data") / "sessions.jsonl"
"""One session a line: `session_id`, `user`, `started_at` (ISO), `messages` (Chat Completions, tool calls included)."""

Row = dict[str, Any]


def built_in_sessions() -> tuple[Row, ...]:
    """The rows of `SESSIONS_FILE`, in order."""
    lines = SESSIONS_FILE.read_text(encoding="utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


def turns_of(messages: Iterable[Row]) -> tuple[tuple[Row, ...], ...]:
    """The messages by turn: each begins with the customer's."""
    turns: list[list[Row]] = []
    for message in messages:
        if message["role"] == "user":
            turns.append([])
        turns[-1].append(message)
    return tuple(map(tuple, turns))


def rehearsed(session: Row) -> Row:
    """The same session with the answers that version 1 gives, on the day it was recorded."""
    agent = make_agent(1, today=datetime.fromisoformat(session["started_at"]).date())
    messages: list[Row] = []
    for message in session["messages"]:
        if message["role"] == "user":
            messages.append(message)
            messages += agent(messages)["messages"]
    return {**session, "messages": messages}


def _rewrite() -> None:
    lines = [json.dumps(rehearsed(session), ensure_ascii=False) for session in built_in_sessions()]
    SESSIONS_FILE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
