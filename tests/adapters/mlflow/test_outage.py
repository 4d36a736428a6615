"""A tracking server that goes away in the middle of a run, and comes back: no turn is lost, `push` completes MLflow."""

import os
import signal
import socket
import subprocess
import sys
import time

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.adapters.mlflow.find import traces_by_session
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.testing import ScriptedChat
from tests.adapters.mlflow.test_sink import wait_for

pytestmark = pytest.mark.full
CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(40)]


class Server:
    """A real tracking server on loopback, that can be killed and started again where it was."""

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        store = f"sqlite:///{self.folder}/server.db"
        files = ["--artifacts-destination", str(self.folder / "files")]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        env = {**os.environ, **quiet, "MLFLOW_DISABLE_TELEMETRY": "true"}
        env.pop("MLFLOW_TRACKING_URI", None)
        with (self.folder / "server.log").open("a") as log:
            command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, *files, *where]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=env, cwd=self.folder, start_new_session=True
            )
        wait_for(f"{self.url}/health", self.process)

    def kill(self):
        """At once, its worker too."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.process = None


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The server, running; MLflow's own client gives up on it in seconds, not in minutes."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    server, before = Server(tmp_path), mlflow.get_tracking_uri()
    server.start()
    mlflow.set_tracking_uri(server.url)
    try:
        yield server
    finally:
        server.kill()
        mlflow.set_tracking_uri(before)


async def agent(messages):
    import asyncio

    await asyncio.sleep(0.1)
    return f"It is done {len(messages)}."


@pytest.mark.timeout(300)
def test_a_server_that_is_killed_and_comes_back_has_everything_after_a_push(server, tmp_path):
    """The run goes on to its end, says once that the store failed, and what it lacks there is brought, once."""
    options = {"user_model": ScriptedChat.happy(turns=4), "progress": False, "journal": tmp_path / "runs"}
    run = cs.simulate(CASES, agent, concurrency=5, experiment="outage", **options)
    patience = time.monotonic() + 60
    while sum(c.stop is not None for c in run.conversations) < 15 and time.monotonic() < patience:
        time.sleep(0.02)
    server.kill()
    run.wait(120)

    assert [c.stop for c in run.conversations] == ["goal_reached"] * 40
    assert [len(c.messages) for c in run.conversations] == [8] * 40
    assert [problem.partition(" stopped")[0] for problem in run.problems] == ["mlflow"]

    server.start()
    to = pin("outage").reach()
    there = sum(map(len, traces_by_session(to, run.run_id).values()))
    first = cs.push(run.run_id, journal=tmp_path / "runs")
    second = cs.push(run)

    assert 0 < there < 160
    assert (first.traces_there, first.traces_there + first.traces_made) == (first.traces_there, 160)
    assert (second.traces_made, second.traces_there, second.assessments_made) == (0, 160, 0)
    client = to.client
    found = client.get_run(first.mlflow_run_id)
    assert (found.info.status, found.data.metrics["reached"]) == ("FINISHED", 40.0)
    by_session = traces_by_session(to, run.run_id)
    known = {c.session_id: list(c.trace_ids) for c in run.conversations}
    assert {session: len(ids) for session, ids in by_session.items()} == dict.fromkeys(known, 4)
    assert all(ids[: len(known[session])] == known[session] for session, ids in by_session.items())

    page = client.search_traces(locations=[to.experiment_id], max_results=160)
    names = [[a.name for a in trace.info.assessments] for trace in page]
    assert [len(trace.data.spans) for trace in page] == [1] * 160
    assert [each.count("convsim/goal_reached") for each in names] == [1] * 160
    assert sum(each.count("convsim/verdict") for each in names) == 40
