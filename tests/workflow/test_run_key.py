"""Jobs that share a folder of journals, each under its `run_key`."""

import asyncio
import hashlib
import socket
import subprocess
import sys
import time

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.volume import volume

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(2)]


@pytest.fixture
def options(tmp_path):
    """What every job here is played with."""
    return {"user_model": ScriptedChat.happy(turns=2), "mlflow": False, "progress": False, "journal": tmp_path}


def damaged(run, *, line):
    """Zeros in the middle of a line, as a crash of the machine or a disk leaves them; gives the journal's file."""
    path = run.folder / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    half = len(lines[line]) // 2
    lines[line] = lines[line][: half - 20] + b"\0" * 40 + lines[line][half + 20 :]
    path.write_bytes(b"".join(lines))
    return path


def job(key, options):
    """A job, played to its end."""
    return cs.simulate(CASES, ScriptedAgent(), run_key=key, **options).wait(20)


def test_a_damaged_journal_stops_no_other_job(options, capsys):
    """Jobs of other keys, old and new, never read it; `convsim runs` names it beside those that it lists."""
    weekly = job("weekly", options)
    path = damaged(job("nightly", options), line=6)

    assert job("weekly", options).run_id == weekly.run_id
    assert job("monthly", options).run_id != weekly.run_id
    assert "damaged" not in capsys.readouterr().err
    listed = cs.runs(options["journal"])
    assert len(listed) == 2
    assert [problem.partition(" is not an event")[0] for problem in listed.problems] == [f"{path}:7"]


def test_a_key_whose_own_journal_is_damaged_is_refused(options):
    """What it has paid for cannot be told, so nothing is paid again; one line says what to do."""
    run = job("nightly", options)
    damaged(run, line=6)

    with pytest.raises(cs.ConvsimError) as caught:
        job("nightly", options)
    said = str(caught.value)
    assert said.startswith(f"run {run.run_id} was begun with run_key 'nightly', and what it paid for cannot be told: ")
    assert said.endswith(f"move {run.folder} away to begin anew, or give another run_key")


def test_a_journal_without_a_beginning_is_passed_over_and_said(options, capsys):
    """Whose key may have been lost is named with its file; where the key is still to be read, it is its own."""
    lost = job("nightly", options)
    path = lost.folder / "events.jsonl"
    whole = path.read_bytes()
    path.write_bytes(b"\0" * 4000 + whole[4000:])
    begun = job("weekly", options)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert f"the beginning of {path} is damaged: it is passed over for run_key 'weekly'" in said

    path.write_bytes(b"\0" * 20 + whole[20:])
    with pytest.raises(cs.ConvsimError, match=f"run {lost.run_id} was begun with run_key 'nightly'"):
        job("nightly", options)
    assert job("weekly", options).run_id == begun.run_id


def test_a_list_of_runs_tells_what_the_runs_tell(options):
    """It passes over what was said, and counts all the same: void, corrected, assisted and forked conversations."""
    case = {"goal": "Complain", "withheld": [{"fact": "It was the other one", "after": "a wrong answer"}]}
    run = cs.simulate([case, *CASES], ScriptedAgent(), **options)
    key = run.conversations[-1].key
    run.pause(key)
    while run.conversation(key).status not in ("paused", "ended"):
        run.wait(0.01)
    run.say(key, "I want a person")
    while not run.conversation(key).assisted:
        run.wait(0.01)
    run.stop(key)  # unfinished, and no void: a person spoke
    run.resume()
    run.again(run.conversations[0].key)
    run.wait(20)
    (line,) = cs.runs(options["journal"])
    summary = cs.load_run(run.run_id, journal=options["journal"]).summary

    assert (summary.assisted, summary.forked, summary.void) == (1, 1, 0)
    assert (line.conversations, line.rate) == (summary.total, summary.rate)
    assert (line.void, line.corrections) == (summary.void, summary.corrections)


JOB = """
import pathlib, sys, time
import convsim_nb as cs
from convsim_nb.testing import ScriptedChat
from tests.volume import volume

folder, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
journals = volume(folder / "journals") if kind == "volume" else folder / "journals"
asked = folder / "asked"
asked.mkdir(exist_ok=True)

def agent(messages):
    (asked / f"{time.monotonic_ns()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    return "It is done."

print("ready", flush=True)
sys.stdin.readline()
try:
    options = {"journal": journals, "mlflow": False, "progress": False, "concurrency": 1}
    cases = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(4)]
    cs.simulate(cases, agent, user_model=ScriptedChat(), max_turns=1, run_key="nightly", **options).wait(60)
except cs.ConvsimError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize("kind", ["disk", "volume"])
def test_jobs_that_start_together_with_one_key_make_one_run(kind, tmp_path):
    """In a fresh folder: one of three processes plays and pays; the others find it playing, and say so."""
    jobs = [
        subprocess.Popen(
            [sys.executable, "-c", JOB, str(tmp_path), kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for each in jobs:
        assert each.stdout.readline() == "ready\n"
    for each in jobs:
        each.stdin.write("go\n")
        each.stdin.flush()
    until = time.monotonic() + 40
    while sum(each.poll() is not None for each in jobs) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    (tmp_path / "go").touch()
    said = [each.communicate(timeout=60)[1] for each in jobs]

    (line,) = cs.runs(tmp_path / "journals")
    assert (line.status, line.conversations) == ("finished", 4)
    assert len(list((tmp_path / "asked").iterdir())) == 4
    assert sorted(each.returncode for each in jobs) == [0, 1, 1]
    assert sorted(f"run {line.run_id} is playing" in each for each in said) == [False, True, True]
    assert [path.name for path in (tmp_path / "journals").iterdir()] == [line.run_id]


def test_a_key_that_a_dead_job_left_is_taken_over(tmp_path):
    """Where there are no locks, a process that died while it began is not waited for."""
    journals = volume(tmp_path / "journals")
    died = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    (journals / f".key-{hashlib.sha256(b'nightly').hexdigest()[:16]}").write_text(
        f"{socket.gethostname()} {int(died.stdout)}"
    )
    options = {"user_model": ScriptedChat.happy(turns=2), "mlflow": False, "progress": False, "journal": journals}

    assert {c.stop for c in job("nightly", options).conversations} == {"goal_reached"}
    assert [path.name[:1] for path in journals.iterdir()] == ["2"]


def test_one_loop_of_ones_own_takes_a_key_up_too(options):
    """`simulate_async` with a key that has finished plays nothing."""
    run = job("nightly", options)

    again = asyncio.run(cs.simulate_async(CASES, ScriptedAgent(), run_key="nightly", **options))
    assert again.run_id == run.run_id
