"""A folder in which the pages' code finds what it speaks of: `python -m tests.docs.prepared FOLDER`.

Recorded sessions of an agent in MLflow's experiment `support-agent`, a module with the agent, test cases, and
finished runs by the names that the pages give them.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import mlflow
from sqlalchemy import create_engine, text

import convsim_nb as cs
from convsim_nb.demo.record import record_sessions
from tests.docs.serving import serving

MODULE = '''
from convsim_nb.demo import make_agent

_answer = make_agent(1)


def my_agent(messages):
    """An agent for the pages."""
    return _answer(messages)
'''


def prepare(folder: Path) -> None:
    """Fill the folder, which is the working folder."""
    (folder / "mymodule.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    mlflow.create_experiment("support-agent", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment("support-agent")
    record_sessions(experiment="support-agent")
    _as_if_of_today(mlflow.get_tracking_uri())
    sessions = cs.search_sessions(experiment="support-agent", last="7d")
    distilled = cs.distill(sessions, model="demo:/rules", journal=False, progress=False)
    market = {
        "case_id": "closed-market",
        "goal": "Find out where the DAX stands",
        "facts": ["You hold an ETF on the DAX"],
        "withheld": [{"fact": "It is Saturday, the markets are closed", "after": "the agent shows levels as live"}],
    }
    cases = cs.CaseSet([market, *distilled[:4]])
    cases.save("cases.yaml")
    earlier, whole, stopped = _played(distilled, max_turns=8), _played(cases), _stopped(cases)
    named = {"earlier-id": earlier, "RUN": whole, "OTHER": _played(cases), "20261121-101500": stopped}
    for name, run in named.items():
        shutil.copytree(run.folder, folder / ".convsim" / "runs" / name)
    lines = (session.model_dump_json(include={"id", "messages"}) for session in sessions[:3])
    (folder / "chats.jsonl").write_text("".join(f"{line}\n" for line in lines))


def _stopped(cases: cs.CaseSet) -> cs.Run:
    run = cs.simulate(cases, "mymodule:my_agent", user_model="openai:/gpt-5-mini", max_turns=4, progress=False)
    run.pause()
    run.stop()
    return run.wait()


def _played(cases: cs.CaseSet, **options: Any) -> cs.Run:
    options = {"user_model": "openai:/gpt-5-mini", "max_turns": 4, "progress": False, **options}
    return cs.simulate(cases, "mymodule:my_agent", **options).wait()


_MOVED = """
UPDATE trace_info SET timestamp_ms =
    timestamp_ms + strftime('%s', 'now') * 1000 - 1000 - (SELECT max(timestamp_ms) FROM trace_info)
"""


def _as_if_of_today(uri: str) -> None:
    """The built-in sessions are of a fixed day: the newest is moved to now."""
    with create_engine(uri).begin() as store:
        store.execute(text(_MOVED))


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    with serving():
        prepare(Path.cwd())
