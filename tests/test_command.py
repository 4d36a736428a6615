"""The `convsim` command: what it prints, where, and how it exits."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial

import pytest

AGENT = """
import asyncio, time

def answers(messages):
    return "Your refund of 34.90 EUR was sent today."

def acknowledges(messages):
    return "Ok, I am looking into it."

async def hangs(messages):
    await asyncio.sleep(600)

def prints(messages):
    print("the agent's own words")
    return "Your refund of 34.90 EUR was sent today."
"""
CASES = """
- goal: Get a refund for the broken kettle
  case_id: kettle
- goal: Get a refund for the late parcel
  case_id: parcel
"""


@pytest.fixture
def folder(tmp_path):
    """A working folder with an agent and two cases in it."""
    (tmp_path / "agents.py").write_text(AGENT)
    (tmp_path / "cases.yaml").write_text(CASES)
    return tmp_path


def start(folder, *arguments, stdout=subprocess.PIPE, **environment):
    # Without the experiment that a test before this one made the active one: MLflow hands it to child processes.
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
    return subprocess.Popen(
        [sys.executable, "-m", "convsim_nb", *arguments],
        cwd=folder,
        env={name: each for name, each in os.environ.items() if name != "MLFLOW_EXPERIMENT_ID"} | quiet | environment,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        # CI may run in the background of a shell, which hands an ignored SIGINT down to everything it starts.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509 - no threads here
    )


def convsim(folder, *arguments):
    process = start(folder, *arguments)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def run(folder, *arguments, agent="agents:answers"):
    given = ("--agent", agent, "--user-model", "demo:/rules", "--no-mlflow")
    return convsim(folder, "run", "cases.yaml", *given, *arguments)


def test_a_run_prints_its_outcome_and_exits_with_0(folder):
    """The outcome goes to stdout, progress to stderr, and the run is in the list afterwards."""
    code, out, err = run(folder, "--report", "report.html")

    assert code == 0, err
    assert "2 of 2 conversations reached the goal" in out
    assert "kettle" in err
    assert "kettle" in (folder / "report.html").read_text()
    code, out, _ = convsim(folder, "runs")
    assert (code, out.count("finished")) == (0, 1)


def test_verdicts_do_not_change_the_exit_code(folder):
    """A run that came to its end exits with 0, also where no goal was reached; an agent that only
    acknowledges is played to the last turn."""
    code, out, _ = run(folder, "--json", "--max-turns", "3", agent="agents:acknowledges")
    told = json.loads(out)

    assert code == 0
    assert [(c["stop"], c["verdict"], c["turns"]) for c in told["conversations"]] == [
        ("max_turns", "not_reached", 3)
    ] * 2


def test_json_is_one_document_and_nothing_else_is_on_stdout(folder):
    """What a job reads can be parsed, with scores where they were asked for."""
    code, out, _ = run(folder, "--json", "--score", "turns_to_goal", "--trials", "2", "--quiet")
    told = json.loads(out)

    assert code == 0
    assert len(told["conversations"]) == 4
    assert told["summary"]["reached"] == 4
    assert {score["name"] for score in told["scores"]} == {"turns_to_goal"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "nope.yaml", "--agent", "agents:answers", "--user-model", "demo:/rules"), "no file nope.yaml"),
        (("run", "cases.yaml", "--agent", "agents:nobody", "--user-model", "demo:/rules"), "nobody"),
        (("run", "cases.yaml", "--agent", "nowhere:agent", "--user-model", "demo:/rules"), "nowhere"),
        (("run", "cases.yaml", "--agent", "agents:answers"), "no --user-model is named"),
        (("run", "cases.yaml", "--agent", "agents:answers", "--user-model", "opnai:/x"), "opnai"),
        (
            ("run", "cases.yaml", "--agent", "agents:answers", "--user-llm-params", "temperature=1"),
            "--user-llm-params 'temperature=1' is no JSON object",
        ),
        (
            ("run", "cases.yaml", "--agent", "agents:answers", "--user-llm-params", '{"model": "x"}'),
            "--user-llm-params sets 'model'",
        ),
        (("run", "cases.yaml", "--agent", "agents:answers", "--user-model", "openai:/gpt-5-mini"), "OPENAI_API_KEY"),
    ],
)
def test_a_wrong_call_exits_with_2_and_one_line(folder, arguments, message, monkeypatch):
    """One line on stderr names the value; nothing is on stdout, and no journal was begun."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    code, out, err = convsim(folder, *arguments, "--quiet")

    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1, err
    assert not (folder / ".convsim").exists()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_was_done(folder, sent):
    """It exits with 130 within seconds, and the run is in the list as stopped."""
    given = ("--agent", "agents:hangs", "--user-model", "demo:/rules", "--no-mlflow")
    process = start(folder, "run", "cases.yaml", *given)
    journals = folder / ".convsim" / "runs"
    while (
        not any(journals.glob("*/events.jsonl"))
        or "message_sent" not in next(journals.glob("*/events.jsonl")).read_text()
    ):
        time.sleep(0.05)
    process.send_signal(sent)
    out, err = process.communicate(timeout=20)

    assert process.returncode == 130, err
    assert "cancelled" in out
    assert convsim(folder, "runs")[1].count("stopped") == 1


def test_a_stopped_run_is_resumed(folder):
    """What Ctrl-C cut off is played on, in the same run; a wrong id exits with 2."""
    given = ("--agent", "agents:answers", "--user-model", "demo:/rules", "--no-mlflow", "--quiet")
    convsim(folder, "run", "cases.yaml", *given, "--max-seconds", "0.000001")
    (before,) = json.loads(convsim(folder, "runs", "--json")[1])
    code, out, err = convsim(
        folder, "resume", before["run_id"][:15], "--agent", "agents:answers", "--no-mlflow", "--max-seconds", "60",
        "--json",
    )  # fmt: skip

    assert code == 0, err
    assert json.loads(out)["run_id"] == before["run_id"]
    assert {c["stop"] for c in json.loads(out)["conversations"]} == {"goal_reached"}
    assert convsim(folder, "resume", "1999", "--agent", "agents:answers")[0] == 2


def test_a_run_is_pushed(folder):
    """What was not written to MLflow is brought there afterwards, once; a wrong id exits with 2."""
    told = json.loads(run(folder, "--json", "--quiet")[1])
    first, second = (convsim(folder, "push", told["run_id"][:15], "--json") for _ in range(2))

    assert (first[0], second[0]) == (0, 0), first[2]
    assert (json.loads(first[1])["run_made"], json.loads(first[1])["traces_made"]) == (True, 2)
    assert (json.loads(second[1])["run_made"], json.loads(second[1])["traces_made"]) == (False, 0)
    assert convsim(folder, "push", "1999")[0] == 2


@pytest.mark.parametrize("command", [(), ("demo",), ("run",), ("resume",), ("runs",), ("push",)])
def test_help_teaches(folder, command):
    """Every command says what it does, and its options."""
    code, out, _ = convsim(folder, *command, "--help")

    assert code == 0
    assert "convsim" in out
    assert len(out.splitlines()) > 8


SAID = [{"role": "user", "content": "I'd like to cancel my appointment."}, {"role": "assistant", "content": "Done."}]
SESSIONS = f"""{{"session_id": "tyres", "messages": {json.dumps(SAID)}}}
{{"session_id": "broken"}}"""


def test_distill_prints_cases_or_writes_them(folder):
    """YAML on stdout, ready for a file; what could not be read on stderr; with --out a summary."""
    (folder / "chats.jsonl").write_text(SESSIONS)
    code, out, err = convsim(folder, "distill", "chats.jsonl", "--model", "demo:/rules")

    assert code == 0, err
    assert out.startswith("- case_id: tyres\n  goal: Cancel their appointment.\n")
    assert "chats.jsonl, line 2" in err

    code, out, _ = convsim(folder, "distill", "chats.jsonl", "--model", "demo:/rules", "--out", "c.csv", "--quiet")
    assert (code, out.splitlines()[0]) == (0, "CaseSet of 1 test cases")
    assert (folder / "c.csv").read_text().startswith("case_id,goal,")
    code, out, _ = convsim(folder, "distill", "chats.jsonl", "--model", "demo:/rules", "--json", "--quiet")
    assert (code, json.loads(out)["cases"][0]["case_id"]) == (0, "tyres")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("distill", "--model", "demo:/rules"), "no sessions: give a file of them, or --experiment and --last"),
        (("distill", "x.jsonl", "--last", "7d"), "give a file, or search MLflow"),
        (("distill", "x.jsonl", "--model", "demo:/rules"), "no file 'x.jsonl'"),
        (("draft", "Books tables", "--model", "demo:/rules"), "invents no test cases"),
    ],
)
def test_cases_that_cannot_be_made_are_one_line(folder, arguments, message):
    """The value and the next step, and exit code 2."""
    code, out, err = convsim(folder, *arguments)

    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--score", "nosuch"), "convsim: no scorer 'nosuch': ours are"),
        (("--user-model", "gpt-5-mini"), "convsim: --user-model 'gpt-5-mini' is no model URI"),
        (("--tags", "version"), "convsim: --tags version: write it as NAME=VALUE"),
        (("--prompts", "user=nowhere.md"), "looks like a file, and cannot be read"),
    ],
)
def test_a_wrong_call_is_said_in_flags_before_anything_is_played(folder, arguments, said):
    """Exit code 2, no run in the list, and the words of the command line."""
    code, out, err = run(folder, *arguments)

    assert (code, out) == (2, "")
    assert said in err
    assert not (folder / ".convsim").exists()


def test_tags_guards_and_the_second_look_are_given_as_flags(folder):
    """They stand in the run's settings."""
    flags = ("--tags", "version=7", "team=shop", "--guards", "record", "--judge-check", "off", "--model-timeout", "9")
    code, _, err = run(folder, *flags)
    (started,) = (folder / ".convsim" / "runs").glob("*/events.jsonl")
    first = json.loads(started.read_text().splitlines()[0])

    assert code == 0, err
    assert first["tags"] == {"version": "7", "team": "shop"}
    assert (first["settings"]["guards"], first["settings"]["judge_check"]) == ("record", "off")


def test_what_is_waited_for_is_said(folder):
    """An agent that takes long to import, and a store that is slow to answer, are named while they are waited for."""
    (folder / "slow.py").write_text(f"import time\ntime.sleep(3)\n{AGENT}")
    asked = ("run", "cases.yaml", "--agent", "slow:answers", "--user-model", "demo:/rules")
    with slow_store(seconds=5) as uri:
        process = start(folder, *asked, MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
        _, err = process.communicate(timeout=120)

    lines = err.splitlines()
    begun = next(place for place, line in enumerate(lines) if ": 2 conversations with answers" in line)
    assert "convsim: loading the agent and the models ..." in lines[:begun]
    waited = f"waiting for MLflow at {uri}, which has not answered yet: its first use of a store takes some seconds"
    assert lines[begun:].count(waited) == 1
    assert process.returncode == 0

    quiet = start(folder, *asked, "--quiet", "--no-mlflow")
    assert quiet.communicate(timeout=120)[1] == ""


@contextmanager
def slow_store(*, seconds):
    """The address of a store that takes connections, and says nothing for so long; then it hangs up."""

    def hang_up():
        with suppress(OSError):
            while True:
                held = listening.accept()[0]
                threading.Timer(seconds, held.close).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=hang_up, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
