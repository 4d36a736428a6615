"""Withheld facts: unknown to the simulated user until the agent's words release them."""

import json

from convsim_nb.testing import ScriptedAgent, ScriptedChat
from convsim_nb.views.text import transcript
from tests.engine.conversations import play

FACT = "The market is closed on Saturdays"
CASE = {
    "goal": "Get the level of the index",
    "case_id": "index",
    "withheld": [{"fact": FACT, "after": "the agent shows prices of a closed market as live"}],
}
LIVE = "The index is at 18,412 right now."
FIRED = {"reached": True, "evidence": LIVE, "fired": [{"trigger": 0, "quote": LIVE}]}


def user_requests(chat):
    return [request for request in chat.requests if request.reply_type.__name__ == "UserReply"]


async def test_the_fact_is_in_no_request_before_its_trigger_fired():
    """By construction: what the prompt does not hold, the user cannot give away."""
    chat = ScriptedChat(
        user=("Index?", "But it is Saturday", "Fine"), judge=({"reached": False}, FIRED, {"reached": False})
    )
    agent = ScriptedAgent({"index": "One moment."}, otherwise=LIVE)
    run, _ = await play([CASE], agent, chat, max_turns=3)

    told = [FACT in json.dumps([m.content for m in request.messages]) for request in user_requests(chat)]
    assert told == [False, False, True]
    assert json.loads(user_requests(chat)[2].messages[-1].content) == {"agent": LIVE, "now_known": [FACT]}
    assert [(r.turn, r.quote) for r in run.conversations[0].released] == [(2, LIVE)]


async def test_a_fired_trigger_bars_the_goal_in_its_turn():
    """A faulty answer is not taken for success before the user could object."""
    chat = ScriptedChat(user=("Index?", "But it is Saturday"), judge=(FIRED, {"reached": True, "evidence": "18,305"}))
    run, log = await play([CASE], ScriptedAgent({"saturday": "Friday's close was 18,305."}, otherwise=LIVE), chat)

    conversation = run.conversations[0]
    assert (conversation.stop, conversation.turns, conversation.corrections) == ("goal_reached", 2, 1)
    assert [(check.reached, check.barred) for check in conversation.checks] == [(False, True), (True, False)]
    assert "not reached: barred by what the user has to object" in transcript(conversation)
    kinds = [kind for kind in log.kinds(conversation.key) if kind not in ("usage_reported", "message_sent")]
    assert kinds == ["conversation_started", "goal_checked", "fact_released", "goal_checked", "conversation_ended"]


async def test_a_trigger_that_never_fires_does_not_bar_the_goal():
    """An agent without the fault reaches the goal at once, and nothing is released."""
    chat = ScriptedChat(user=("Index?",), judge=({"reached": True, "evidence": "18,305"},))
    run, _ = await play([CASE], ScriptedAgent(otherwise="Closed today. Friday's close was 18,305."), chat)

    assert (run.conversations[0].stop, run.conversations[0].released) == ("goal_reached", ())


async def test_a_trigger_in_the_last_turn_is_counted():
    """The correction stands in the numbers although nobody could object any more."""
    run, _ = await play([CASE], ScriptedAgent(otherwise=LIVE), ScriptedChat(judge=(FIRED,)), max_turns=1)

    assert (run.conversations[0].stop, run.summary.corrections) == ("max_turns", 1)


async def test_a_quote_that_the_agent_never_said_fires_nothing():
    """An invented quote is asked for again, and then the trigger has not fired."""
    invented = {"reached": False, "fired": [{"trigger": 0, "quote": "The index stands at one million."}]}
    chat = ScriptedChat(judge=(invented,))
    run, _ = await play([CASE], ScriptedAgent(otherwise=LIVE), chat, max_turns=1)

    again = [r for r in chat.requests if "not_accepted" in r.messages[-1].content]
    assert (run.conversations[0].released, len(again)) == ((), 1)


async def test_reached_with_an_invented_quote_is_a_model_error():
    """The agent's success cannot be made up: the trial is void, and says what was quoted."""
    chat = ScriptedChat(judge=({"reached": True, "evidence": "I sent you a million"},))
    run, _ = await play([{"goal": "Get the level"}], ScriptedAgent(otherwise=LIVE), chat)

    assert (run.conversations[0].stop, run.conversations[0].verdict) == ("model_error", "void")
    assert "I sent you a million" in run.conversations[0].detail


async def test_a_fact_said_in_a_script_is_known_and_no_correction():
    """What given text gives away counts as released, but is no fault of the agent."""
    case = {**CASE, "script": [f"{FACT}, right?"]}
    run, _ = await play([case], ScriptedAgent(otherwise=LIVE), ScriptedChat(), max_turns=1)

    assert ([r.turn for r in run.conversations[0].released], run.summary.corrections) == ([1], 0)


async def test_a_function_decides_only_reached_while_facts_are_pending():
    """The judge is asked for the triggers each turn whatever `goal_check` is, and a fired one bars the goal."""
    chat = ScriptedChat(user=("Index?", "Saturday!"), judge=(FIRED,))
    run, _ = await play([CASE], ScriptedAgent(otherwise=LIVE), chat, goal_check=lambda conversation: True)

    assert (run.conversations[0].stop, run.conversations[0].turns, run.summary.corrections) == ("goal_reached", 2, 1)
