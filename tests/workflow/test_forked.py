"""A process that forks while runs play: the child has a loop of its own, and leaves the parent's runs alone."""

import json
import subprocess
import sys

SCRIPT = """
import json, os, sys
import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

def agent(messages):
    return "It is done."

def play():
    options = {"mlflow": False, "journal": False, "progress": False}
    run = cs.simulate([{"goal": "x"}, {"goal": "y"}], agent, user_model=ScriptedChat.happy(turns=2), **options)
    return [str(c.stop) for c in run.wait(10).conversations]

before = play()
held = cs.simulate([{"goal": "z"}], agent, user_model=ScriptedChat(), mlflow=False, journal=False, progress=False)
held.pause()
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    told = {"played": play()}
    try:
        held.wait(5)
    except cs.ConvsimError as error:
        told["waited"] = str(error)
    os.write(writing, json.dumps(told).encode())
    os.close(writing)
    sys.exit(0)
os.close(writing)
told = os.read(reading, 10_000).decode()
_, status = os.waitpid(child, 0)
held.stop()
held.wait(5)
print(json.dumps({"before": before, "child": json.loads(told), "status": status, "after": play(), "pid": os.getpid()}))
"""


def test_a_forked_child_plays_runs_of_its_own():
    """Before the fork, in the child, and in the parent afterwards; the parent's run is not the child's to wait for."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", SCRIPT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)

    assert told["before"] == told["after"] == told["child"]["played"] == ["goal_reached"] * 2
    assert f"plays in process {told['pid']}, which forked this one: wait there" in told["child"]["waited"]
    assert told["status"] == 0
    assert done.stderr == ""
