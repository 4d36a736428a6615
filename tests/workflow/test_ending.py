"""The end of a run, where it is not the usual one."""

import asyncio
import time

import mlflow
import pytest
from mlflow.tracking import fluent

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

QUIET = {"mlflow": False, "progress": False, "journal": False}


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store that MLflow takes from the environment, whatever other tests made current."""
    before, active = mlflow.get_tracking_uri(), fluent._active_experiment_id
    mlflow.set_tracking_uri(None)
    fluent._active_experiment_id = None
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID", raising=False)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    yield uri
    mlflow.set_tracking_uri(before)
    fluent._active_experiment_id = active


async def hanging(messages):
    """An agent that never answers."""
    await asyncio.Event().wait()


@pytest.mark.parametrize("milliseconds", [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5])
def test_a_stop_is_never_lost(milliseconds):
    """However early it comes, before the first step or in the moment of an answer, the run ends and says so."""
    for _ in range(6):
        run = cs.simulate([{"goal": "x"}, {"goal": "y"}], hanging, user_model=ScriptedChat.happy(), **QUIET)
        time.sleep(milliseconds / 1000)
        run.stop()
        run.wait(2)

        assert run.ended.is_set()
        assert [c.stop for c in run.conversations] == ["cancelled", "cancelled"]
        assert run.state.stopped


def test_a_reader_that_cannot_close_costs_the_others_nothing(tmp_path):
    """It is said among the run's problems; the run has ended, and its journal is whole."""

    class Stuck:
        def __call__(self, event):
            """Hear it."""

        def close(self):
            raise OSError("the disk is full")

    options = {"user_model": ScriptedChat.happy(), "sinks": [Stuck()], **QUIET, "journal": tmp_path}
    run = cs.simulate([{"goal": "x"}], lambda messages: "done", **options).wait(5)

    assert [c.stop for c in run.conversations] == ["goal_reached"]
    assert run.problems == ("Stuck stopped listening: OSError: the disk is full",)
    assert cs.load_run(run.run_id, journal=tmp_path).state == run.state


def test_half_a_character_stops_nobody(tmp_path):
    """A stream that was cut inside an emoji: the journal takes the reply, with a mark in its place."""
    options = {"user_model": ScriptedChat.happy(turns=2), **QUIET, "journal": tmp_path}
    run = cs.simulate([{"goal": "x"}], lambda messages: "bad \ud83d", **options).wait(5)

    assert run.problems == ()
    assert run.conversations[0].messages[1].content == "bad \ufffd"
    assert cs.load_run(run.run_id, journal=tmp_path).state == run.state


class Unspeakable(Exception):
    """As an agent's own class may be."""

    def __str__(self):
        raise KeyError("code")


@pytest.mark.parametrize("grouped", [False, True])
def test_an_error_without_a_text_ends_its_own_conversation_alone(grouped, tmp_path, store):
    """An exception whose `__str__` raises is an agent's error like any other, in MLflow and in the journal too."""

    def agent(messages):
        if "0" in messages[0]["content"]:
            raise ExceptionGroup("two", [Unspeakable(), Unspeakable()]) if grouped else Unspeakable
        return "done"

    cases = [{"goal": f"Goal {n}"} for n in range(3)]
    options = {"user_model": ScriptedChat.happy(), "progress": False, "journal": tmp_path}
    run = cs.simulate(cases, agent, **options).wait(60)

    assert [c.stop for c in run.conversations] == ["agent_error", "goal_reached", "goal_reached"]
    assert run.conversations[0].detail == "Unspeakable: (it has no text: its __str__ raises KeyError)"
    assert run.problems == ()
    assert cs.load_run(run.run_id, journal=tmp_path).state == run.state


def test_what_a_push_put_right_is_no_problem_any_more(tmp_path, monkeypatch, store):
    """A run that is loaded again knows its place in MLflow, and says what was wrong and is not."""
    options = {"user_model": ScriptedChat.happy(), "progress": False, "journal": tmp_path}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////proc/nowhere/mlflow.db")
    run = cs.simulate([{"goal": "x"}], lambda messages: "done", **options).wait(60)
    before = cs.load_run(run.run_id, journal=tmp_path)
    assert [line.partition(":")[0] for line in before.problems] == ["mlflow stopped listening"]
    assert (before.mended, before.mlflow_run_id) == ((), None)

    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    pushed = cs.push(run.run_id, journal=tmp_path)
    again = cs.load_run(run.run_id, journal=tmp_path)
    assert (again.problems, again.mlflow_run_id) == ((), pushed.mlflow_run_id)
    assert [line.endswith("; cs.push brought what was missing") for line in again.mended] == [True]

    live = cs.simulate([{"goal": "x"}], lambda messages: "done", **options).wait(60)
    assert live.mlflow_run_id
    assert cs.load_run(live.run_id, journal=tmp_path).mlflow_run_id == live.mlflow_run_id


def test_half_a_character_is_the_same_to_all(tmp_path, store):
    """In a text, a tool's result or an error: journal and MLflow take it, with a mark in its place."""
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"q": "a"}'}}
    told = [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "half \ud83d"},
        {"role": "assistant", "content": "bad \ud83d char"},
    ]

    def agent(messages):
        if "1" in messages[0]["content"]:
            raise ValueError("no \ud83d")
        return {"messages": told} if "2" in messages[0]["content"] else "bad \ud83d char"

    cases = [{"goal": f"Goal {n}"} for n in range(3)]
    options = {"user_model": ScriptedChat.happy(), "progress": False, "journal": tmp_path}
    run = cs.simulate(cases, agent, **options).wait(60)

    assert run.problems == ()
    assert [c.stop for c in run.conversations] == ["goal_reached", "agent_error", "goal_reached"]
    assert run.conversations[0].messages[1].content == "bad \ufffd char"
    assert run.conversations[1].detail == "ValueError: no \ufffd"
    assert run.conversations[2].messages[1].tool_calls[0].result == "half \ufffd"
    assert run.mlflow.failure is None
    assert [len(c.trace_ids) for c in run.conversations] == [1, 1, 1]
    assert cs.load_run(run.run_id, journal=tmp_path).state == run.state


def test_an_agent_that_changes_its_context_changes_its_own(tmp_path):
    """The next trial gets what the case says."""
    seen = []

    def agent(messages, tenant):
        seen.append(list(tenant))
        tenant.append("x")
        return "done"

    case = {"goal": "x", "context": {"tenant": ["a"]}}
    cs.simulate([case], agent, user_model=ScriptedChat.happy(turns=2), trials=2, **QUIET).wait(5)

    assert seen == [["a"]] * 4


def test_a_goal_function_must_say_yes_or_no():
    """A text is neither: it would count as reached, whatever it says."""
    options = {"user_model": ScriptedChat.happy(), "goal_check": lambda conversation: "no", **QUIET}
    run = cs.simulate([{"goal": "x"}], lambda messages: "done", **options).wait(5)

    assert run.conversations[0].stop == "model_error"
    assert "goal_check returned 'no': it must return True, False or a GoalCheck" in run.conversations[0].detail


@pytest.mark.parametrize("uri", ["foo://x", "sqlite:////proc/nowhere/mlflow.db"])
def test_a_store_that_is_none_costs_the_run_nothing(uri, tmp_path, monkeypatch):
    """The conversations are played and kept; that MLflow got none of them stands among the problems."""
    mlflow = pytest.importorskip("mlflow")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        options = {"user_model": ScriptedChat.happy(turns=2), "progress": False, "journal": tmp_path}
        run = cs.simulate([{"goal": "x"}, {"goal": "y"}], lambda messages: "done", **options).wait(60)
    finally:
        mlflow.set_tracking_uri(before)

    assert [c.stop for c in run.conversations] == ["goal_reached"] * 2
    assert [problem.partition(":")[0] for problem in run.problems] == ["mlflow stopped listening"]
    assert cs.load_run(run.run_id, journal=tmp_path).state == run.state
