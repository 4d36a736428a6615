"""The built-in sessions: well formed, true to the agent that recorded them, and what the table beside them says."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

import convsim_nb as cs
from convsim_nb.demo.agents import FAULTS
from convsim_nb.demo.sessions import SESSIONS_FILE, built_in_sessions, rehearsed, turns_of

SESSIONS = built_in_sessions()
each_session = pytest.mark.parametrize("session", SESSIONS, ids=[session["session_id"] for session in SESSIONS])


def spoken(session):
    """The messages that somebody says, tool calls and results left out."""
    return [message for message in session["messages"] if message["role"] != "tool" and message["content"] is not None]


def table():
    """The rows of the README's table, by session id."""
    text = Path(SESSIONS_FILE).with_name("README.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in re.findall(r"^\| hb-.*$", text, re.MULTILINE)
    ]
    return {row[0]: dict(zip(("goals", "customer", "corrects", "ends"), row[1:], strict=True)) for row in rows}


@each_session
def test_a_session_is_well_formed(session):
    """User and assistant take turns, the user first, in 4 to 14 messages with text; the time has a zone."""
    assert session.keys() == {"session_id", "user", "started_at", "messages"}
    assert 4 <= len(spoken(session)) <= 14
    assert [message["role"] for message in spoken(session)] == ["user", "assistant"] * (len(spoken(session)) // 2)
    assert all(message["content"].strip() for message in spoken(session))
    assert datetime.fromisoformat(session["started_at"]).tzinfo is not None


@each_session
def test_every_tool_call_has_its_result(session):
    """Each call is followed by the tool's message of the same id, and both hold JSON objects."""
    asked = [call for message in session["messages"] for call in message.get("tool_calls", ())]
    told = [message for message in session["messages"] if message["role"] == "tool"]

    assert [call["id"] for call in asked] == [result["tool_call_id"] for result in told]
    assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in asked)
    assert all(isinstance(json.loads(result["content"]), dict) for result in told)


@each_session
def test_the_answers_are_those_of_version_1(session):
    """Nobody touched up what the agent said: played again, it says the same, tool calls included."""
    assert rehearsed(session) == session


def test_ids_are_there_once_and_begin_in_one_week():
    """Thirty sessions, each with an id of its own, all before the demo's Saturday ends."""
    days = {session["started_at"][:10] for session in SESSIONS}

    assert len({session["session_id"] for session in SESSIONS}) == len(SESSIONS) == 30
    assert (min(days), max(days)) == ("2026-03-09", "2026-03-14")


def test_the_table_is_of_these_sessions():
    """Each session has its row, and the rows name faults that there are."""
    rows = table()
    named = {name for row in rows.values() for name in re.findall(r"\w+_\w+", row["corrects"])}

    assert list(rows) == [session["session_id"] for session in SESSIONS]
    assert named == FAULTS.keys()


def test_there_is_something_of_each_kind():
    """Several goals, corrections, unhappy ends, two languages besides English, and the closed market on a Saturday."""
    rows = table().values()
    closed = SESSIONS[0]

    assert sum("; " in row["goals"] or "one message" in row["goals"] for row in rows) >= 10
    assert sum(bool(re.sub(r"\(.*?\)|[, ]", "", row["corrects"])) for row in rows) >= 10
    assert sum(row["ends"].startswith("badly") for row in rows) == 2
    assert {"German", "Spanish"} <= {row["customer"] for row in rows}
    assert datetime.fromisoformat(closed["started_at"]).strftime("%A") == "Saturday"
    assert "right now" in closed["messages"][3]["content"]
    assert "Saturday" in turns_of(closed["messages"])[1][0]["content"]


def test_the_file_loads_as_it_is():
    """`load_sessions` reads the file by itself: each message once, tool calls at the answer they led to."""
    loaded = cs.load_sessions(SESSIONS_FILE)

    assert [session.id for session in loaded] == [session["session_id"] for session in SESSIONS]
    for session, row in zip(loaded, SESSIONS, strict=True):
        assert [(m.role, m.content) for m in session.messages] == [(m["role"], m["content"]) for m in spoken(row)]
        assert sum(len(m.tool_calls) for m in session.messages) == sum(m["role"] == "tool" for m in row["messages"])
