"""Jobs that share a folder of journals, each under its `run_key`."""

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

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
