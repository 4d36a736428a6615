"""A run that only MLflow still has: its scores and its labels come back with it."""

import os
import threading

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat
from tests.adapters.mlflow.conftest import ambient, store  # noqa: F401 - fixtures

CASES = [cs.TestCase(goal=f"Find out about matter {n}", case_id=f"case-{n}") for n in range(3)]


def played(folder, *, good, name):
    """A run in MLflow, scored by session and by turn, and labelled; its journal is not looked at again."""

    def says(request):
        return {"action": "say", "text": f"Tell me more, part {len(request.messages)}.", "because": ""}

    def reached(conversation):
        return conversation.turns == 2 and conversation.case_id in good

    run = cs.simulate(
        CASES,
        lambda messages: f"Answer {len(messages)}",
        user_model=ScriptedChat(says, name="scripted"),
        goal_check=reached,
        max_turns=2,
        guards="off",
        progress=False,
        journal=folder,
        run_name=name,
    ).wait()

    def polite(conversation):
        return "yes" if conversation.case_id != "case-1" else "no"

    run.evaluate([polite, "corrections"])
    return run


@pytest.fixture
def run(ambient, tmp_path):  # noqa: F811
    return played(tmp_path / "a", good={"case-0"}, name="v1")


def labelled(run):
    """People's words: one changed, one taken back."""
    keys = [one.key for one in run.conversations]
    for key, value, note in (
        (keys[0], "not_reached", ""),
        (keys[0], "reached", "took it back"),
        (keys[1], "reached", ""),
        (keys[2], "reached", ""),
        (keys[2], None, ""),
    ):
        run.label(key, value, note=note)
        sent(run)
    return run


def sent(run):
    """Wait until labels have gone to MLflow, in the order in which they were given."""
    for thread in threading.enumerate():
        if thread.name == "convsim-label":
            thread.join(20)
    assert run.unsent == {}


def test_scores_and_labels_come_back_from_mlflow_alone(run, tmp_path):
    """By our id or MLflow's, with no journal at hand; frame, calibration and a second scoring work as before."""
    labelled(run)
    for name in (run.run_id, run.mlflow_run_id):
        back = cs.load_run(name, journal=tmp_path / "none")
        assert (back.folder, back.mlflow_run_id) == (None, run.mlflow_run_id)
        assert back.scores == run.scores
        assert {key: (one.value, one.note, one.session_id) for key, one in back.labels.items()} == {
            key: (one.value, one.note, one.session_id) for key, one in run.labels.items()
        }
    assert back.to_frame().drop(columns="goal").equals(run.to_frame().drop(columns="goal"))

    assert repr(cs.calibrate(back)) == repr(cs.calibrate(run))
    assert cs.calibrate(back, scorer="polite").found.total == 2

    back.evaluate(["agent_repeats"])
    assert {one.name for one in cs.load_run(run.run_id, journal=tmp_path / "none").scores} == {
        "polite",
        "corrections",
        "agent_repeats",
    }


def test_runs_from_mlflow_alone_are_compared_with_their_scores(run, tmp_path):
    """The comparison is that of the runs in hand, row by row."""
    other = played(tmp_path / "b", good={"case-0", "case-2"}, name="v2")
    here = cs.compare(run, other).to_frame()
    there = cs.compare(run.run_id, other.run_id, journal=tmp_path / "none").to_frame()

    assert "polite" in set(here["metric"])
    assert there.equals(here)


def test_no_bars_of_downloads_unless_the_user_wants_them(run, tmp_path, monkeypatch, capsys):
    """Reading a run from MLflow draws none, and the user's environment is as it was; who asks for bars has them."""
    monkeypatch.delenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", raising=False)
    capsys.readouterr()
    cs.load_run(run.run_id, journal=tmp_path / "none")
    assert capsys.readouterr().err == ""
    assert "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR" not in os.environ

    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "true")
    cs.load_run(run.run_id, journal=tmp_path / "none")
    assert "Downloading artifacts" in capsys.readouterr().err
    assert os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] == "true"
