"""What is asked of a run before its end is refused in the same words, and a report says how far it got."""

import re

import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import UsageError
from convsim_nb.testing import ScriptedAgent, ScriptedChat

CASES = [cs.TestCase(goal=f"Get a refund for kettle {n}", case_id=f"kettle-{n}") for n in range(2)]


def played(folder, **options):
    """A run that is not waited for."""
    given = {"user_model": ScriptedChat.happy(), "mlflow": False, "journal": folder, "progress": False}
    return cs.simulate(CASES, ScriptedAgent(), **{**given, **options})


@pytest.fixture
def live(tmp_path):
    """A run whose first messages are held back by a person."""
    run = played(tmp_path / "runs", max_turns=3)
    run.pause()
    yield run
    run.stop()
    run.wait(20)


def test_a_run_that_plays_is_refused_and_a_report_of_it_says_so(live, tmp_path):
    """No "all reached the goal" of conversations that nobody has played; the next step stands in the line."""
    if live.state.ended:
        pytest.fail("the run was to be paused")
    (one, *_) = [f"{case.case_id}/ScriptedAgent/1" for case in CASES]

    with pytest.raises(UsageError, match=re.escape("has not ended: call run.wait() or run.stop() before run.failures")):
        live.failures()
    with pytest.raises(UsageError, match=rf"conversation {one} has not ended: call run.wait\(\)"):
        live.export_test(one, tmp_path / "test_one.py", agent="module:name")
    for name in ("report.html", "report.md"):
        assert "This run has not ended: what stands here is what was done so far." in (
            live.report(tmp_path / name).read_text()
        )


def test_a_finished_run_says_nothing_of_that(tmp_path):
    """The same three, of a run that has ended."""
    run = played(tmp_path / "runs").wait()

    assert run.failures().summary == "all of 2 conversations reached the goal"
    assert "has not ended" not in run.report(tmp_path / "r.md").read_text()


def test_a_report_is_html_or_markdown(tmp_path):
    """A file that says of itself that it is another kind is not written."""
    run = played(tmp_path / "runs").wait()

    with pytest.raises(UsageError, match=r"k\.pdf: reports are \.html or \.md"):
        run.report(tmp_path / "k.pdf")
    assert not (tmp_path / "k.pdf").exists()


@pytest.mark.parametrize("k", ["2", 1.5, None, 0, -1, True])
def test_k_is_a_whole_number_above_zero(k, tmp_path):
    """Anything else is one line that names it, and never advice to run with trials=0."""
    run = played(tmp_path / "runs").wait()

    with pytest.raises(UsageError, match=re.escape(f"k={k!r}: give a whole number above 0")):
        run.passes(k)


def test_a_test_is_exported_with_the_name_that_the_agent_was_given_by(tmp_path, monkeypatch):
    """A name goes into the file; an object has none, and the line says how to give one."""
    (tmp_path / "exported_agents.py").write_text("def good(messages):\n    return 'Done.'\n")
    monkeypatch.syspath_prepend(tmp_path)
    options = {"user_model": ScriptedChat.happy(), "mlflow": False, "journal": tmp_path / "runs", "progress": False}
    named = cs.simulate(CASES, "exported_agents:good", **options).wait()
    written = named.export_test(named.conversations[0].key, tmp_path / "test_it.py").read_text()
    unnamed = played(tmp_path / "runs").wait()

    assert "os.environ.get(\"CONVSIM_AGENT\", 'exported_agents:good')" in written
    with pytest.raises(UsageError, match='give agent="module:name"'):
        unnamed.export_test(unnamed.conversations[0].key, tmp_path / "test_other.py")
    assert not (tmp_path / "test_other.py").exists()


@pytest.mark.parametrize(
    ("check", "said"),
    [(lambda _: 1 / 0, "raised ZeroDivisionError: division by zero"), (lambda _: "no", "returned 'no': it must")],
)
def test_a_goal_check_that_breaks_is_named_and_no_model_is_blamed(check, said, tmp_path):
    """In the failures, the notes and the report's words it is the caller's function."""
    run = played(tmp_path / "runs", goal_check=check).wait()
    (group,) = run.failures()

    assert group.reason.whose == "infrastructure"
    assert group.reason.why.startswith(f"your goal_check {said}")
    assert group.reason.next == "mend that function, and resume the run with it"
    assert "2 of 2 conversations are void and say nothing of the agent: goal_check 2" in run.problems
    assert f"is void (goal_check): your goal_check {said}" in "\n".join(run.problems)
    assert "goal_check failed" in run.report(tmp_path / "r.html").read_text()
