"""The gate, failures, pass@k and exported tests, through the doors that users take."""

import socket
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest
from inline_snapshot import snapshot

import convsim_nb as cs
from convsim_nb.domain.errors import ModelError, ModelNameError, UsageError
from convsim_nb.testing import ScriptedChat

CASES = [cs.TestCase(goal=f"Get a refund for item {n}", case_id=f"case-{n}") for n in range(9)]
GOOD = "Your refund of 34.90 EUR was sent today."


def agent_that_fails(*items):
    """Refunds all but these."""

    def agent(messages):
        return "I will see." if any(f"item {n}" in messages[0]["content"] for n in items) else GOOD

    return agent


def options(tmp_path, **more):
    return {"mlflow": False, "progress": False, "journal": tmp_path, "guards": "off", **more}


@pytest.fixture
def baseline(tmp_path):
    return cs.simulate(
        CASES, agent_that_fails(), user_model="demo:/rules", max_turns=2, run_name="v1", **options(tmp_path)
    ).wait()


def test_a_worse_version_fails_with_a_summary_and_junit(tmp_path, baseline):
    """What is not given is as in the baseline; the summary begins with the answer, JUnit fails the cases that fell."""
    found = cs.gate(CASES, agent_that_fails(*range(7)), baseline=baseline.run_id, run_name="v2", **options(tmp_path))
    suite = ET.fromstring(found.junit).find("testsuite")  # noqa: S314 - our own

    assert found.outcome == "failed"
    assert found.run.state.settings.max_turns == 2
    assert found.markdown.startswith("### ❌ convsim gate: failed\n\nThe reach rate fell by 78 points, more than the 5")
    assert "| ▼ case-0: Get a refund for item 0 | 1 of 1 | 0 of 1 |" in found.markdown
    assert "7 x agent" in found.markdown
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("10", "8", "0")
    assert [t.get("name") for t in suite.findall("testcase") if t.find("failure") is None] == ["case-7", "case-8"]
    assert found.to_dict()["outcome"] == "failed"


def test_what_cannot_be_told_is_inconclusive(tmp_path, baseline):
    """Nine cases cannot rule out a fall of five points, though none was seen; a larger allowance passes."""
    found = cs.gate(CASES, agent_that_fails(), baseline=baseline, **options(tmp_path))
    wider = cs.gate(CASES, agent_that_fails(), baseline=baseline, max_drop=20, **options(tmp_path))

    assert (found.outcome, wider.outcome) == ("inconclusive", "passed")
    assert 'skipped message="inconclusive' in found.junit
    assert "❔" in found.markdown


def test_a_run_that_was_played_is_held_as_it_is(tmp_path, baseline):
    """Given a run in the place of cases nothing is played, and nothing can be asked of how to play."""
    run = cs.simulate(
        CASES, agent_that_fails(*range(7)), user_model="demo:/rules", max_turns=2, **options(tmp_path)
    ).wait()
    before = sorted(tmp_path.iterdir())
    found = cs.gate(run, baseline=baseline.run_id, journal=tmp_path)

    with pytest.raises(UsageError, match=rf"agent, trials: run {run.run_id} is played already; give its cases"):
        cs.gate(run, agent_that_fails(), baseline=baseline, trials=2)
    assert (found.outcome, found.run) == ("failed", run)
    assert sorted(tmp_path.iterdir()) == before


def test_what_a_gate_refuses(tmp_path, baseline):
    """Drops that are none, and baselines whose user cannot be named again."""
    scripted = cs.simulate(
        CASES[:1], agent_that_fails(), user_model=ScriptedChat.happy(), max_turns=1, **options(tmp_path)
    ).wait()

    for wrong in (101, -1, "5", None, float("nan")):
        with pytest.raises(UsageError, match=f"max_drop={wrong!r}: give points"):
            cs.gate(CASES, agent_that_fails(), baseline=baseline, max_drop=wrong, **options(tmp_path))
    with pytest.raises(ModelNameError, match="which is no model URI: give user_model="):
        cs.gate(CASES, agent_that_fails(), baseline=scripted, **options(tmp_path))


def test_failures_of_a_run_by_reason(tmp_path, baseline):
    """Grouped with counts and examples; beside a version that passes they are the agent's, else the case's."""
    worse = cs.simulate(
        CASES[:3], agent_that_fails(0, 1), user_model="demo:/rules", max_turns=2, **options(tmp_path)
    ).wait()

    assert repr(worse.failures()) == snapshot("""\
2 of 3 conversations did not reach the goal: agent 2
2 x agent: not done in 2 turns (case-0/agent/1, case-1/agent/1). Next: read one: on the way (raise max_turns), or lost?
2 that no rule explains: read them, or ask a model, run.failures(model=...)\
""")
    another = cs.simulate(
        CASES[:3], agent_that_fails(0, 1), user_model="demo:/rules", max_turns=2, **options(tmp_path)
    ).wait()
    assert repr(baseline.failures()) == "all of 9 conversations reached the goal"
    assert list(worse.failures([baseline]).to_frame()["whose"]) == ["agent", "agent"]
    assert repr(worse.failures([worse, cs.load_run(worse.run_id, journal=tmp_path)])) == repr(worse.failures())
    assert list(worse.failures([another]).to_frame()["why"]) == ["no version passes it"] * 2
    assert "did not reach the goal" in worse.failures()._repr_html_()


def test_pass_at_k(tmp_path):
    """pass@k and pass^k of a run with trials; k above them is refused."""
    run = cs.simulate(
        CASES[:2], agent_that_fails(0), user_model="demo:/rules", max_turns=1, trials=2, **options(tmp_path)
    ).wait()

    assert (run.passes(2).at_least_one, run.passes(2).every) == (0.5, 0.5)
    with pytest.raises(UsageError, match="k=3: this run has 2 trials a case"):
        run.passes(3)


@pytest.mark.parametrize("mlflow_test", [False, True])
def test_a_conversation_becomes_a_test_that_runs(tmp_path, baseline, mlflow_test):
    """The file stands alone: it passes with the good agent and fails with the bad one, under plain pytest."""
    (tmp_path / "agents.py").write_text(
        f"def good(messages):\n    return {GOOD!r}\n\ndef bad(messages):\n    return 'I will see.'\n"
    )
    target = tmp_path / "test_refund.py"
    baseline.export_test("case-3/agent/1", target, agent="agents:good", mlflow_test=mlflow_test)
    text = target.read_text()

    assert "def test_case_3():" in text
    assert ("@mlflow.test" in text) is mlflow_test
    if mlflow_test:
        return
    for name, code in (("good", 0), ("bad", 1)):
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(target)],
            cwd=tmp_path,
            env={"CONVSIM_AGENT": f"agents:{name}", "PATH": "", "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/m.db"},
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert run.returncode == code, run.stdout + run.stderr


def watched(asked):
    """A good agent that notes every call."""

    def agent(messages):
        asked.append(messages)
        return GOOD

    return agent


@pytest.mark.parametrize(
    ("cases", "more", "said"),
    [
        (CASES, {"guards": "record"}, "guards is 'off' in .* and 'record' in this gate; force=True"),
        (CASES, {"max_turns": 3}, "max_turns is 2 in .* and 3 in this gate"),
        ([CASES[0].edited(persona="In a hurry")], {}, "case case-0 was edited between .* and this gate"),
        ([cs.TestCase(goal="Get a refund for item 1", case_id="new")], {}, "has none of the 1 cases, or no trial"),
    ],
)
def test_unlike_runs_are_refused_before_anything_is_played(tmp_path, baseline, cases, more, said):
    """Settings and cases are known beforehand: the agent is not asked once, and no run is begun."""
    asked = []
    before = sorted(tmp_path.iterdir())

    with pytest.raises(UsageError, match=said):
        cs.gate(cases, watched(asked), baseline=baseline, **options(tmp_path, **more))
    assert asked == []
    assert sorted(tmp_path.iterdir()) == before
    assert cs.gate(cases, watched(asked), baseline=baseline, force=True, **options(tmp_path, **more)).outcome
    assert asked


def test_a_baseline_of_voids_is_refused_before_anything_is_played(tmp_path):
    """Nothing could be said in the end."""

    def gone(request):
        raise ModelError("gone")

    void = cs.simulate(
        CASES[:2], agent_that_fails(), user_model=ScriptedChat(gone), max_turns=1, **options(tmp_path)
    ).wait()
    asked = []

    with pytest.raises(UsageError, match="has no trial that counts, 2 are void or a person's: see why"):
        cs.gate(CASES[:2], watched(asked), baseline=void, user_model=ScriptedChat(gone), **options(tmp_path))
    assert asked == []


def test_an_agent_that_is_down_is_no_worse_version(tmp_path, baseline):
    """The trials are not reached, sorted as infrastructure with the address, and the gate cannot tell."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        found = cs.gate(CASES, f"http://ann:secret@{address[7:]}#m", baseline=baseline, **options(tmp_path))
    (group,) = found.run.failures()

    assert {one.verdict for one in found.run.conversations} == {"not_reached"}
    assert found.outcome == "inconclusive"
    assert "the agent could not be reached in 9 of 9 trials of the new run" in found.markdown.replace("The", "the")
    assert "is worse" not in found.markdown + repr(found)
    assert group.reason.whose == "infrastructure"
    assert group.reason.next == f"is it running at {address}/chat/completions? See that it does, and play again"
    assert "secret" not in found.markdown + repr(found)
