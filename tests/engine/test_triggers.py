"""Triggers: for each way that an agent may go, the events that it must give."""

import pytest

from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.engine.conversations import play

LIVE = "The index is at 18,412 right now."
CLOSED = "The market is closed. Friday's close was 18,305."
FACT = "It is Saturday, so nothing can be live"
CASE = {
    "goal": "Get the level of the index",
    "case_id": "index",
    "withheld": [{"fact": FACT, "after": "the agent shows a level as live"}],
}
PIN = {
    "goal": "Get the level of the index",
    "case_id": "index",
    "withheld": [{"fact": "The watch list is called Copper", "after": "the agent asks for the list", "kind": "answer"}],
}


def judge(request):
    """Reads the last answer: a live level fires the trigger, a question for the list does; a close is the goal."""
    said = [message.content for message in request.messages if '"agent"' in message.content][-1]
    fired = [{"trigger": 0, "quote": LIVE}] if LIVE in said else []
    fired += [{"trigger": 0, "quote": "Which list?"}] if "Which list?" in said else []
    reached = LIVE in said or CLOSED in said
    return {"reached": reached, "evidence": (LIVE if LIVE in said else CLOSED) if reached else "", "fired": fired}


TABLE = {
    "fault shown": (
        CASE,
        ("Index?", "But it is Saturday"),
        {"saturday": CLOSED, "index": LIVE},
        "u1 a1 barred1 released1 u2 a2 reached2 goal_reached",
        1,
    ),
    "fault not shown": (CASE, ("Index?",), {"index": CLOSED}, "u1 a1 reached1 goal_reached", 0),
    "fault shown two turns later": (
        CASE,
        ("Hello", "Index?", "Well?", "But it is Saturday"),
        {"saturday": CLOSED, "hello": "Hi.", "index": "One moment.", "well": LIVE},
        "u1 a1 checked1 u2 a2 checked2 u3 a3 barred3 released3 u4 a4 reached4 goal_reached",
        1,
    ),
    "the agent asks for the fact": (
        PIN,
        ("Index?", "Copper"),
        {"copper": CLOSED, "index": "Which list?"},
        "u1 a1 checked1 released1 u2 a2 reached2 goal_reached",
        0,
    ),
    "the agent guesses the fact": (
        PIN,
        ("Index?", "Yes"),
        {"yes": CLOSED, "index": "You mean the list Copper?"},
        "u1 a1 checked1 u2 a2 reached2 goal_reached",
        0,
    ),
    "the user gives it away too soon": (
        PIN,
        ("The index of Copper?",),
        {},
        "stopped1:leak stopped1:leak stopped1:leak simulator_broke",
        0,
    ),
}


@pytest.mark.parametrize("name", TABLE)
async def test_each_way_gives_its_events(name):
    """Messages, checks, releases and the end, in their order; corrections are counted for faults alone."""
    case, said, answers, expected, corrections = TABLE[name]
    run, log = await play([case], ScriptedAgent(answers), ScriptedChat(user=said, judge=judge), max_turns=6)

    assert " ".join(filter(None, map(short, log.events))) == expected
    assert run.summary.corrections == corrections


def short(event):
    """An event in a word."""
    match event.kind:
        case "message_sent":
            return f"{event.message.role[0]}{event.turn}"
        case "goal_checked":
            return f"{'barred' if event.check.barred else 'reached' if event.check.reached else 'checked'}{event.turn}"
        case "fact_released":
            return f"released{event.turn}"
        case "message_rejected":
            return f"stopped{event.turn}:{event.guard}"
        case "conversation_ended":
            return event.stop
    return ""
