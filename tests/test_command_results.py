"""`convsim compare`, `report` and `gate`: what they print, write, and how they exit."""

import json

import pytest

from tests.servers import OpenAIServer, Status
from tests.test_command import convsim, folder, run  # noqa: F401 - a fixture


def ids(folder):  # noqa: F811
    """The runs, the oldest first."""
    return sorted(path.name for path in (folder / ".convsim/runs").iterdir())


def test_two_runs_are_compared_and_reported(folder):  # noqa: F811
    """Words and a table, or one JSON document; a report as Markdown."""
    run(folder, "--run-name", "v1")
    run(folder, "--run-name", "v2", "--max-turns", "2", agent="agents:acknowledges")
    one, two = ids(folder)
    code, _, err = convsim(folder, "compare", one, two)
    assert (code, "not the agent alone differs: --max-turns is 10" in err) == (2, True)

    code, out, _ = convsim(folder, "compare", one, two, "--force", "--json")
    found = json.loads(out)
    assert (code, found["metrics"][0]["metric"], found["metrics"][0]["difference"]) == (0, "reach rate", -1.0)
    assert [case["case_id"] for case in found["changed"]] == ["kettle", "parcel"]

    code, out, _ = convsim(folder, "report", two, "--out", "v2.md")
    assert (code, out.strip()) == (0, "v2.md")
    assert (folder / "v2.md").read_text().startswith("# v2")


def test_a_gate_exits_by_its_outcome_and_writes_for_ci(folder):  # noqa: F811
    """Inconclusive is 4, and 0 where that is allowed; JUnit's XML is written anew, a summary is added to."""
    run(folder, "--max-turns", "2")
    (baseline,) = ids(folder)
    given = ("gate", "cases.yaml", "--agent", "agents:acknowledges", "--baseline", baseline, "--no-mlflow")
    code, out, err = convsim(folder, *given, "--junit", "out/gate.xml", "--summary", "summary.md")
    allowed, _, _ = convsim(
        folder, *given, "--allow-inconclusive", "--junit", "out/gate.xml", "--summary", "summary.md"
    )

    assert (code, allowed) == (4, 0), err
    assert out.startswith("inconclusive: ")
    assert (folder / "out/gate.xml").read_text().count("<testsuites>") == 1
    assert (folder / "summary.md").read_text().count("### ❔ convsim gate: inconclusive") == 2
    assert convsim(folder, *given[:4], "--baseline", "nix", "--no-mlflow")[0] == 2


@pytest.mark.parametrize(
    "command", [("gate", "cases.yaml", "--no-mlflow", "--baseline"), ("resume", "--no-mlflow")], ids=["gate", "resume"]
)
def test_scorers_are_looked_up_before_anything_is_played(folder, command):  # noqa: F811
    """Exit code 2, one line, and no conversation is begun: neither for a gate nor for a run that is taken up."""
    run(folder)
    (known,) = ids(folder)
    before = sorted(path.stat().st_mtime_ns for path in (folder / ".convsim" / "runs").glob("*/events.jsonl"))
    code, out, err = convsim(folder, *command, known, "--agent", "agents:acknowledges", "--score", "nosuch")

    assert (code, out) == (2, "")
    assert "convsim: no scorer 'nosuch': ours are" in err
    assert len(err.strip().splitlines()) == 1
    assert sorted(p.stat().st_mtime_ns for p in (folder / ".convsim" / "runs").glob("*/events.jsonl")) == before


def test_a_scorer_that_fails_is_named_and_the_exit_code_is_that_of_the_run(folder, monkeypatch):  # noqa: F811
    """A judge whose key is refused: the other score stands, one line says how often and why, and the code is 0."""
    with OpenAIServer(Status(401, "Incorrect API key provided")) as server:
        for name, value in {"OPENAI_API_KEY": "none", "MLFLOW_MODEL_CATALOG_URI": "", "CI": "1"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        asked = ("run", "cases.yaml", "--agent", "agents:answers", "--user-model", "demo:/rules", "--quiet", "--json")
        code, out, err = convsim(folder, *asked, "--score", "turns_to_goal", "ConversationCompleteness")

    told = json.loads(out)
    assert code == 0, err
    assert [score["value"] for score in told["scores"] if score["name"] == "turns_to_goal"] == [1, 1]
    (line,) = [line for line in err.splitlines() if line.startswith("convsim: ")]
    assert line.startswith("convsim: scorer conversation_completeness failed 2 of 2 times: ")
    assert "Incorrect API key" in line
    assert line.removeprefix("convsim: ") in told["problems"]
