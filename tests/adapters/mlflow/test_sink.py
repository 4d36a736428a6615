"""A run in MLflow: what stands there when it is over, and what happens when the store is not."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import mlflow
import pytest
import yaml
from inline_snapshot import snapshot

from convsim_nb.adapters.mlflow import sink
from convsim_nb.adapters.mlflow.find import find_events, traces_by_session
from convsim_nb.adapters.mlflow.sink import MlflowSink
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.domain.case import TestCase, Withheld
from convsim_nb.domain.conversation import Fired, GoalCheck
from convsim_nb.domain.errors import NotFoundError, StoreError
from convsim_nb.domain.events import RunEnded
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState
from convsim_nb.engine.ports import AgentReply, Finding, UserMove
from tests.adapters.mlflow.playing import answer, cases, content_in, play, until

pytestmark = pytest.mark.usefixtures("ambient")

INDEX = TestCase(
    goal="Know where the index stands",
    case_id="index",
    withheld=Withheld(fact="Markets are closed today", after="the agent shows prices as live"),
    expectations={"says": "that it is Friday's close", "steps": ["look", "say"]},
)


async def index_agent(turn):
    return AgentReply("The index stands at 5,021 right now." if turn.turn == 1 else "Sorry: 5,021 was Friday's close.")


async def index_judge(view):
    """The trigger fires in the first turn, the goal is reached in the second."""
    if view.turn == 1:
        return GoalCheck(reached=False, fired=(Fired(index=0, quote="5,021 right now"),), why="live-looking")
    return GoalCheck(reached=True, evidence="5,021 was Friday's close", why="it says so")


def forward(view, text):
    """A guard that stops the first try of the second message."""
    if view.turn == 2 and not view.refused:
        return (Finding(guard="leak", reason="it gives the fact away"),)
    return ()


async def test_what_was_found_stands_on_the_traces():
    """Goal checks, stopped messages, corrections and the verdict are assessments, each with its evidence."""
    played = await play((INDEX,), index_agent, judge=index_judge, guard=forward)
    run_id, session = played.sink.mlflow_run_id, played.state.conversations[0].session_id
    found = [
        [(a.name, str(a.source.source_type), a.source.source_id, a.value, a.rationale, a.metadata) for a in t]
        for t in (trace.info.assessments for trace in played.traces)
    ]

    assert json.loads(json.dumps(found).replace(run_id, "RUN").replace(session, "SESSION")) == snapshot(
        [
            [
                ["says", "HUMAN", "test case", "that it is Friday's close", None, {"mlflow.trace.session": "SESSION"}],
                ["steps", "HUMAN", "test case", ["look", "say"], None, {"mlflow.trace.session": "SESSION"}],
                [
                    "convsim/goal_reached",
                    "LLM_JUDGE",
                    "scripted-judge",
                    False,
                    "live-looking",
                    {"mlflow.assessment.sourceRunId": "RUN", "turn": "1"},
                ],
                [
                    "convsim/correction",
                    "CODE",
                    "convsim",
                    "needed",
                    "Markets are closed today",
                    {"mlflow.assessment.sourceRunId": "RUN", "turn": "1", "evidence": "5,021 right now"},
                ],
                [
                    "convsim/verdict",
                    "CODE",
                    "convsim",
                    "reached",
                    "it says so",
                    {
                        "mlflow.assessment.sourceRunId": "RUN",
                        "mlflow.trace.session": "SESSION",
                        "stop": "goal_reached",
                        "turns": "2",
                    },
                ],
            ],
            [
                [
                    "convsim/goal_reached",
                    "LLM_JUDGE",
                    "scripted-judge",
                    True,
                    "it says so",
                    {"mlflow.assessment.sourceRunId": "RUN", "turn": "2", "evidence": "5,021 was Friday's close"},
                ],
                [
                    "convsim/guard",
                    "CODE",
                    "convsim",
                    "leak",
                    "it gives the fact away",
                    {"mlflow.assessment.sourceRunId": "RUN", "turn": "2", "text": "Question 2?"},
                ],
            ],
        ]
    )


async def test_the_run_holds_parameters_numbers_and_files(tmp_path):
    """Parameters, metrics, the cases as its dataset, and four files; and MLflow's active run is still nobody's."""
    reports = []

    def report(state):
        reports.append(state.run_id)
        return f"<html>{state.run_name}</html>"

    played = await play(
        cases(3, expectations={"answer": "42"}),
        judge=content_in(2),
        report=report,
        settings={"max_turns": 3, "prompts": {"user": "3"}, "trials": 2},
        started={"tags": {"team": "search"}},
    )
    run = played.client.get_run(played.sink.mlflow_run_id)
    files = {file.path for file in played.client.list_artifacts(run.info.run_id)}
    (dataset,) = run.inputs.dataset_inputs

    assert (run.info.run_name, run.info.status, mlflow.active_run()) == ("my run", "FINISHED", None)
    assert {k: v for k, v in run.data.tags.items() if k.startswith(("convsim", "team", "mlflow.source.git"))} == {
        "convsim.run_id": played.run_id,
        "team": "search",
        "mlflow.source.git.commit": "c0ffee",
    }
    assert run.data.params == snapshot(
        {
            "agent": "my_agent",
            "agent_source_hash": "0123456789ab",
            "git_commit": "c0ffee",
            "user_model": "scripted",
            "judge_model": "scripted-judge",
            "max_turns": "3",
            "trials": "2",
            "concurrency": "20",
            "goal_check": "every_turn",
            "judge_check": "off",
            "guards": "off",
            "script_then": "simulate",
            "loops": "True",
            "agent_history": "full",
            "agent_threads": "False",
            "stateful": "False",
            "agent_timeout": "300.0",
            "prompt.user": "3",
        }
    )
    assert {k: round(v, 4) for k, v in run.data.metrics.items() if not k.startswith("agent_seconds")} == snapshot(
        {
            "reach_rate": 1.0,
            "reach_rate_low": 0.4385,  # of three cases: their two trials all came out alike
            "reach_rate_high": 1.0,
            "conversations": 6.0,
            "reached": 6.0,
            "not_reached": 0.0,
            "void": 0.0,
            "assisted": 0.0,
            "corrections": 0.0,
            "turns_mean": 2.0,
        }
    )
    assert 0 < run.data.metrics["agent_seconds_p50"] <= run.data.metrics["agent_seconds_p95"] < 5
    assert (dataset.dataset.name, json.loads(dataset.dataset.profile)) == ("test_cases", {"num_rows": 3})
    assert files == {"cases.yaml", "events.jsonl", "transcripts.jsonl", "report.html"}
    assert reports == [played.run_id]
    assert text_of(played, "report.html") == "<html>my run</html>"
    assert [TestCase.model_validate(row) for row in yaml.safe_load(text_of(played, "cases.yaml"))] == list(
        played.state.cases.values()
    )
    assert [json.loads(line)["key"] for line in text_of(played, "transcripts.jsonl").splitlines()] == list(
        played.state.by_key
    )


def text_of(played, name):
    uri = played.client.get_run(played.sink.mlflow_run_id).info.artifact_uri
    return mlflow.artifacts.load_text(f"{uri}/{name}")


async def test_a_run_comes_back_from_mlflow_alone():
    """The stored events give an equal state, by our id, by its beginning, and by MLflow's id."""
    played = await play(cases(2), judge=content_in(1))

    for name in (played.run_id, played.run_id[:6], played.sink.mlflow_run_id):
        assert RunState.replay(find_events(name)) == played.state
    assert find_events("no-such-run") is None


async def test_a_beginning_that_fits_two_runs_is_refused():
    """Two runs are never taken for one another."""
    one, two = await play(cases(1)), await play(cases(1))
    for client, run in ((one.client, one.sink.mlflow_run_id), (two.client, two.sink.mlflow_run_id)):
        client.set_tag(run, "convsim.run_id", f"twin-{run}")

    with pytest.raises(NotFoundError, match="'twin-' fits 2 runs: twin-"):
        find_events("twin-")


async def test_a_stopped_run_is_killed_and_keeps_what_was_done():
    """A run that is cut off is KILLED in MLflow; its traces, numbers and files are there."""
    waiting, stop = [], asyncio.Event()

    async def hangs_in_turn_2(turn):
        if turn.turn == 2:
            waiting.append(turn.key)
            if len(waiting) == 2:
                stop.set()
            await asyncio.Event().wait()
        return await answer(turn)

    played = await play(cases(2), hangs_in_turn_2, stop=stop)
    run = played.client.get_run(played.sink.mlflow_run_id)

    assert (run.info.status, run.data.metrics["void"]) == ("KILLED", 2.0)
    assert [str(t.info.state) for t in played.traces] == ["OK", "ERROR"] * 2
    assert "transcripts.jsonl" in {file.path for file in played.client.list_artifacts(run.info.run_id)}


async def test_a_store_that_cannot_be_reached_ends_the_writing_and_not_the_run():
    """The reason is told once, in a line; the run plays to its end, and nothing waits for the store."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{free.getsockname()[1]}"
    start = time.monotonic()
    played = await play(cases(3), where=pin("x", tracking_uri=uri), judge=content_in(2))

    assert len(played.reasons) == 1
    assert played.reasons[0].startswith(f"the tracking store {uri} failed: ")
    assert [c.stop for c in played.state.conversations] == ["goal_reached"] * 3
    assert played.state.conversations[0].trace_ids == ()
    assert time.monotonic() - start < 10


async def test_a_store_that_takes_the_call_and_never_answers_holds_up_neither_the_run_nor_its_end(monkeypatch):
    """A server that stalls is given up after a while without an answer, and said; every turn was played."""
    monkeypatch.setattr(sink, "_FIRST_ANSWER_SECONDS", 0.5)
    with socket.socket() as stalling:
        stalling.bind(("127.0.0.1", 0))
        stalling.listen()
        uri = f"http://127.0.0.1:{stalling.getsockname()[1]}"
        played = await play(cases(3), where=pin("x", tracking_uri=uri), judge=content_in(2))

    assert played.reasons == [f"{uri} has not answered for 0 s"]
    assert [c.stop for c in played.state.conversations] == ["goal_reached"] * 3


async def test_a_failure_before_anybody_listens_is_told_when_somebody_does():
    """Who sets `on_failure` late still hears it, once."""
    played = await play(cases(1), where=pin("987654"))
    late = []
    played.sink.on_failure = late.append

    assert late == played.reasons
    assert "987654" in late[0]


async def test_a_report_that_breaks_is_said_and_the_rest_is_kept():
    """A fault in what comes last does not take the traces and numbers with it; the run is FAILED, not running."""

    def report(state):
        raise ZeroDivisionError("nothing to divide")

    played = await play(cases(1), report=report)
    await until(lambda: played.client.get_run(played.sink.mlflow_run_id).info.status == "FAILED")
    run = played.client.get_run(played.sink.mlflow_run_id)

    assert played.reasons == ["ZeroDivisionError: nothing to divide"]
    assert (run.info.status, run.data.metrics["conversations"], len(played.traces)) == ("FAILED", 1.0, 2)


async def test_a_trace_that_somebody_deleted_costs_its_assessments_alone():
    """An assessment that finds no trace is listed; the others of its batch are stored, and the run to its end."""
    experiment = mlflow.tracking.fluent._active_experiment_id
    deleted = []

    def stored():
        found = mlflow.search_traces(locations=[experiment], return_type="list", include_spans=False)
        return [t for t in found if t.info.tags["mlflow.eval.requestId"] == "case-0#1#1"]

    async def agent(turn):
        if turn.turn == 2 and turn.case.case_id == "case-0":
            (first,) = await until(stored)
            mlflow.MlflowClient().delete_traces(experiment, trace_ids=[first.info.trace_id])
            deleted.append(first.info.trace_id)
        return await answer(turn)

    played = await play(cases(3), agent)
    verdicts = [[a.name for a in t.info.assessments].count("convsim/verdict") for t in played.traces]

    assert played.reasons == []
    assert [problem.partition(":")[0] for problem in played.sink.problems] == [f"convsim/verdict on {deleted[0]}"]
    assert verdicts == [0, 1, 0, 1, 0]
    assert played.client.get_run(played.sink.mlflow_run_id).info.status == "FINISHED"


async def test_scores_stand_on_the_first_trace_of_their_session_and_a_second_takes_its_place():
    """MLflow's place for a session's values: the first trace, with the session's id; means are metrics of the run."""
    played = await play(cases(2))
    one, two = played.state.conversations
    played.sink.log_scores([Score(key=one.key, name="kind", value=0.25), Score(key=two.key, name="kind", value=True)])
    rated = [
        Score(key=one.key, name="kind", value=0.75, rationale="it helps"),
        Score(key=two.key, name="kind", value=None),
    ]
    played.sink.log_scores(rated)
    found = [
        (t.info.tags["mlflow.eval.requestId"], a.value, a.rationale, a.metadata["mlflow.trace.session"], a.valid)
        for t in played.traces
        for a in t.info.assessments
        if a.name == "kind"
    ]

    assert found == [
        ("case-0#1#1", 0.25, None, one.session_id, False),
        ("case-0#1#1", 0.75, "it helps", one.session_id, True),
        ("case-1#1#1", True, None, two.session_id, True),
    ]
    assert played.client.get_run(played.sink.mlflow_run_id).data.metrics["kind/mean"] == 0.75


async def test_a_run_cannot_be_scored_while_it_is_written():
    """Scores need stored traces: asked too early, the error says what to wait for."""
    sink = MlflowSink(pin())
    with pytest.raises(StoreError, match="wait for its end before you score it"):
        sink.log_scores([])
    sink.close()


async def test_nothing_is_said_on_stdout(capsys):
    """Writing a run prints nothing on stdout: that is for results."""
    await play(cases(1))

    assert capsys.readouterr().out == ""


async def test_a_simulation_that_is_at_fault_stands_beside_the_numbers():
    """A conversation whose user broke is void: no trace is needed to say so."""

    async def stubborn(view):
        return UserMove("say", "Markets are closed today")

    def guard(view, text):
        return (Finding(guard="leak", reason="it gives the fact away"),)

    played = await play((INDEX, *cases(1)), user=stubborn, guard=guard)
    metrics = played.client.get_run(played.sink.mlflow_run_id).data.metrics

    assert (metrics["void"], metrics["conversations"]) == (2.0, 2.0)
    assert "reach_rate" not in metrics
    assert played.traces == []


async def test_closing_without_an_end_writes_what_there_is():
    """A sink that is closed in the midst writes what it has heard."""
    played = await play(cases(1))
    heard = find_events(played.run_id)
    sink = MlflowSink(pin())
    for event in heard:
        if not isinstance(event, RunEnded):
            sink(event.model_copy(update={"run_id": "cut"}) if event.kind == "run_started" else event)
    await asyncio.to_thread(sink.close)

    run = played.client.get_run(sink.mlflow_run_id)
    assert (run.info.status, run.data.metrics["conversations"]) == ("KILLED", 1.0)


@pytest.fixture
def server(tmp_path):
    """The URL of a real tracking server on loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    store = [
        "--backend-store-uri",
        f"sqlite:///{tmp_path}/server.db",
        "--artifacts-destination",
        str(tmp_path / "files"),
    ]
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    env = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "MLFLOW_DISABLE_TELEMETRY": "true"}
    env.pop("MLFLOW_TRACKING_URI", None)
    with (tmp_path / "server.log").open("w") as log:
        command = [sys.executable, "-m", "mlflow", "server", *store, *where]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env, cwd=tmp_path, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the server and its worker: nothing of them is needed any more
            process.wait(20)


def wait_for(url, process, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.3)
        else:
            return
    pytest.fail(f"the MLflow server did not start in {seconds} s")


async def test_a_tracking_server_gets_the_same(server):
    """Over HTTP as with a file: run, traces with spans and assessments, files; and the documented query finds them."""

    async def agent(turn):
        with mlflow.start_span("inside"):
            return await answer(turn)

    where = pin("over http", tracking_uri=server)
    played = await play(cases(4, expectations={"answer": "42"}), agent, where=where, judge=content_in(2))
    run = played.client.get_run(played.sink.mlflow_run_id)
    mlflow.set_tracking_uri(server)
    found = mlflow.search_traces(
        locations=[run.info.experiment_id],
        filter_string=f"metadata.`convsim.run_id` = '{played.run_id}'",
        return_type="list",
    )

    assert played.reasons == []
    assert (run.info.status, run.data.metrics["reach_rate"]) == ("FINISHED", 1.0)
    assert len(found) == 8
    assert [[span.name for span in t.data.spans] for t in played.traces] == [["my_agent", "inside"]] * 8
    assert [a.name for a in played.traces[0].info.assessments] == snapshot(
        ["answer", "convsim/goal_reached", "convsim/verdict"]
    )
    assert traces_by_session(played.sink.destination, played.run_id) == {
        c.session_id: list(c.trace_ids) for c in played.state.conversations
    }
    assert RunState.replay(find_events(played.run_id, tracking_uri=server)) == played.state
    played.sink.log_scores([Score(key=c.key, name="kind", value=1.0) for c in played.state.conversations])
    assert played.client.get_run(played.sink.mlflow_run_id).data.metrics["kind/mean"] == 1.0
