"""Runs on Spark: what the driver promises, over a stand-in for Spark that runs in this process."""

import asyncio
import json
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from inline_snapshot import snapshot

import convsim_nb as cs
from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.state import RunState
from convsim_nb.testing import EventLog, ScriptedChat
from tests.spark.standin import Aside, StandIn

CASES = [{"goal": f"Know about order {n}", "case_id": f"case-{n}"} for n in range(6)]


async def agent(messages):
    """Says how often it was asked in this conversation."""
    await asyncio.sleep(0.005)
    return f"It is done {len(messages)}."


@pytest.fixture
def options(tmp_path):
    """What every run here is played with."""
    return {"user_model": ScriptedChat.happy(turns=2), "journal": tmp_path, "mlflow": False, "progress": False}


def test_a_run_on_workers_ends_as_one_at_home_does(options):
    """Same conversations, same messages, same verdicts; only where they were played differs."""
    at_home = cs.simulate(CASES, agent, **options).wait(30)
    on_spark = cs.simulate(CASES, agent, on=StandIn(), **options).wait(30)

    assert [told(c) for c in on_spark.conversations] == [told(c) for c in at_home.conversations]
    assert on_spark.problems == ()


def told(conversation):
    messages = [(message.role, message.source, message.content) for message in conversation.messages]
    return conversation.key, conversation.attempt, conversation.stop, conversation.verdict, messages


def test_every_event_is_heard_by_all_readers_in_order(options):
    """A sink of one's own, the journal and the state hear one story, between one beginning and one end."""
    log = EventLog()
    run = cs.simulate(CASES[:1], agent, on=StandIn(), sinks=[log], **options).wait(30)

    assert log.kinds() == snapshot(
        [
            "run_started",
            "conversation_started",
            "usage_reported",
            "message_sent",
            "message_sent",
            "usage_reported",
            "usage_reported",
            "goal_checked",
            "message_sent",
            "message_sent",
            "usage_reported",
            "goal_checked",
            "conversation_ended",
            "run_ended",
        ]
    )
    assert [event.at for event in log.events] == sorted(event.at for event in log.events)
    assert RunState.replay(read_journal(run.folder)) == run.state


def test_a_worker_that_dies_begins_again_and_repeats_nothing_that_had_ended(options):
    """Boxes whose rows never came are tried again: their conversations have ended, and the agent is not asked."""
    run = cs.simulate(
        CASES, counted, on=StandIn(dies=lambda when, box, attempt: when == "after" and attempt == 0), **options
    ).wait(30)

    assert {c.stop for c in run.conversations} == {"goal_reached"}
    assert {c.attempt for c in run.conversations} == {1}
    assert Counter(ASKED) == {f"Know about order {n}": 2 for n in range(6)}


ASKED: list[str] = []


def counted(messages):
    """Notes what it was asked, where the stand-in's workers and the test both see it."""
    from tests.spark import test_driver

    test_driver.ASKED.append(messages[0]["content"])
    return "It is done."


def test_a_job_that_fails_keeps_what_was_done_and_says_why(options):
    """A box that dies each time ends the run with one line; what other boxes did is kept, and can be gone on from."""
    dying = StandIn(dies=lambda when, box, attempt: when == "before" and box == 1, tries=2)
    run = cs.simulate(CASES, agent, on=dying, partitions=2, **options)
    with pytest.raises(cs.ConvsimError, match="the Spark job failed: the worker died before it began"):
        run.wait(30)

    assert Counter(c.stop for c in run.conversations) == {"goal_reached": 3, "cancelled": 3}
    assert "the Spark job failed" in run.problems[0]
    again = cs.resume(run.run_id, agent=agent, on=StandIn(), **options).wait(30)
    assert {c.stop for c in again.conversations} == {"goal_reached"}
    assert Counter(c.attempt for c in again.conversations) == {1: 6}
    assert again.problems == ()
    assert [line.endswith("; what was missing was played since") for line in again.mended] == [True]


CRASHED = """An error occurred while calling o57.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times, most recent \
failure: Lost task 0.0 in stage 1.0 (TID 2) (host executor driver): org.apache.spark.SparkException: Python worker \
exited unexpectedly (crashed)
\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.read(PythonRunner.scala:612)
Caused by: java.io.EOFException
\tat java.base/java.io.DataInputStream.readInt(DataInputStream.java:398)
\t... 21 more
"""
CAUSED = """An error occurred while calling o57.collectToPython.
: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0 in stage 1.0 failed 1 times
Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.failJobAndIndependentStages(DAGScheduler.scala:2844)
Caused by: java.io.IOException: No space left on device
\tat java.base/java.io.FileOutputStream.writeBytes(Native Method)
\t... 21 more
"""


@pytest.mark.parametrize(
    ("trace", "said"),
    [
        (CRASHED, "Python worker exited unexpectedly (crashed): the process was killed, often for want of memory"),
        (CAUSED, "java.io.IOException: No space left on device"),
    ],
)
def test_a_job_that_fails_in_java_says_what_it_died_of(options, trace, said):
    """Not the last line of the trace, which says how many more there are."""

    class Failing(StandIn):
        def range(self, *_given):
            raise RuntimeError(trace)

    run = cs.simulate(CASES, agent, on=Failing(), **options)
    with pytest.raises(cs.ConvsimError, match="the Spark job failed"):
        run.wait(30)

    assert run.problems == (f"the Spark job failed: {said}",)


def test_the_shared_folder_goes_when_nothing_is_left_to_resume(options, tmp_path):
    """After a whole end what the run wrote there is deleted, and nothing else; where it failed, when it was resumed."""
    shared = tmp_path / "shared"
    whole = cs.simulate(CASES, agent, on=StandIn(), shared=shared, **options).wait(30)
    assert list(shared.iterdir()) == []

    dying = StandIn(dies=lambda when, box, attempt: when == "before" and box == 1, tries=1)
    run = cs.simulate(CASES, agent, on=dying, partitions=2, shared=shared, **options)
    with pytest.raises(cs.ConvsimError, match="the Spark job failed"):
        run.wait(30)
    assert [path.name for path in (shared / run.run_id).iterdir()] == ["go-1"]

    (shared / run.run_id / "notes.txt").write_text("mine")
    again = cs.resume(run.run_id, agent=agent, on=StandIn(), shared=shared, **options).wait(30)
    assert [path.name for path in (shared / run.run_id).iterdir()] == ["notes.txt"]
    assert RunState.replay(read_journal(again.folder)) == again.state
    assert len(whole.conversations) == len(again.conversations)


def test_the_shared_folder_stays_where_the_journal_has_failed(options):
    """What no other place has is not deleted."""

    class Breaks:
        name = "breaks"

        def __call__(self, event):
            raise OSError(f"disk full at {event.kind}")

    run = cs.simulate(CASES, agent, on=StandIn(), sinks=[Breaks()], **options).wait(30)
    assert [drop.sink for drop in run.state.dropped] == ["breaks"]
    assert (run.folder / "spark" / "go-1").exists()


def test_a_stop_ends_what_plays_within_seconds(options):
    """The workers find the file, their conversations end as cancelled, what had ended stays, and it can be resumed."""
    run = cs.simulate(CASES, slow, on=StandIn(), concurrency=2, **options)
    while not any(c.status == "running" for c in run.conversations):
        time.sleep(0.02)
    begun = time.monotonic()
    run.stop()
    run.wait(30)

    assert time.monotonic() - begun < 5
    assert run.state.stopped
    assert "cancelled" in {c.stop for c in run.conversations}
    assert "model_error" not in {c.stop for c in run.conversations}
    assert (run.folder / "spark" / "go-1" / "stop").exists()


async def slow(messages):
    """Takes longer than anybody waits."""
    await asyncio.sleep(20)
    return "Too late."


def test_what_cannot_be_done_on_workers_is_refused_in_a_line(options):
    """Pause, speak, fork, more at once, stopping one: each is refused while it plays, and says what can be done."""
    run = cs.simulate(CASES[:2], slow, on=StandIn(), **options)
    key = run.conversations[0].key
    tries = (run.pause, run.resume, lambda: run.say(key, "Hello"), lambda: run.stop(key), lambda: run.again(key))
    for refused in (*tries, lambda: run.set_concurrency(3)):
        with pytest.raises(cs.ConvsimError, match=r"plays on Spark: .* run.stop\(\) stops all"):
            refused()
    run.stop()
    run.wait(30)


def test_budgets_are_divided_up_front(options):
    """Each box has its share of the tokens, and says so; what is used up ends as over_budget, in every box."""
    run = cs.simulate(CASES, agent, on=StandIn(), partitions=3, max_tokens=300, concurrency=1, **options).wait(30)

    assert "each of 3 partitions may spend 100 tokens" in run.problems[0]
    assert {c.stop for c in run.conversations} == {"goal_reached", "over_budget"}
    assert run.state.spent.input_tokens + run.state.spent.output_tokens <= 300 + 3 * 15


def test_the_time_is_the_runs_not_the_workers(options):
    """A box that begins when the time is up plays nothing."""
    run = cs.simulate(CASES, slow, on=StandIn(slots=1), partitions=2, concurrency=1, max_seconds=0.5, **options).wait(
        30
    )

    assert {c.stop for c in run.conversations} == {"over_budget"}
    assert run.conversations[0].detail == "max_seconds is over"


def test_a_driver_that_dies_hears_the_rest_when_the_run_is_resumed(options, tmp_path):
    """Its journal breaks off in the middle; the workers had gone on, and nothing of theirs is played again."""
    run = cs.simulate(CASES, counted, on=StandIn(), sinks=[Aside(tmp_path, tmp_path / "aside")], **options).wait(30)
    (tmp_path / "aside").rename(run.folder / "spark")
    path = run.folder / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    ended = [n for n, line in enumerate(lines) if json.loads(line)["kind"] == "conversation_ended"]
    path.write_text("".join(lines[: ended[1] - 2]))
    ASKED.clear()
    again = cs.resume(run.run_id, agent=counted, on=StandIn(), **options).wait(30)

    assert ASKED == []
    assert [told(c) for c in again.conversations] == [told(c) for c in run.conversations]
    assert RunState.replay(read_journal(again.folder)) == again.state


class Guarded:
    """An agent that holds what no worker can be sent."""

    def __init__(self):
        self.client = {"lock": threading.Lock()}

    def __call__(self, messages):
        return f"It is done {len(messages)}."


LOCK = threading.Lock()


def holding(messages):
    """An agent that uses a global which does not pickle."""
    with LOCK:
        return "It is done."


holding.__module__ = "__main__"  # as a notebook's: sent whole, where a module's is sent by its name


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"agent": Guarded()},
            r"the agent does not pickle for Spark's workers: its client, a builtins.dict \(TypeError",
        ),
        ({"agent": holding}, "the agent does not pickle for Spark's workers: its global LOCK, a _thread.lock"),
        ({"on": "spark"}, "is no Spark session"),
        ({"record": "r.jsonl"}, "on=spark and record are given"),
        ({"on": StandIn(settings={"spark.master": "local", "spark.speculation": "true"})}, "spark.speculation is on"),
        ({"on": StandIn(settings={"spark.master": "spark://host"})}, "its workers are other machines: give shared="),
        ({"journal": False}, "the run keeps no journal: give shared="),
        ({"on": None, "shared": "here"}, "shared='here' is for on=, a Spark session"),
        ({"partitions": 0}, "partitions=0: give a whole number above 0"),
    ],
)
def test_what_spark_cannot_do_is_said_before_anything_is_played(options, tmp_path, monkeypatch, given, said):
    """One line each, no journal begun, no model called."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cs.ConvsimError, match=said) as caught:
        cs.simulate(CASES, **{"agent": agent, "on": StandIn(), **options, **given})

    assert "\n" not in str(caught.value)
    assert not list(Path(tmp_path).glob("*/events.jsonl"))


def test_an_agent_may_be_named_by_its_import_path(options, tmp_path, monkeypatch):
    """The driver's working folder is on the workers' path too, where they see it."""
    (tmp_path / "shop_agent.py").write_text("def reply(messages):\n    return 'It is done.'\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run = cs.simulate(CASES[:2], "shop_agent:reply", on=StandIn(), **options).wait(30)

    assert {c.stop for c in run.conversations} == {"goal_reached"}


def test_a_worker_without_a_key_ends_the_run_in_a_line(options, tmp_path, monkeypatch):
    """What is wrong on the worker alone is not tried again, and is raised where the run is waited for."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a-key-of-the-driver-alone")
    spark = StandIn(dies=lambda when, box, attempt: monkeypatch.delenv("OPENAI_API_KEY", raising=False) or False)
    run = cs.simulate(CASES[:1], agent, on=spark, **{**options, "user_model": "openai:/gpt-5-mini"})
    with pytest.raises(cs.ConvsimError, match="on a Spark worker, ModelNameError: openai:/gpt-5-mini needs a key"):
        run.wait(30)

    assert [c.stop for c in run.conversations] == ["cancelled"]


def test_what_is_redacted_leaves_no_worker(options, tmp_path):
    """The shared folder holds what the journal may hold; the agent hears what was said."""
    ASKED.clear()
    aside = Aside(tmp_path, tmp_path / "aside")
    cs.simulate(CASES[:1], counted, on=StandIn(), redact=without_orders, sinks=[aside], **options).wait(30)

    shared = "".join(path.read_text() for path in aside.into.rglob("*.jsonl"))
    assert "agent" in shared
    assert "It is done" not in shared


def without_orders(text):
    """Takes out what the agent says."""
    return text.replace("It is done", "[said]")
