"""`%convsim score` and `%convsim compare`: what the lines of a notebook do with finished runs."""

import pytest

import convsim_nb as cs
from convsim_nb.workflow.compare import Comparison
from tests.notebook.shell import Shell

CASES = [cs.TestCase(goal=f"Get a refund for item {n}", case_id=f"case-{n}") for n in range(2)]


@pytest.fixture
def shell(capsys, tmp_path, monkeypatch):
    """A notebook with two finished runs, v1 and v2."""
    monkeypatch.chdir(tmp_path)
    shell = Shell(capsys)
    for name in ("v1", "v2"):
        shell.ip.user_ns[name] = cs.simulate(
            CASES,
            lambda messages: "Your refund of 34.90 EUR was sent today.",
            user_model="demo:/rules",
            mlflow=False,
            progress=False,
            run_name=name,
        ).wait()
    yield shell
    shell.close()


def test_scorers_are_names_and_objects_parted_by_commas(shell):
    """A name that the notebook knows is the object; any other is a scorer's name; one alone needs no list."""
    shell("def polite(conversation): return True")
    both = shell("%convsim score v1 --scorers polite,turns_to_goal -o scores")
    alone = shell("%convsim score v2 polite")

    assert both.ok
    assert sorted(set(shell["scores"]["name"])) == ["polite", "turns_to_goal"]
    assert set(alone.result["name"]) == {"polite"}
    assert "no scorer 'polit': ours are turns_to_goal" in shell("%convsim score v1 --scorers polit,turns_to_goal").out


def test_compare_takes_runs_and_ids(shell):
    """The first is the one that the others are compared to; what it says is a cell's result."""
    found = shell(f"%convsim compare v1 {shell['v2'].run_id} -o found")

    assert isinstance(found.result, Comparison)
    assert found.result.names == ("v1", "v2")
    assert "%convsim compare needs" in shell("%convsim compare v1").out


def test_simulated_users_are_held_against_people_and_against_bad_agents(shell):
    """`fidelity` of a run whose cases were distilled, `selftest` of cases: results of a cell like any other."""
    shell(
        """
        import convsim_nb as cs
        sessions = [cs.Session(id="s", messages=[
            cs.Message(role="user", content="I want a refund for the kettle, it arrived broken."),
            cs.Message(role="assistant", content="Which order is it?"),
            cs.Message(role="user", content="A-1893"),
            cs.Message(role="assistant", content="I have refunded order A-1893."),
        ])]
        cases = cs.distill(sessions, model="demo:/rules", journal=False, progress=False)
        """
    )
    quiet = "--user-model demo:/rules --no-mlflow --no-journal --no-progress"
    shell(f"%convsim run cases --agent {{lambda messages: 'Which order is it?'}} {quiet} --max-turns 2 -o v3")
    alike = shell("%convsim fidelity v3 --sessions sessions")
    reacts = shell(f"%convsim selftest cases {quiet}")

    assert isinstance(alike.result, cs.Fidelity), alike.out
    assert isinstance(reacts.result, cs.SelfTest), reacts.out
    assert {each.agent for each in reacts.result.reactions} == {"useless", "silent", "looping"}
