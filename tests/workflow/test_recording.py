"""Record once, replay anywhere: the same conversations with no key and no cost."""

import json
import stat
import subprocess
import sys

import pytest

import convsim_nb as cs
from convsim_nb.testing import EventLog, ScriptedAgent, ScriptedChat

CASES = [
    {"goal": "Get a refund", "case_id": "a", "withheld": [{"fact": "It was a gift", "after": "the agent says done"}]},
    {"goal": "Change my address", "case_id": "b"},
]
QUIET = {"mlflow": False, "progress": False, "journal": False}
JUDGE = ({"reached": False, "fired": [{"trigger": 0, "quote": "It is done."}]}, {"reached": True, "evidence": "done"})


@pytest.fixture
def recorded(tmp_path):
    """A recording, and the events of the run that made it."""
    log, chat = EventLog(), ScriptedChat(user=("Please", "It was a gift", "Well?"), judge=JUDGE)
    chat.name = "openai:/gpt-5-mini"
    path = tmp_path / "replies.jsonl"
    cs.simulate(CASES, ScriptedAgent(), user_model=chat, record=path, sinks=[log], **QUIET).wait(10)
    return path, log


def story(log):
    """What was told, but for times, ids, and the order of conversations that ran side by side."""
    told = []
    for event in log.events:
        row = event.model_dump(mode="json", exclude={"at", "run_id", "run_name", "started_at", "session_id"})
        row.get("message", {}).pop("seconds", None)
        told.append(json.dumps(row, sort_keys=True))
    return sorted(told)


def test_a_replay_tells_the_same_events(recorded):
    """No model is named and none is asked: the same events but for times, by the same names."""
    path, log = recorded
    again = EventLog()
    run = cs.simulate(CASES, ScriptedAgent(), replay=path, sinks=[again], **QUIET).wait(10)

    assert story(again) == story(log)
    assert run.state.settings.user_model == "openai:/gpt-5-mini"


def test_a_changed_agent_is_named_by_the_first_request_that_differs(recorded):
    """What was recorded for another reply is not passed off for this one: the trial is void and says what changed."""
    path, _ = recorded
    run = cs.simulate(CASES, ScriptedAgent(otherwise="Which order?"), replay=path, **QUIET).wait(10)

    assert {c.stop for c in run.conversations} == {"model_error"}
    assert "It is done." in run.conversations[1].detail
    assert "Which order?" in run.conversations[1].detail
    assert "record it again" in run.conversations[1].detail
    (said,) = [line for line in repr(run).splitlines() if "holds no reply to this request" in line]
    assert said.startswith("a/ScriptedAgent/1: ")
    assert said.endswith("(and 1 more).")


def test_a_changed_case_is_named_too(recorded):
    """The message that differs is shown as it was and as it is."""
    path, _ = recorded
    run = cs.simulate([{"goal": "Get a voucher"}], ScriptedAgent(), replay=path, **QUIET).wait(10)

    assert "Get a refund" in run.conversations[0].detail or "Change my address" in run.conversations[0].detail
    assert "Get a voucher" in run.conversations[0].detail


def test_a_recording_is_its_owners_alone(recorded):
    """It holds whole conversations."""
    assert stat.S_IMODE(recorded[0].stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"replay": "nowhere.jsonl"}, "no recording nowhere.jsonl: make one with record='nowhere.jsonl'"),
        ({"replay": "cases.jsonl"}, "cases.jsonl:1 is no line of a recording"),
        ({"replay": "a", "record": "b"}, "record and replay are given: a run does one of the two"),
        ({"record": "cases.jsonl/x", "user_model": ScriptedChat()}, "replies cannot be recorded in cases.jsonl/x"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(options, message, tmp_path, monkeypatch):
    """One line, before anything is played."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases.jsonl").write_text('{"goal": "x"}\n')
    with pytest.raises(cs.ConvsimError) as caught:
        cs.simulate(CASES, ScriptedAgent(), **options, **QUIET)

    assert message in str(caught.value)


class Refused:
    """A model whose key is wrong."""

    name = "refused"

    async def __call__(self, _request):
        raise cs.ModelError("401: the key is wrong")


def test_an_earlier_recording_is_never_written_over(recorded):
    """What was paid for stays to the byte, whatever the next run would have had; the file is named."""
    path, _ = recorded
    before = path.read_bytes()
    with pytest.raises(
        cs.ConvsimError, match=r"replies\.jsonl' is there and not empty: delete it, or give another file"
    ):
        cs.simulate(CASES, ScriptedAgent(), user_model=Refused(), record=path, **QUIET)

    assert path.read_bytes() == before


def test_a_recording_without_a_reply_is_begun_anew(tmp_path):
    """A wrong key leaves nothing that is worth keeping: the same call works when the key is right."""
    path = tmp_path / "replies.jsonl"
    cs.simulate(CASES[1:], ScriptedAgent(), user_model=Refused(), record=path, **QUIET).wait(10)
    chat = ScriptedChat.happy()
    cs.simulate(CASES[1:], ScriptedAgent(), user_model=chat, record=path, **QUIET).wait(10)
    lines = path.read_text().splitlines()

    assert json.loads(lines[0])["models"] == {"user": "scripted", "judge": "scripted"}
    assert len(lines) == 1 + len(chat.requests)


FULL = """
import json, resource, signal, sys
import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
options = {"mlflow": False, "progress": False, "journal": False}
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
run = cs.simulate([{"goal": "x"}], ScriptedAgent(), user_model=ScriptedChat.happy(), record=sys.argv[1], **options)
told = [c.stop for c in run.wait(20).conversations], run.problems
print(json.dumps(told), file=sys.stderr)
"""


def test_a_disk_that_is_full_from_the_start_is_said(tmp_path):
    """The run plays; a problem names the recording, of which nothing was written, and nothing replays from it."""
    path = tmp_path / "replies.jsonl"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], check=True, capture_output=True, timeout=60)
    stops, problems = json.loads(done.stderr.splitlines()[-1])

    assert (stops, path.stat().st_size) == (["goal_reached"], 0)
    assert [problem.partition(": OSError")[0] for problem in problems] == ["recording stopped listening"]
    with pytest.raises(cs.ConvsimError, match="holds no reply: its recording failed, or was never played"):
        cs.simulate(CASES, ScriptedAgent(), replay=path, **QUIET)


def test_a_run_that_is_taken_up_adds_to_its_recording(tmp_path):
    """The replies of its first part stay; half a line of a process that died goes."""
    path, options = tmp_path / "replies.jsonl", {"mlflow": False, "progress": False, "journal": tmp_path / "journals"}
    chat = ScriptedChat.happy()
    run = cs.simulate(CASES[1:], ScriptedAgent(), user_model=chat, record=path, max_tokens=1, **options).wait(10)
    assert run.conversations[0].stop == "over_budget"
    first = path.read_bytes()
    path.write_bytes(first + b'{"kind": "Us')
    again = {"user_model": chat, "record": path, "max_tokens": None, **options}
    cs.resume(run.run_id, agent=ScriptedAgent(), **again).wait(10)

    assert path.read_bytes().startswith(first)
    assert len([json.loads(line) for line in path.read_text().splitlines()]) > len(first.splitlines())
