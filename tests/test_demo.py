"""`convsim demo`: the whole way, by the command that the README names."""

import json
import os
import shlex
import subprocess
import sys

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.workflow.demo import DemoOutcome
from tests.command_line import command, here  # noqa: F401 - a fixture

CLOSED_MARKET = "hb-4101"
ABOVE_POLICY = "hb-4105"
"""Version 1 refunds the whole fee, which the bank's policy does not allow; version 2 a part of it."""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """The demo's JSON and its folder, from a working folder of its own."""
    folder = tmp_path_factory.mktemp("demo")
    env = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    done = subprocess.run(
        [sys.executable, "-m", "convsim_nb", "demo", "--json", "--out", "out"],
        cwd=folder,
        env={**env, "MLFLOW_DISABLE_TELEMETRY": "true"},
        check=False,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {"out"}, "files beside --out"
    return json.loads(done.stdout), folder / "out", done.stderr


@pytest.fixture(scope="module")
def runs(outcome):
    """The runs of both versions, brought back from their journals."""
    told, out, _ = outcome
    return {run["run_name"]: cs.load_run(run["run_id"], journal=out / "runs") for run in told["runs"]}


def test_all_of_the_way_is_gone(outcome):
    """Sessions, cases, two runs, a report for each: nothing failed on the way, and progress was told live."""
    told, out, progress = outcome

    assert told["sessions"] >= 20
    assert told["problems"] == []
    assert [run["run_name"] for run in told["runs"]] == ["v1", "v2"]
    assert [run["problems"] for run in told["runs"]] == [[], []]
    assert {conversation["verdict"] for run in told["runs"] for conversation in run["conversations"]} <= {
        "reached",
        "not_reached",
    }
    assert all((out / name).stat().st_size > 10_000 for name in ("report-v1.html", "report-v2.html"))
    assert len(cs.load_cases(out / "cases.yaml")) == told["cases"]
    assert "rule-based stand-in, not a language model" in progress


def test_the_closed_market_fault_shows_with_v1_alone(runs):
    """v1 gives live-looking levels on a Saturday: the user's fact is released then, and counted. v2 says closed."""
    (faulty,), (mended,) = runs["v1"][CLOSED_MARKET], runs["v2"][CLOSED_MARKET]

    assert faulty.corrections == 1
    assert "Saturday" in faulty.released[0].fact
    assert faulty.released[0].quote in " ".join(m.content for m in faulty.messages if m.role == "assistant")
    assert (mended.corrections, mended.released, mended.verdict) == (0, (), "reached")
    said = [m.content for m in faulty.messages if m.role == "user"]
    assert "Saturday" not in said[0]
    assert "Saturday" in said[1]


def test_the_mended_agent_needs_fewer_corrections(runs):
    """The numbers of the two runs tell the versions apart; v1 reaches nothing more but what it may not give."""
    assert runs["v2"].summary.corrections < runs["v1"].summary.corrections
    reached = {name: {c.case_id for c in run.conversations if c.verdict == "reached"} for name, run in runs.items()}
    assert reached["v1"] - reached["v2"] <= {ABOVE_POLICY}


def test_mlflow_holds_the_run_its_sessions_and_their_source(outcome, runs):
    """By documented queries: a run with metrics, one trace a turn grouped in sessions, lineage to the recording."""
    told, out, _ = outcome
    client, run = mlflow.MlflowClient(f"sqlite:///{out}/mlflow.db"), runs["v1"]
    kept = client.get_run(told["runs"][0]["mlflow_run_id"])
    assert kept.data.metrics["reached"] == run.summary.reached
    assert kept.data.metrics["turns_to_goal/mean"] >= 1
    assert {file.path for file in client.list_artifacts(kept.info.run_id)} >= {
        "cases.yaml",
        "events.jsonl",
        "report.html",
        "transcripts.jsonl",
    }

    (conversation,) = run[CLOSED_MARKET]
    traces = client.search_traces(
        locations=[kept.info.experiment_id],
        filter_string=f"metadata.`mlflow.trace.session` = '{conversation.session_id}'",
        order_by=["timestamp_ms ASC"],
    )
    assert tuple(trace.info.trace_id for trace in traces) == conversation.trace_ids
    about = traces[0].info.trace_metadata
    assert about["convsim.source_session"] == CLOSED_MARKET
    assert about["convsim.run_id"] == run.run_id
    assert "convsim/correction" in {assessment.name for assessment in traces[0].info.assessments}


def test_the_printed_commands_can_be_pasted(tmp_path):
    """Also from a folder with a space in its name; one of them lists the demo's runs."""
    out = tmp_path / "my demo"
    outcome = DemoOutcome(out, f"sqlite:///{out}/mlflow.db", (), cs.CaseSet(), (), ())
    commands = [shlex.split(line, comments=True) for line in outcome.lines() if line.startswith("  ")]

    assert ["mlflow", "ui", "--backend-store-uri", f"sqlite:///{out}/mlflow.db"] in commands
    assert ["convsim", "run", str(out / "cases.yaml")] in [command[:3] for command in commands]
    assert ["convsim", "runs", "--journal", str(out / "runs")] in commands


def test_a_tracking_uri_in_the_environment_is_obeyed(tmp_path):
    """Traces go to the named store, files to --out."""
    store = f"sqlite:///{tmp_path}/elsewhere.db"
    done = subprocess.run(
        [sys.executable, "-m", "convsim_nb", "demo", "--out", "out", "--quiet"],
        cwd=tmp_path,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_TRACKING_URI": store},
        check=False,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "out" / "mlflow.db").exists()
    assert f"mlflow ui --backend-store-uri {store}" in done.stdout
    lines = done.stdout.splitlines()
    ids = sorted(folder.name for folder in (tmp_path / "out" / "runs").iterdir())
    assert any(line.startswith(f"  convsim compare {ids[0]} {ids[1]} --journal ") for line in lines)
    journal = tmp_path / "out" / "runs"
    over_all = "What differs between the two versions of the agent, over all cases:"
    at = lines.index(over_all) + 1
    said = cs.compare(*ids[:2], journal=journal).sentences
    assert lines[at : at + len(said)] == [f"- {one}" for one in said]
    assert any("faults that the user came to correct" in one for one in said)
    assert lines[-3:] == [
        "8 cases were written for that fault, and played with both versions:",
        "- v1 had to be corrected 1.00 times a conversation, v2 0.00 times, over 8 cases: p = .008",
        "- the goal was reached in 100% with v1, 100% with v2: a rate alone does not show who had to object first",
    ]
    assert len(mlflow.MlflowClient(store).search_runs(["1"])) == len(ids) == 4


def test_the_fault_is_shown_by_cases_of_its_own(outcome):
    """Eight cases of a Saturday: version 1 is corrected in each, version 2 in none, and that is no accident."""
    told, _, _ = outcome
    rows = {row["metric"]: row for row in told["targeted"]["metrics"]}

    assert (rows["corrections"]["first"], rows["corrections"]["second"], rows["corrections"]["cases"]) == (1.0, 0.0, 8)
    assert rows["corrections"]["p"] < 0.01


def test_a_file_in_the_place_of_the_folder_is_one_line(here):  # noqa: F811
    """Exit code 2, and the flag by its name."""
    code, out, err = command("demo", "--out", "cases.yaml")

    assert (code, out) == (2, "")
    assert err == "convsim: --out 'cases.yaml' is no folder that can be written: File exists: name another\n"
