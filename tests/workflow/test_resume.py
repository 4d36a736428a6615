"""Taking a run up again after a stop or a crash."""

import json
import subprocess
import sys
import threading
import time

import pytest

import convsim_nb as cs
from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.state import RunState
from convsim_nb.testing import ScriptedAgent, ScriptedChat

AGENTS = """
import asyncio, os, pathlib
import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(6)]
calls = pathlib.Path("calls.txt")

async def agent(messages):
    with calls.open("a") as file:
        file.write(messages[0]["content"] + "\\n")
    await asyncio.sleep(0.02)
    return f"It is done {len(messages)}."

def chat():
    return ScriptedChat.happy(turns=2)

OPTIONS = {"journal": "journals", "mlflow": False, "progress": False, "concurrency": 2}
"""
KILLED = """
import os
from agents import *
def killer(event):
    if event.kind == "message_sent" and event.key.startswith("case-3") and event.turn == 2:
        os.kill(os.getpid(), 9)
cs.simulate(CASES, agent, user_model=chat(), sinks=[killer], **OPTIONS).wait()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder whose `agents.py` can be imported, here and in other processes."""
    (tmp_path / "agents.py").write_text(AGENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "agents", raising=False)
    return tmp_path


def killed(folder):
    """A run whose process was killed in its fourth conversation."""
    died = subprocess.run([sys.executable, "-c", KILLED], cwd=folder, check=False, capture_output=True, timeout=60)
    assert died.returncode == -9, died.stderr
    (line,) = cs.runs("journals")
    assert line.status == "lost at turn 2"
    return line.run_id


def test_a_killed_run_is_finished_without_asking_anything_twice(folder):
    """After `kill -9`: what had ended is not played again, the half-done start over, the keys stay the same."""
    run_id = killed(folder)
    import agents

    before = cs.load_run(run_id, journal="journals").conversations
    done = [c.key for c in before if c.stop == "goal_reached"]
    agents.calls.write_text("")
    run = cs.resume(
        run_id, agent=agents.agent, user_model=agents.chat(), mlflow=False, progress=False, journal="journals"
    )
    run.wait(20)

    assert run.run_id == run_id
    assert [c.key for c in run.conversations] == [c.key for c in before]
    assert {c.stop for c in run.conversations} == {"goal_reached"}
    assert len(done) >= 2
    asked = set(agents.calls.read_text().split("\n")) - {""}
    assert asked == {f"Goal {c.case_id[-1]}" for c in before if c.key not in done}
    assert [c.attempt for c in run.conversations] == [1 if c.key in done else c.attempt + 1 for c in before]


def test_the_journal_of_a_resumed_run_replays_to_its_state(folder):
    """Both halves are one story, also where the crash cut a line short."""
    run_id = killed(folder)
    import agents

    path = folder / "journals" / run_id / "events.jsonl"
    path.write_bytes(path.read_bytes() + b'{"kind":"message_se')
    options = {"mlflow": False, "progress": False, "journal": "journals"}
    run = cs.resume(run_id, agent=agents.agent, user_model=agents.chat(), **options).wait(20)

    assert RunState.replay(read_journal(run.folder)) == run.state
    assert [line.status for line in cs.runs("journals")] == ["finished"]
    kinds = [json.loads(line)["kind"] for line in path.read_text().splitlines()]
    assert kinds.count("run_started") == 2


def test_a_stopped_run_goes_on_where_it_was(folder):
    """What the stop ended as cancelled is played; the handle may be given in the id's place."""
    import agents

    run = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **agents.OPTIONS)
    while not any(c.stop for c in run.conversations):
        time.sleep(0.005)
    run.stop()
    run.wait(5)
    assert {c.stop for c in run.conversations} == {"goal_reached", "cancelled"}
    again = cs.resume(run, agent=agents.agent, user_model=agents.chat(), mlflow=False, progress=False).wait(20)

    assert {c.stop for c in again.conversations} == {"goal_reached"}
    assert not again.state.stopped


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"max_turns": 3}, "was begun with max_turns 10, now it is 3"),
        ({"agent": lambda messages: "another"}, "was begun with the agent's source"),
    ],
)
def test_another_run_than_was_begun_is_refused_unless_forced(folder, changed, message):
    """Results of two agents must not stand in one run unless it is asked for."""
    run_id = killed(folder)
    import agents

    given = {"agent": agents.agent, "user_model": agents.chat(), "mlflow": False, "progress": False, **changed}
    with pytest.raises(cs.ConvsimError) as caught:
        cs.resume(run_id, journal="journals", **given)
    assert message in str(caught.value)
    assert {c.stop for c in cs.resume(run_id, journal="journals", force=True, **given).wait(20).conversations} == {
        "goal_reached"
    }


def test_a_finished_run_comes_back_as_it_is(folder, capsys):
    """Nothing is played and no agent asked for; a line says so. The handle is of use: it waits, and is scored."""
    import agents

    run = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **agents.OPTIONS).wait(20)
    capsys.readouterr()
    again = cs.resume(run.run_id, agent="nowhere:agent", journal="journals", mlflow=False)

    assert capsys.readouterr().err == f"convsim: run {run.run_id} is finished: all 6 conversations have ended\n"
    assert again.wait(1).state == run.state
    assert set(again.evaluate(["corrections"])["value"]) == {0}


def test_a_run_that_died_before_its_end_was_written_is_ended(folder):
    """All conversations are there and the last line is not: nothing is asked again, and the run has its end."""
    import agents

    run = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **agents.OPTIONS).wait(20)
    journal = run.folder / "events.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    assert '"run_ended"' in lines[-1]
    journal.write_text("".join(lines[:-1]))

    again = cs.resume(run.run_id, agent=agents.agent, user_model=agents.chat(), **agents.OPTIONS).wait(20)
    assert (again.state.ended, again.state.stopped) == (True, False)
    assert [c.attempt for c in again.conversations] == [1] * 6
    assert "run_ended" in journal.read_text().splitlines()[-1]


def test_an_unknown_option_is_refused(folder):
    """A typing error is not silently ignored."""
    import agents

    with pytest.raises(cs.ConvsimError, match="has no option 'max_turn': did you mean max_turns"):
        cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), max_turn=3)


def test_a_job_that_is_tried_again_pays_for_nothing_twice(folder, capsys):
    """With one `run_key`: a stopped run is resumed, a finished one comes back as it is, and no agent is asked."""
    import agents

    options = {**agents.OPTIONS, "run_key": "nightly"}
    run = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **options)
    while not any(c.stop for c in run.conversations):
        time.sleep(0.005)
    run.stop()
    run.wait(5)
    again = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **options).wait(20)
    assert (again.run_id, {c.stop for c in again.conversations}) == (run.run_id, {"goal_reached"})

    agents.calls.write_text("")
    finished = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **options).wait(20)
    assert (finished.run_id, agents.calls.read_text()) == (run.run_id, "")
    assert "with run_key 'nightly' is finished" in capsys.readouterr().err
    other = cs.simulate(agents.CASES, agents.agent, user_model=agents.chat(), **{**options, "run_key": "weekly"})
    assert other.wait(20).run_id != run.run_id


def test_a_run_key_with_other_cases_is_refused(folder):
    """Two suites must not share a run."""
    import agents

    options = {**agents.OPTIONS, "run_key": "nightly", "user_model": agents.chat()}
    cs.simulate(agents.CASES, agents.agent, **options).wait(20)
    with pytest.raises(cs.ConvsimError, match=r"was begun with other test cases: 6 then, 1 now, .*5 gone: "):
        cs.simulate(agents.CASES[:1], agents.agent, **options)


def test_a_run_that_plays_is_not_played_twice(tmp_path):
    """By its id or its `run_key`, from whichever process: taking a live run up is refused, and nothing is paid."""
    go, asked = threading.Event(), []

    def agent(messages):
        asked.append(1)
        go.wait(20)
        return "ok"

    options = {"user_model": ScriptedChat(), "mlflow": False, "progress": False, "max_turns": 1, "journal": tmp_path}
    first = cs.simulate([{"goal": "Complain"}], agent, run_key="nightly", **options)
    while not asked:
        time.sleep(0.01)
    with pytest.raises(UsageError, match=f"run {first.run_id} is playing"):
        cs.simulate([{"goal": "Complain"}], agent, run_key="nightly", **options)
    with pytest.raises(UsageError, match=f"run {first.run_id} is playing"):
        cs.resume(first.run_id, agent=agent, user_model=ScriptedChat(), mlflow=False, progress=False, journal=tmp_path)
    go.set()
    first.wait(20)

    assert len(asked) == 1
    assert cs.load_run(first.run_id, journal=tmp_path).state == first.state


def test_a_budget_is_of_the_whole_run(tmp_path):
    """Tried again with the same key and limit, a run that is over its budget spends nothing more."""
    options = {"user_model": ScriptedChat(), "mlflow": False, "progress": False, "max_turns": 3, "journal": tmp_path}
    cases = [{"goal": f"Goal {n}", "case_id": f"c{n}"} for n in range(6)]

    def again():
        return cs.simulate(cases, lambda messages: "ok", run_key="k", max_tokens=100, **options).wait(30)

    first = again()
    spent = first.state.spent
    second = again()

    assert {c.stop for c in first.conversations} >= {"over_budget"}
    assert second.run_id == first.run_id
    assert second.state.spent == spent
    assert spent.input_tokens + spent.output_tokens <= 100


def test_the_limits_of_a_run_hold_when_it_is_taken_up_and_are_said(tmp_path, capsys):
    """Not given again they are those it was begun with; used up they are refused; None or another may be given."""
    options = {"user_model": ScriptedChat(), "mlflow": False, "journal": tmp_path}
    cases = [{"goal": f"Goal {n}", "case_id": f"c{n}"} for n in range(6)]
    agent = ScriptedAgent()
    first = cs.simulate(cases, agent, max_turns=3, max_tokens=100, max_seconds=90, progress=False, **options).wait(30)

    assert {c.stop for c in first.conversations} >= {"over_budget"}
    spent = first.state.spent.input_tokens + first.state.spent.output_tokens
    with pytest.raises(UsageError, match=f"max_tokens=100 is used up: {spent} spent: give it more, or None"):
        cs.resume(first.run_id, agent=agent, **options)
    capsys.readouterr()
    more = cs.resume(first.run_id, agent=agent, max_tokens=spent + 50, **options).wait(30)
    assert f"run {first.run_id} keeps its limits, max_seconds=90: others are taken if given" in capsys.readouterr().err
    assert more.state.settings.max_tokens == spent + 50
    assert {c.stop for c in more.conversations} >= {"over_budget"}
    last = cs.resume(first.run_id, agent=agent, max_tokens=None, max_seconds=None, progress=False, **options).wait(30)
    assert capsys.readouterr().err == ""
    assert "over_budget" not in {c.stop for c in last.conversations}


def test_repeats_of_an_ended_run_have_keys_of_their_own(tmp_path):
    """Two begun one after the other are two conversations: none takes the other's place."""
    options = {"user_model": ScriptedChat(), "mlflow": False, "progress": False, "max_turns": 1, "journal": tmp_path}
    run = cs.simulate([{"goal": "Complain"}], lambda messages: "ok", **options).wait(20)
    (key,) = [c.key for c in run.conversations]
    made = [*run.again(key), *run.again(key, times=2), run.fork(key, 1, "Hello there")]
    run.wait(30)

    assert len({key, *made}) == 5
    assert {c.key for c in run.conversations} == {key, *made}
    assert any(m.content == "Hello there" for m in run.conversation(made[-1]).messages)
