"""The journal: what was run before comes back as it was."""

import json
import stat
import subprocess
import sys

import pytest
from mlflow import MlflowClient

import convsim_nb as cs
from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.state import RunState
from convsim_nb.testing import ScriptedAgent, ScriptedChat

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}", "facts": ["The order is A-1"]} for n in range(2)]


@pytest.fixture
def run(tmp_path):
    """A finished run of two conversations with its journal in `tmp_path`."""
    options = {"journal": tmp_path, "mlflow": False, "progress": False}
    return cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat.happy(turns=2), **options).wait(20)


def test_a_run_comes_back_whole(run, tmp_path):
    """`load_run` gives the same state, by the whole id or a beginning that fits one run alone."""
    assert cs.load_run(run.run_id, journal=tmp_path).state == run.state
    assert cs.load_run(run.run_id[:-2], journal=tmp_path).conversations == run.conversations


def test_runs_lists_what_is_there(run, tmp_path):
    """A line a run, with its status and rate."""
    (line,) = cs.runs(tmp_path)

    assert (line.run_id, line.status, line.rate, line.conversations) == (run.run_id, "finished", 1.0, 2)
    assert list(cs.runs(tmp_path).to_frame()["run_id"]) == [run.run_id]


def test_a_journal_is_its_owners_alone(run):
    """Conversations may hold anything: nobody else on the machine reads them, and git does not take them."""
    assert stat.S_IMODE((run.folder / "events.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE(run.folder.stat().st_mode) == 0o700


def test_a_last_line_cut_short_by_a_crash_is_left_out(run):
    """All whole lines before it are kept."""
    path = run.folder / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) + lines[-1][:10])

    state = RunState.replay(read_journal(run.folder))
    assert [c.stop for c in state.conversations] == ["goal_reached"] * 2
    assert not state.ended


def test_a_broken_line_in_the_middle_is_said(run, tmp_path):
    """A journal that cannot be read is named with its line, beside the runs that can."""
    path = run.folder / "events.jsonl"
    path.write_text(path.read_text().replace('"kind":"goal_checked"', '"kind":"gaol_checked"', 1))

    listed = cs.runs(tmp_path)
    assert len(listed) == 0
    assert "events.jsonl:" in listed.problems[0]


def test_a_run_whose_process_died_reads_lost(tmp_path):
    """`kill -9` in the second turn: the journal says where it stood, never that it is running."""
    program = f"""
import os, convsim_nb as cs
from convsim_nb.testing import ScriptedChat
def agent(messages):
    if len(messages) > 1:
        os.kill(os.getpid(), 9)
    return "Yes?"
chat = ScriptedChat(user=("a", "b"))
cs.simulate([{{"goal": "x"}}], agent, user_model=chat, journal={str(tmp_path)!r}, mlflow=False, progress=False).wait()
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, timeout=60)

    assert killed.returncode == -9
    assert [line.status for line in cs.runs(tmp_path)] == ["lost at turn 2"]
    (said,) = cs.load_run(cs.runs(tmp_path)[0].run_id, journal=tmp_path).problems
    assert said.startswith("the process that played it ended at 0:0")
    assert said.endswith("plays what is missing, %convsim push, or cs.push(run), writes to MLflow what it lacks")


def test_a_script_that_does_not_wait_stops_the_run_and_says_so(tmp_path):
    """What was done is kept, and stderr names the run; nothing goes to stdout."""
    program = f"""
import asyncio, convsim_nb as cs
from convsim_nb.testing import ScriptedChat
async def agent(messages):
    await asyncio.sleep(60)
kept = {{"journal": {str(tmp_path)!r}, "mlflow": False, "progress": False}}
run = cs.simulate([{{"goal": "x"}}], agent, user_model=ScriptedChat(), **kept)
while not run.conversations[0].messages: pass
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)

    assert (ended.returncode, ended.stdout) == (0, "")
    assert "was stopped by the end of the script: use run.wait()" in ended.stderr
    assert [line.status for line in cs.runs(tmp_path)] == ["stopped"]
    (said,) = cs.load_run(cs.runs(tmp_path)[0].run_id, journal=tmp_path).problems
    assert said.startswith("the process that played it ended at 0:0")
    assert "plays what is missing" in said


def test_a_script_that_does_not_wait_leaves_its_mlflow_run_killed(tmp_path):
    """What was played is written there and the MLflow run ended; played on, the run says that it was cut off."""
    store = f"sqlite:///{tmp_path}/mlflow.db"
    program = f"""
import asyncio, mlflow, convsim_nb as cs
from convsim_nb.testing import ScriptedChat
mlflow.set_tracking_uri({store!r})
async def agent(messages):
    await asyncio.sleep(0 if len(messages) < 2 else 60)
    return "Yes?"
kept = {{"journal": {str(tmp_path / "runs")!r}, "progress": False}}
run = cs.simulate([{{"goal": "x"}}], agent, user_model=ScriptedChat(user=("a", "b")), **kept)
while run.mlflow_run_id is None or len(run.conversations[0].messages) < 3: run.wait(.05)
print(run.mlflow_run_id)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=90)
    left = cs.load_run(cs.runs(tmp_path / "runs")[0].run_id, journal=tmp_path / "runs")
    stored = MlflowClient(store).get_run(ended.stdout.strip())
    options = {"mlflow": False, "progress": False, "force": True}
    again = cs.resume(left, agent=lambda messages: "Yes.", user_model=ScriptedChat(user=("c",)), **options).wait(20)

    assert "hears no more" not in ended.stderr
    assert (stored.info.status, left.state.dropped) == ("KILLED", [])
    assert "; it was taken up again" in again.problems[0]


def test_an_unknown_run_is_refused(tmp_path):
    """One line names the id and where it was looked for."""
    with pytest.raises(cs.ConvsimError, match="no run '1999'"):
        cs.load_run("1999", journal=tmp_path)


@pytest.mark.parametrize("nothing", [None, "", 20261121])
def test_what_is_no_id_is_refused(nothing):
    """Whoever passes an id on that was never set is told so in one line."""
    with pytest.raises(cs.ConvsimError, match="is no run's id: give one as text, or its beginning"):
        cs.load_run(nothing)


def test_the_journal_is_json_lines(run):
    """Other tools can read it: a JSON object a line, the kind in each."""
    kinds = [json.loads(line)["kind"] for line in (run.folder / "events.jsonl").read_text().splitlines()]

    assert kinds[0] == "run_started"
    assert kinds[-1] == "run_ended"
    assert not (run.folder / "writer.pid").exists()
