"""Forks that another agent plays: traced as those of the run's own."""

import asyncio
import time

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")
KEY = "kettle/ScriptedAgent/1"


async def other(messages):
    """Another agent."""
    await asyncio.sleep(0)
    return "It is closed."


def begun(folder):
    chat = ScriptedChat(user=("Refund!", "Well?", "So?"))
    options = {"max_turns": 2, "progress": False, "journal": folder}
    return cs.simulate([{"goal": "Get a refund", "case_id": "kettle"}], ScriptedAgent(), user_model=chat, **options)


def names_of(conversation):
    """The agents' names on the stored traces of a conversation."""
    return [mlflow.get_trace(trace_id).data.spans[0].name for trace_id in conversation.trace_ids]


def test_another_agents_turns_are_traces_too(tmp_path):
    """While the run plays and after its end, in the same MLflow run, each under the name of who played it."""
    run = begun(tmp_path)
    run.pause(KEY)  # before its second message, or its first
    while run.conversation(KEY).status != "paused":
        time.sleep(0.01)
    run.say(KEY)
    while not run.conversation(KEY).turns:
        time.sleep(0.01)
    early = run.fork(KEY, 1, "Hello?", agent=other)
    run.resume()
    run.wait(60)
    late = run.fork(KEY, 2, agent=other)
    run.wait(60)

    assert names_of(run.conversation(KEY)) == ["ScriptedAgent"] * 2
    for key in (early, late):
        assert names_of(run.conversation(key)) == ["other"] * 2
    assert run.problems == ()
