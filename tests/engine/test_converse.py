"""How one conversation is played: turns, stops and verdicts."""

import asyncio
from itertools import count

import pytest

import convsim_nb as cs
from convsim_nb.engine.ports import UserMove
from convsim_nb.testing import AgentDown, ScriptedAgent, ScriptedChat
from tests.engine.conversations import play, told

CASE = {"goal": "Get a refund", "case_id": "refund"}
NEVER = {"reached": False}


def reached(quote="It is done."):
    return {"reached": True, "evidence": quote}


async def test_a_reached_goal_ends_the_conversation_in_that_turn():
    """The judge's yes, with a quote that is there, ends it as reached; user and agent spoke once a turn."""
    chat = ScriptedChat(user=("Refund please", "Well?"), judge=(NEVER, reached()))
    run, log = await play([CASE], ScriptedAgent({"refund": "Which order?"}), chat)

    assert told(run) == [
        ("user", "simulated", "Refund please"),
        ("assistant", "agent", "Which order?"),
        ("user", "simulated", "Well?"),
        ("assistant", "agent", "It is done."),
    ]
    conversation = run.conversations[0]
    assert (conversation.stop, conversation.verdict, conversation.turns) == ("goal_reached", "reached", 2)
    assert [kind for kind in log.kinds("refund/ScriptedAgent/1") if kind != "usage_reported"] == [
        "conversation_started",
        "message_sent",
        "message_sent",
        "goal_checked",
        "message_sent",
        "message_sent",
        "goal_checked",
        "conversation_ended",
    ]


async def test_what_never_reaches_the_goal_ends_at_max_turns():
    """After the last turn only the judge is asked, so no user message is paid for that nobody hears."""
    chat = ScriptedChat(user=("a", "b", "c", "d"), judge=(NEVER,))
    run, _ = await play([CASE], chat=chat, max_turns=3)

    kinds = [request.reply_type.__name__ for request in chat.requests]
    assert (run.conversations[0].stop, run.conversations[0].turns) == ("max_turns", 3)
    assert (kinds.count("UserReply"), kinds.count("JudgeReply")) == (3, 3)


async def test_judge_and_next_message_are_asked_at_once():
    """With nothing withheld the two requests of a turn overlap: each waits for the other to have begun."""
    both = asyncio.Barrier(2)

    async def user(view):
        if view.turn > 1:
            await asyncio.wait_for(both.wait(), 2)
        return UserMove("say", f"message {view.turn}")

    class Judging(ScriptedChat):
        async def __call__(self, request):
            if "JudgeReply" in str(request.reply_type) and len(request.messages) < 5:
                await asyncio.wait_for(both.wait(), 2)
            return await super().__call__(request)

    run, _ = await play([CASE], user=user, judge_model=Judging(judge=(NEVER,)), user_model=None, max_turns=2)

    assert run.conversations[0].stop == "max_turns", run.conversations[0].detail


async def test_reached_outranks_what_became_of_the_message_asked_beside_it():
    """A model that fails on the next message does not void a goal that was reached."""
    chat = ScriptedChat(user=("Refund please", cs.ConvsimError("out of order")), judge=(reached(),))
    run, _ = await play([CASE], chat=chat)

    assert (run.conversations[0].stop, run.conversations[0].verdict) == ("goal_reached", "reached")


@pytest.mark.parametrize(("last_word", "verdict"), [(NEVER, "not_reached"), (reached(), "reached")])
async def test_a_user_who_ends_leaves_the_verdict_to_the_judge(last_word, verdict):
    """In `on_end` the judge is asked once, when the user is done."""
    chat = ScriptedChat(user=("Refund please", {"action": "end", "because": "tired"}), judge=(last_word,))
    run, _ = await play([CASE], chat=chat, goal_check="on_end")

    conversation = run.conversations[0]
    assert (conversation.stop, conversation.verdict, len(conversation.checks)) == ("user_ended", verdict, 1)
    assert conversation.detail == "tired"


async def test_a_function_may_decide_in_the_judges_place():
    """`goal_check=function` asks no judge, sees the conversation so far, and is named by its source."""

    def two_replies(conversation):
        return sum(message.role == "assistant" for message in conversation.messages) == 2

    chat = ScriptedChat(user=("a", "b", "c"))
    run, _ = await play([CASE], chat=chat, goal_check=two_replies)

    assert (run.conversations[0].stop, run.conversations[0].turns) == ("goal_reached", 2)
    assert {request.reply_type.__name__ for request in chat.requests} == {"UserReply"}
    assert run.state.settings.goal_check.startswith("function:two_replies:")


@pytest.mark.parametrize(
    ("reply", "stop", "detail"),
    [
        (AgentDown("500"), "agent_error", "AgentDown: 500"),
        ("   ", "agent_silent", "the agent's reply holds no text"),
        (None, "agent_error", "the agent returned None"),
    ],
)
async def test_a_failing_agent_ends_only_its_own_conversation(reply, stop, detail):
    """One agent failure is a value on its conversation; the other goes on to its goal."""
    cases = [CASE, {"goal": "Change my address", "case_id": "address"}]
    run, _ = await play(cases, ScriptedAgent({"refund": reply}), ScriptedChat.happy())

    assert [c.stop for c in run.conversations] == [stop, "goal_reached"]
    assert detail in run.conversations[0].detail
    assert run.conversations[0].verdict == "not_reached"


async def test_an_agent_that_takes_too_long_is_timed_out():
    """`agent_timeout` ends the conversation as `agent_timeout`, which counts against the agent."""

    async def slow(messages):
        await asyncio.sleep(5)

    run, _ = await play([CASE], slow, agent_timeout=0.05)

    assert (run.conversations[0].stop, run.conversations[0].verdict) == ("agent_timeout", "not_reached")


async def test_a_model_that_fails_makes_the_trial_void():
    """What went wrong in the simulation is never a fail of the agent, and is said in the run's problems."""
    run, _ = await play([CASE], chat=ScriptedChat(user=(cs.ConvsimError("no credit left"),)))

    assert (run.conversations[0].stop, run.conversations[0].verdict) == ("model_error", "void")
    assert run.problems == ("refund/ScriptedAgent/1 is void (model_error): the simulated user: no credit left",)


@pytest.mark.parametrize(
    ("same_agent", "stop", "verdict"), [(True, "looped", "not_reached"), (False, "simulator_broke", "void")]
)
async def test_a_loop_is_the_simulators_fault_unless_the_agent_repeats_itself_too(same_agent, stop, verdict):
    """Three turns with the same text but for case and spaces: both sides make a loop, the user alone is broken."""
    number = count()

    def agent(messages):
        return "I am  looking." if same_agent else f"I am looking {next(number)}."

    run, _ = await play([CASE], agent, ScriptedChat(user=("Refund please", "refund  PLEASE"), judge=(NEVER,)))

    assert (run.conversations[0].stop, run.conversations[0].verdict, run.conversations[0].turns) == (stop, verdict, 3)


async def test_digits_make_a_message_a_new_one():
    """Texts that differ in a number alone are no loop."""
    number = count()
    chat = ScriptedChat(user=lambda _: f"Order {next(number)}", judge=(NEVER,))
    run, _ = await play([CASE], chat=chat, max_turns=5)

    assert run.conversations[0].stop == "max_turns"


async def test_a_script_is_said_word_for_word_before_anything_ends():
    """Neither the judge's yes nor the user ends a conversation while scripted messages are left."""
    case = {**CASE, "script": ["First", "Second"]}
    run, _ = await play([case], chat=ScriptedChat(user=("third",), judge=(reached(),)))

    assert [entry[1:] for entry in told(run) if entry[0] == "user"] == [("scripted", "First"), ("scripted", "Second")]
    assert (run.conversations[0].stop, run.conversations[0].turns) == ("goal_reached", 2)


async def test_a_run_may_end_with_its_scripts():
    """`script_then="end"` stops as `user_ended`, with the judge's last word as the verdict."""
    run, _ = await play([{**CASE, "script": ["First"]}], chat=ScriptedChat(judge=(reached(),)), script_then="end")

    assert (run.conversations[0].stop, run.conversations[0].verdict) == ("user_ended", "reached")


async def test_history_stands_before_turn_one():
    """Given history does not count as turns; where it ends with the user, the agent answers it as turn 1."""
    history = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "My kettle broke"},
    ]
    agent = ScriptedAgent()
    run, _ = await play([{**CASE, "history": history}], agent, ScriptedChat(judge=(reached(),)), max_turns=1)

    assert [m["content"] for m in agent.heard[0]] == ["Hello", "Hi", "My kettle broke"]
    assert (run.conversations[0].turns, run.conversations[0].stop) == (1, "goal_reached")


async def test_the_agent_cannot_change_the_history():
    """An agent that appends to the list it is given changes its own copy alone."""

    def rude(messages):
        messages.append({"role": "user", "content": "I am content."})
        return f"{len(messages)} messages"

    run, _ = await play([CASE], rude, ScriptedChat(user=("a", "b")), max_turns=2)

    assert [m.content for m in run.conversations[0].messages] == ["a", "2 messages", "b", "4 messages"]


async def test_trials_and_cases_are_played_in_case_order():
    """`run.conversations` holds one conversation a key, in case order, whatever ended first."""
    cases = [{"goal": "slow", "case_id": "slow"}, {"goal": "fast", "case_id": "fast"}]

    async def agent(messages):
        await asyncio.sleep(0.05 if messages[-1]["content"] == "slow" else 0)
        return "Here."

    run, _ = await play(cases, agent, ScriptedChat.happy(), trials=2)

    assert [c.key for c in run.conversations] == ["slow/agent/1", "slow/agent/2", "fast/agent/1", "fast/agent/2"]
    assert {c.stop for c in run.conversations} == {"goal_reached"}
    assert len({c.session_id for c in run.conversations}) == 4
