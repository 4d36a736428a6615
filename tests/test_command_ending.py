"""How `convsim` ends where something is in the way: chatty agents, closed pipes, Ctrl-C once, twice and three times."""

import json
import re
import signal
import subprocess
import sys
import time

import mlflow
import pytest

import convsim_nb as cs
from tests.test_command import convsim, start

AGENT = """
import asyncio, os, subprocess, sys, time
print("said while it was imported")

def chatty(messages):
    print("the agent's own words")
    sys.stdout.write("more of them\\n")
    os.write(1, b"and by the system\\n")
    subprocess.run(["echo", "and by a program"], check=True)
    return "Your refund of 34.90 EUR was sent today."

async def hangs(messages):
    await asyncio.sleep(600)

async def holds(messages):
    open("held", "w").close()
    time.sleep(8)
    return "Well."

def down(messages):
    raise ConnectionRefusedError("no such host")
"""
CASES = """
- goal: Get a refund for the broken kettle
  case_id: kettle
- goal: Get a refund for the late parcel
  case_id: parcel
"""


@pytest.fixture
def folder(tmp_path):
    """A working folder, with a space in its name, with agents and two cases in it."""
    folder = tmp_path / "my folder"
    folder.mkdir()
    (folder / "agents.py").write_text(AGENT)
    (folder / "cases.yaml").write_text(CASES)
    return folder


def arguments(agent, *more):
    return ("run", "cases.yaml", "--agent", agent, "--user-model", "demo:/rules", *more)


def wait_until(there, seconds=30):
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def under_way(folder):
    """A conversation has begun."""
    journals = (folder / ".convsim" / "runs").glob("*/events.jsonl")
    return any("message_sent" in path.read_text() for path in journals)


def test_json_stays_json_whatever_an_agent_prints(folder):
    """Everything that is printed beside the result goes to stderr: by Python, by the system, by other programs."""
    code, out, err = convsim(folder, *arguments("agents:chatty", "--no-mlflow", "--json", "--quiet"))

    assert code == 0, err
    assert json.loads(out)["summary"]["reached"] == 2
    for said in ("while it was imported", "own words", "more of them", "by the system", "by a program"):
        assert said in err


def test_a_reader_that_goes_away_is_no_error(folder):
    """`convsim runs | head -1` prints one line and no stack, and the exit code says that nobody read on."""
    for _ in range(2):
        convsim(folder, *arguments("agents:chatty", "--no-mlflow", "--quiet"))
    process = start(folder, "runs")
    process.stdout.close()
    with process.stderr:
        err = process.stderr.read()
    process.wait(30)

    assert (process.returncode, err) == (141, "")


def test_ctrl_c_says_what_is_kept_and_how_it_goes_on(folder):
    """The report is written, the run's id and folder are named, and the command that is printed takes it up."""
    process = start(folder, *arguments("agents:hangs", "--no-mlflow", "--quiet", "--report", "my report.html"))
    wait_until(lambda: under_way(folder))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    (run,) = cs.runs(folder / ".convsim" / "runs")

    assert process.returncode == 130, err
    assert "2 cancelled" in out
    assert "cancelled" in (folder / "my report.html").read_text()
    said = err.splitlines()
    assert said[-1] == "convsim: interrupted"
    assert said[-3] == f"convsim: run {run.run_id} was stopped; what was done is kept in .convsim/runs/{run.run_id}"
    assert said[-2] == f"convsim: take it up again: convsim resume {run.run_id} --agent agents:hangs"


def test_ctrl_c_in_a_gate_says_what_is_kept_and_how_it_goes_on(folder):
    """The new run's id and folder, the command that takes it up, and the one that holds it against the baseline."""
    given = ("--no-mlflow", "--quiet")
    convsim(folder, *arguments("agents:chatty", *given))
    (before,) = cs.runs(folder / ".convsim" / "runs")
    process = start(folder, "gate", "cases.yaml", "--agent", "agents:hangs", "--baseline", before.run_id, *given)
    journals = folder / ".convsim" / "runs"
    wait_until(lambda: len(list(journals.glob("*/events.jsonl"))) > 1)
    wait_until(lambda: "message_sent" in max(journals.glob("*/events.jsonl")).read_text())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    run = cs.runs(journals)[0]

    assert (process.returncode, out) == (130, "said while it was imported\n")
    assert err.splitlines()[-4:] == [
        f"convsim: run {run.run_id} was stopped; what was done is kept in .convsim/runs/{run.run_id}",
        f"convsim: take it up again: convsim resume {run.run_id} --agent agents:hangs",
        f"convsim: then hold it against the baseline: convsim gate {run.run_id} --baseline {before.run_id}",
        "convsim: interrupted",
    ]


def test_an_agent_that_holds_the_loop_is_named_at_once_and_left_at_the_second_ctrl_c(folder):
    """One line within a second says who and where; the second Ctrl-C ends the process though the agent goes on."""
    process = start(folder, *arguments("agents:holds", "--no-mlflow", "--quiet"))
    wait_until((folder / "held").exists)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    line = process.stderr.readline()
    named = time.monotonic() - began
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    took = time.monotonic() - began

    assert re.search(r"agent holds holds the event loop at agents.py:\d+; agent_threads=True takes it off", line)
    assert named < 1.5
    assert process.returncode == 130, err
    assert took < 6


def test_three_ctrl_cs_leave_no_run_running_in_mlflow(folder):
    """However often it is pressed, MLflow is told that the run is over."""
    uri = f"sqlite:///{folder}/mlflow.db"
    mlflow.MlflowClient(uri).get_experiment("0")
    process = start(folder, *arguments("agents:holds", "--quiet"))
    wait_until((folder / "held").exists)
    client = mlflow.MlflowClient(uri)
    wait_until(lambda: client.search_runs(["0"]))
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    process.communicate(timeout=30)

    assert process.returncode != 0
    assert [run.info.status for run in client.search_runs(["0"])] == ["KILLED"]


def test_a_run_without_a_result_says_so_last(folder):
    """All conversations void: the run came to its end, so it exits with 0, and its last line is loud."""
    code, _, err = convsim(folder, *arguments("agents:down", "--no-mlflow", "--quiet", "--max-seconds", "0.000001"))

    assert code == 0
    assert err.splitlines()[-1].startswith("convsim: NO RESULT: all 2 conversations are void, which says nothing about")


def test_a_store_that_failed_is_said_with_the_way_out(folder, monkeypatch):
    """MLflow got nothing: the run exits with 0, and a line on stderr names the command that brings it there."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "foo://nowhere")
    done = subprocess.run(
        [sys.executable, "-m", "convsim_nb", *arguments("agents:chatty", "--json", "--quiet")],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    told = json.loads(done.stdout)

    assert done.returncode == 0
    assert [problem.partition(" ")[0] for problem in told["problems"]] == ["mlflow"]
    assert done.stderr.splitlines()[-1].endswith(f": convsim push {told['run_id']} brings it")
