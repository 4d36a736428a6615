"""The report of a run, alone and beside another version, through the door that users take."""

import re
from pathlib import Path

import mlflow
import pytest
from mlflow.genai import scorer

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat
from tests.adapters.mlflow.conftest import ambient, store  # noqa: F401 - fixtures

CASES = [cs.TestCase(goal=f"Find out about matter {n}", case_id=f"case-{n}") for n in range(4)]


def played(folder, *, good, name, **options):
    """A run in which the agent is right about the cases named, from its second reply on."""

    def agent(messages):
        said = messages[0]["content"]
        right = len(messages) > 2 and any(f"matter {n}." in said for n in good)
        return f"Answer {len(messages)}: {'yes' if right else 'no'}"

    def says(request):
        goal = re.search(r"matter \d", " ".join(message.content for message in request.messages))
        return {"action": "say", "text": f"{goal[0]}. Part {len(request.messages)}", "because": ""}

    return cs.simulate(
        CASES,
        agent,
        user_model=ScriptedChat(says, name="scripted"),
        goal_check=lambda conversation: conversation.messages[-1].content.endswith("yes"),
        max_turns=2,
        guards="off",
        progress=False,
        journal=folder,
        run_name=name,
        **options,
    ).wait()


@pytest.fixture
def versions(ambient, tmp_path):  # noqa: F811
    """v1 passes cases 0 and 1, v2 passes 0 and 2; none passes 3. v2 is scored by turn, in MLflow."""

    @scorer
    def says_yes(outputs):
        return "yes" in str(outputs)

    one = played(tmp_path / "runs", good={0, 1}, name="v1", mlflow=False)
    two = played(tmp_path / "runs", good={0, 2}, name="v2")
    two.evaluate([says_yes, "corrections"])
    return one, two


def stored(run, name):
    """A file of the run, as MLflow has it."""
    return Path(mlflow.MlflowClient().download_artifacts(run.mlflow_run_id, name)).read_text()


def test_a_report_beside_another_version(versions, tmp_path):
    """Comparison, matrix, changed cases side by side, reasons over both versions, scores of turns under their turn."""
    one, two = versions
    html = two.report(tmp_path / "v2.html", beside=[one]).read_text()
    words = " ".join(re.sub("<[^>]*>", " ", html).split())

    assert "v2 reached the goal in 50 %, v1 in 50 %: no difference is shown" in words
    assert "case-1 Find out about matter 1 ✓ 1 of 1 ✗ 0 of 1" in words
    assert "1 more case, passed by every version in every trial: case-0" in words
    assert "First difference, turn 2: the agent answers otherwise" in words
    assert "case no version passes it 1" in words
    assert words.count("Goal check: not reached ✗ says_yes: no") >= 4  # the first turn of each case
    assert words.count("✓ says_yes: yes") == 3  # the two that were reached, and the changed one side by side
    assert "says_yes mean 0.25 of 4" in words
    assert "<script" not in html
    assert stored(two, "comparison.html") == html
    assert "says_yes" in stored(two, "report.html")


def test_the_same_as_markdown(versions, tmp_path):
    """For a pull request: the comparison's numbers, the matrix, the reasons with the next step, the scores."""
    one, two = versions
    text = two.report(tmp_path / "v2.md", beside=[one]).read_text()

    assert "## v2 against v1" in text
    assert "| reach rate | 50 % | 50 % | \\+0 points | " in text
    assert "| Test case | v1 | v2 |" in text
    assert "| case-1 | ✓ 1 of 1 | ✗ 0 of 1 |" in text
    assert "| case | no version passes it | 1 | case-3/agent/1 | " in text
    assert "| says\\_yes | mean 0.25 of 4 |" in text
    assert stored(two, "comparison.md") == text
