"""The handle of a run: waiting, stopping, and what it gives to read."""

import asyncio
import threading
import time

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)]
QUIET = {"mlflow": False, "progress": False}


async def hanging(messages):
    """An agent that never answers."""
    await asyncio.Event().wait()


def deaf(messages):
    """A synchronous agent that hangs."""
    time.sleep(60)


def test_simulate_returns_at_once_and_wait_gives_the_run_back(tmp_path):
    """The run plays in the background; `wait()` returns it when every conversation has ended."""
    run = cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat.happy(turns=2), journal=tmp_path, **QUIET)

    assert run.run_id
    assert run.wait(20) is run
    assert [c.stop for c in run.conversations] == ["goal_reached"] * 3
    assert run.problems == ()


@pytest.mark.parametrize("agent", [hanging, deaf])
def test_stop_keeps_what_was_done(agent, tmp_path):
    """A stop ends what is not over as cancelled, within a second, also where an agent hangs."""
    run = cs.simulate(CASES, agent, user_model=ScriptedChat.happy(), concurrency=2, journal=tmp_path, **QUIET)
    while not all(c.messages for c in run.conversations[:2]):
        time.sleep(0.01)
    run.stop()
    run.wait(5)

    assert run.ended.is_set()
    assert [(c.stop, c.verdict) for c in run.conversations] == [("cancelled", "void")] * 3
    assert [[m.content for m in c.messages] for c in run.conversations] == [["Goal 0"], ["Goal 1"], []]
    assert run.state.stopped


async def test_a_run_can_be_awaited_from_any_loop(tmp_path):
    """`await run` waits without blocking the caller's loop."""
    run = cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat.happy(), journal=tmp_path, **QUIET)
    ticks = 0

    async def tick():
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(tick())
    assert await run is run
    ticking.cancel()
    assert run.state.ended
    assert ticks > 1


async def test_waiting_on_the_loop_itself_is_refused(tmp_path):
    """`run.wait()` inside an agent would wait for itself: one line says what to do instead."""
    runs, begun = [], threading.Event()

    async def agent(messages):
        await asyncio.to_thread(begun.wait)
        runs[0].wait()
        return "never"

    run = cs.simulate(CASES[:1], agent, user_model=ScriptedChat.happy(), journal=tmp_path, **QUIET)
    runs.append(run)
    begun.set()
    await run

    assert run.conversations[0].stop == "agent_error"
    assert "use `await run`" in run.conversations[0].detail


def test_to_frame_has_a_row_a_conversation_and_a_column_a_score(tmp_path):
    """Scores stand beside the verdicts, joined by the conversation's key; scoring twice replaces."""
    run = cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat.happy(), trials=2, journal=tmp_path, **QUIET)
    run.wait(20).evaluate(["turns_to_goal"])
    scored = run.evaluate([cs.Conversation.model_validate, "turns_to_goal"][1:])
    frame = run.to_frame()

    assert list(frame["case_id"]) == ["case-0", "case-0", "case-1", "case-1", "case-2", "case-2"]
    assert list(frame["turns_to_goal"]) == [1] * 6
    assert len(scored) == len(run.scores) == 6


def test_an_unknown_scorer_is_refused(tmp_path):
    """The message names what was meant."""
    run = cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat.happy(), journal=tmp_path, **QUIET).wait(20)

    with pytest.raises(cs.ConvsimError, match="no scorer 'turn_to_goal': did you mean 'turns_to_goal'"):
        run.evaluate(["turn_to_goal"])


@pytest.mark.parametrize(
    ("cases", "options", "message"),
    [
        ([], {}, "there are no test cases"),
        ([{"persona": "x"}], {}, "the list, number 1: test case {'persona': 'x'} has no goal: give it one"),
        ([{"goal": "x", "case_id": "a"}] * 2, {}, "two test cases have the id 'a'"),
        (CASES, {"max_turns": 0}, "max_turns=0: give a whole number above 0"),
        (CASES, {"tags": {"a": 1}}, "tags has 'a': 1: names and values are text: write 'a': '1'"),
        (CASES, {"tags": ["a"]}, "tags=['a']: give a mapping of texts, such as {'team': 'search'}"),
        (CASES, {"run_name": 5}, "run_name=5: give text"),
        (CASES, {"run_key": ""}, "run_key='': give a text that names the job, or leave it out"),
        (CASES, {"user": 5}, "user=5: give an async function of a UserView, or leave it out"),
        (CASES, {"sinks": [5]}, "sinks holds 5, which cannot be called: give functions of an event"),
        (CASES, {"sinks": 5}, "sinks=5: give a list of functions of an event"),
        (CASES, {"trials": -1}, "trials=-1: give a whole number above 0"),
        (CASES, {"goal_check": "sometimes"}, "goal_check='sometimes': give 'every_turn', 'on_end' or a function"),
        (CASES, {"script_then": "stop"}, "script_then='stop': give one of 'simulate', 'end'"),
        (CASES, {"user_model": None}, "no user_model is named"),
        (CASES, {"user_model": "gpt-4o"}, "openai:/gpt-4o"),
        (CASES, {"user_model": "opena:/gpt-4o"}, "openai"),
        ("no-such-file.yaml", {}, "no file no-such-file.yaml"),
    ],
)
def test_a_wrong_call_is_refused_before_any_model_is_called(cases, options, message, tmp_path):
    """One line names the value and the next step; no model was asked and no journal was begun."""
    chat = ScriptedChat()
    options = {"user_model": chat, "journal": tmp_path, **QUIET, **options}
    with pytest.raises(cs.ConvsimError) as caught:
        cs.simulate(cases, ScriptedAgent(), **options)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert chat.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("agent", [lambda: "x", lambda text: "x", lambda messages, input: "x", 7])
def test_an_agent_that_cannot_be_called_is_refused(agent, tmp_path):
    """It has to take `messages` or `input`, exactly one of the two."""
    with pytest.raises(cs.ConvsimError) as caught:
        cs.simulate(CASES, agent, user_model=ScriptedChat(), journal=tmp_path, **QUIET)

    assert "messages" in str(caught.value)


def test_alike_cases_get_ids_of_their_own(tmp_path):
    """MLflow takes the same case twice; so do we, where no ids were given."""
    run = cs.simulate([{"goal": "x"}] * 2, ScriptedAgent(), user_model=ScriptedChat.happy(), journal=tmp_path, **QUIET)

    assert len({c.case_id for c in run.wait(20).conversations}) == 2
