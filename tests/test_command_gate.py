"""`convsim gate`: each outcome and each refusal has its exit code, and what is refused is refused before it costs."""

import signal
import sys

import pytest

import convsim_nb as cs
from convsim_nb.__main__ import main
from convsim_nb.domain.errors import ModelError
from convsim_nb.testing import ScriptedChat

CASES = [cs.TestCase(goal=f"Get a refund for item {n}", case_id=f"case-{n}") for n in range(9)]
AGENT = """
def good(messages):
    return "Your refund of 34.90 EUR was sent today."

def bad(messages):
    return "I will see."

def asked(messages):
    open("asked", "a").close()
    return good(messages)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder, with cases and agents; what the command changes of the process is put back."""
    (tmp_path / "shop.py").write_text(AGENT)
    cs.CaseSet(CASES).save(tmp_path / "cases.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "shop", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


def played(*, cases=CASES, **options):
    """A run that may be a baseline."""
    given = {"user_model": "demo:/rules", "max_turns": 2, "guards": "off", "mlflow": False, "progress": False}
    return cs.simulate(cases, "shop:good", **{**given, **options})


def gate(*arguments, baseline, agent="shop:asked", cases="cases.yaml"):
    """The exit code of a gate."""
    asked = ("gate", cases, "--agent", agent, "--baseline", baseline, "--no-mlflow", "--quiet")
    return main([*asked, *arguments])


@pytest.mark.parametrize(
    ("agent", "more", "code", "outcome"),
    [
        ("shop:good", ("--max-drop", "20"), 0, "passed"),
        ("shop:bad", (), 3, "failed"),
        ("shop:bad", ("--allow-inconclusive",), 3, "failed"),
        ("shop:good", (), 4, "inconclusive"),
        ("shop:good", ("--allow-inconclusive",), 0, "inconclusive"),
    ],
)
def test_each_outcome_has_its_exit_code(capsys, agent, more, code, outcome):
    """Passed 0, failed 3, inconclusive 4: only that one can be allowed."""
    baseline = played().wait(60).run_id

    assert gate(*more, baseline=baseline, agent=agent) == code
    assert capsys.readouterr().out.startswith(f"{outcome}: ")


def edited(folder):
    cs.CaseSet([CASES[0].edited(persona="In a hurry")]).save(folder / "other.yaml")
    return "other.yaml"


def others(folder):
    cs.CaseSet([cs.TestCase(goal="Get a refund for item 1", case_id="new")]).save(folder / "other.yaml")
    return "other.yaml"


@pytest.mark.parametrize(
    ("more", "cases", "said"),
    [
        (("--guards", "record"), None, "not the agent alone differs: guards is 'off' in"),
        (("--max-turns", "3"), None, "not the agent alone differs: --max-turns is 2 in"),
        ((), edited, "case case-0 was edited between"),
        ((), others, "has none of the 1 cases, or no trial of them that counts"),
        (("--max-drop", "101"), None, "give points of the reach rate, from 0 to 100"),
        (("--user-model", "opnai:/x"), None, "no provider is named 'opnai'"),
        (("--score", "nosuch"), None, "no scorer 'nosuch'"),
    ],
)
def test_what_a_gate_refuses_exits_with_2_before_it_is_played(folder, capsys, more, cases, said):
    """One line on stderr, nothing on stdout, no run begun, no agent asked, no file written."""
    baseline = played().wait(60).run_id
    capsys.readouterr()
    runs = sorted((folder / ".convsim" / "runs").iterdir())
    given = cases(folder) if cases else "cases.yaml"
    code = gate(*more, "--junit", "gate.xml", "--summary", "sum.md", baseline=baseline, cases=given)
    out, err = capsys.readouterr()

    assert (code, out) == (2, ""), err
    assert said in err
    assert err.count("\n") == 1
    assert sorted((folder / ".convsim" / "runs").iterdir()) == runs
    assert not any((folder / name).exists() for name in ("asked", "gate.xml", "sum.md"))


def gone(request):
    raise ModelError("gone")


@pytest.mark.parametrize(
    ("options", "more", "said"),
    [
        ({"user_model": ScriptedChat(gone)}, ("--user-model", "demo:/rules"), "not the agent alone differs"),
        ({"user_model": ScriptedChat.happy()}, (), "is no model URI: give --user-model"),
        ({"goal_check": lambda _: True}, (), "goal was checked by function:<lambda>:"),
    ],
)
def test_baselines_that_nothing_can_be_held_against(folder, capsys, options, more, said):
    """Another user, a user without a name, a goal function of one's own: exit code 2, and nothing is played."""
    baseline = played(cases=CASES[:2], **options).wait(60).run_id
    capsys.readouterr()

    assert gate(*more, baseline=baseline) == 2
    assert said in capsys.readouterr().err
    assert not (folder / "asked").exists()


def test_a_baseline_that_has_not_ended_and_one_that_is_not_there(folder, capsys):
    """A run that another process plays, or died with it, is no baseline yet; neither is a run that nobody knows."""
    run = played(cases=CASES[:2]).wait(60)
    journal = run.folder / "events.jsonl"
    journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))
    capsys.readouterr()

    assert gate(baseline=run.run_id) == 2
    assert f"run {run.run_id} has not ended" in capsys.readouterr().err
    assert gate(baseline="20200101-000000") == 2
    assert "20200101-000000" in capsys.readouterr().err
    assert not (folder / "asked").exists()


def test_force_holds_unlike_runs_against_each_other(folder):
    """What differs beside the agent is refused, and compared where it is asked for."""
    baseline = played().wait(60).run_id

    assert gate("--max-turns", "3", "--max-drop", "20", "--force", baseline=baseline) == 0
    assert (folder / "asked").exists()
