"""A run whose folder lies on a Volume, where no file can be added to, renamed over or written in the middle."""

import asyncio
from contextlib import suppress

import pytest

import convsim_nb as cs
from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.state import RunState
from convsim_nb.testing import ScriptedChat
from tests import volume as standing_in
from tests.volume import volume

CASES = [{"goal": f"Know about order {n}", "case_id": f"case-{n}"} for n in range(4)]


async def agent(messages):
    """Takes a moment, so that several segments come about."""
    await asyncio.sleep(0.3)
    return f"It is done {len(messages)}."


@pytest.fixture
def options(tmp_path):
    """What every run here is played with."""
    given = {"user_model": ScriptedChat.happy(turns=2), "mlflow": False, "progress": False}
    return {**given, "journal": volume(tmp_path / "volume"), "concurrency": 1}


def test_a_run_is_kept_in_closed_files_and_brought_back(options, tmp_path):
    """Listed, loaded, resumed: as from a disk; and no file was opened in a way that a Volume refuses."""
    before = len(standing_in.refused)
    run = cs.simulate(CASES, agent, **options).wait(30)

    assert len(list((run.folder / "events").glob("*.jsonl"))) > 1
    assert [line.status for line in cs.runs(options["journal"])] == ["finished"]
    again = cs.load_run(run.run_id, journal=options["journal"])
    assert again.state == run.state
    assert {what.split()[1][:4] for what in standing_in.refused[before:]} <= {"try-"}
    assert {path.name for path in run.folder.iterdir()} == {"events"}


def test_a_stopped_run_goes_on_in_new_files(options):
    """Resumed, its journal is one story; the files that were there stay as they were."""
    run = cs.simulate(CASES, agent, **options)
    while not any(c.stop for c in run.conversations):
        run.wait(0.05)
    run.stop()
    run.wait(10)
    before = {path: path.read_bytes() for path in (run.folder / "events").iterdir()}
    again = cs.resume(run.run_id, agent=agent, **options).wait(30)

    assert {c.stop for c in again.conversations} == {"goal_reached"}
    assert {path: path.read_bytes() for path in before} == before
    assert RunState.replay(read_journal(again.folder)) == again.state


def test_a_crash_in_the_middle_of_a_copy_costs_half_a_line(options):
    """The last segment is mended when the run is taken up."""
    run = cs.simulate(CASES[:1], agent, **options).wait(30)
    lines = b"".join(path.read_bytes() for path in sorted((run.folder / "events").iterdir())).splitlines()
    for path in (run.folder / "events").iterdir():
        path.unlink()
    (run.folder / "events" / "000001.jsonl").write_bytes(b"\n".join(lines[:-1])[:-20])  # in the conversation's end
    again = cs.resume(run.run_id, agent=agent, **options).wait(30)

    assert {c.stop for c in again.conversations} == {"goal_reached"}
    assert RunState.replay(read_journal(again.folder)) == again.state


def test_labels_scores_and_kept_cases_lie_there_too(options):
    """Each is written whole where it cannot be added to."""
    run = cs.simulate(CASES[:2], agent, **options).wait(30)
    one, other = (c.key for c in run.conversations)
    run.label(one, "reached")
    run.label(other, "not_reached", note="no")
    run.evaluate(["turns_to_goal"])
    run.evaluate(["turns_to_goal"])
    run.keep_case(one)
    run.report()
    again = cs.load_run(run.run_id, journal=options["journal"])

    assert {key: label.value for key, label in again.labels.items()} == {one: "reached", other: "not_reached"}
    assert again.scores == run.scores
    assert len(again.scores) == 2
    assert len(again.kept) == 1
    assert (run.folder / "report.html").exists()


def test_a_driver_on_spark_may_share_a_volume(options, tmp_path):
    """The workers' folder is one too: they write segments, the driver follows them."""
    from tests.spark.standin import StandIn

    shared, seen = volume(tmp_path / "shared"), set()
    run = cs.simulate(CASES, agent, on=StandIn(), shared=shared, **{**options, "concurrency": 4})
    while not run.ended.is_set():  # at its end, what lies there goes
        with suppress(FileNotFoundError):
            seen.update(path.name for path in shared.rglob("0*.jsonl"))
        run.wait(0.05)

    assert {c.stop for c in run.wait(60).conversations} == {"goal_reached"}
    assert "000001.jsonl" in seen
    assert RunState.replay(read_journal(run.folder)) == run.state
