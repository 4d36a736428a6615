"""The disk is full: the run goes on, it is said once, and nothing else is lost."""

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource, sys
import convsim_nb as cs
from convsim_nb.testing import EventLog, ScriptedChat

LIMIT = 14_000  # bytes a file may hold: from there on each write fails, as on a full disk
cases = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(8)]

async def agent(messages):
    return "It is done, and this is a reply of some length, so that the files fill up. " * 3

resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, LIMIT))
log = EventLog()
run = cs.simulate(cases, agent, user_model=ScriptedChat.happy(turns=2), mlflow=False, progress=True, sinks=[log],
                  journal=sys.argv[1], record=sys.argv[2], concurrency=2).wait(30)
print(json.dumps({
    "stops": [c.stop for c in run.conversations],
    "turns": [len(c.messages) for c in run.conversations],
    "dropped": [d.sink for d in run.state.dropped],
    "heard": sum(e.kind == "sink_dropped" for e in log.events),
    "ended": log.events[-1].kind,
    "problems": run.problems,
}))
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """What came of a run on a full disk: its outcome, its folder, and what it said on stderr."""
    folder = tmp_path_factory.mktemp("full")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "journals", "replies.jsonl"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder, done.stderr


def test_the_run_goes_on(full):
    """Every conversation reaches its goal with all its turns, though journal and recording take no more."""
    told, _, _ = full

    assert told["stops"] == ["goal_reached"] * 8
    assert told["turns"] == [4] * 8


def test_it_is_said_once_and_stands_in_the_result(full):
    """Journal and recording are each named once: to the other readers, in `problems`, on stderr; nothing else is."""
    told, _, said = full

    assert sorted(told["dropped"]) == ["journal", "recording"]
    assert told["heard"] == 2
    assert [problem.partition(" stopped")[0] for problem in sorted(told["problems"])] == ["journal", "recording"]
    assert said.count("journal hears no more of this run: OSError") == 1
    assert said.count("recording hears no more of this run: OSError") == 1
    assert "Traceback" not in said
    assert "Exception ignored" not in said


def test_what_was_written_by_then_is_kept(full):
    """The journal reads as that of a run that was lost, and is taken up like one; the recording plays up to there."""
    import convsim_nb as cs
    from convsim_nb.adapters.recording import Replay

    _, folder, _ = full
    (line,) = cs.runs(folder / "journals")
    earlier = cs.load_run(line.run_id, journal=folder / "journals")
    events = (folder / "journals" / line.run_id / "events.jsonl").read_bytes()

    assert line.status.startswith("lost at turn")
    assert sum(c.stop == "goal_reached" for c in earlier.conversations) >= 1
    assert len(events) > 10_000
    lines = (folder / "replies.jsonl").read_text().split("\n")
    (folder / "whole.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    assert Replay(folder / "whole.jsonl").models == {"user": "scripted", "judge": "scripted"}
