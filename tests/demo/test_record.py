"""Recording the built-in sessions: the traces that a traced agent would have left, each turn once."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import signal
import socket
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from datetime import datetime

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.demo import record_sessions, support_agent_v1
from convsim_nb.demo.sessions import built_in_sessions, turns_of
from convsim_nb.domain.errors import StoreError

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints, and swallows what that raises
    import mlflow.pyfunc.context

ROWS = {row["session_id"]: row for row in built_in_sessions()}
TURNS = sum(len(turns_of(row["messages"])) for row in ROWS.values())


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A SQLite store with the sessions recorded in it, while MLflow's current store is another one."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('recorded')}/mlflow.db"
    assert record_sessions(tracking_uri=uri) == tuple(ROWS)
    return uri


@pytest.fixture
def ambient(store):
    """The same store as MLflow's current one."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store)
    yield store
    mlflow.set_tracking_uri(before)


def traces_in(uri, experiment="convsim-demo"):
    """The traces of an experiment with their spans, oldest first."""
    client = mlflow.MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(experiment).experiment_id
    return list(client.search_traces(locations=[place], max_results=500, order_by=["timestamp_ms ASC"]))


def of_session(traces, session_id):
    return [trace for trace in traces if trace.info.trace_metadata["mlflow.trace.session"] == session_id]


def as_said(row):
    """Role, text and tool calls of each message of a session's row, tool messages folded into the answer."""
    folded = []
    for asked, *told in turns_of(row["messages"]):
        calls = [call["function"]["name"] for message in told for call in message.get("tool_calls", ())]
        folded += [("user", asked["content"], []), ("assistant", told[-1]["content"], calls)]
    return folded


def test_each_message_is_read_back_once(ambient):
    """Every turn's trace repeats the history; read as sessions, each message and each tool call is there once."""
    found = {session.id: session for session in cs.search_sessions(experiment="convsim-demo")}

    assert found.keys() == ROWS.keys()
    for session_id, session in found.items():
        said = [(m.role, m.content, [call.name for call in m.tool_calls]) for m in session.messages]
        assert said == as_said(ROWS[session_id])
        assert session.started_at == datetime.fromisoformat(ROWS[session_id]["started_at"])
        assert not session.simulated


def test_a_turn_is_a_trace_of_an_agent(store):
    """One trace a turn, in turn order: inputs repeat the whole history, the answer stands last in the outputs."""
    traces = traces_in(store)
    assert len(traces) == TURNS

    for session_id, row in ROWS.items():
        history = []
        turns = turns_of(row["messages"])
        for trace, (asked, *told) in zip(of_session(traces, session_id), turns, strict=True):
            root = trace.data.spans[0]
            history.append(asked)
            assert (root.span_type, root.inputs) == ("AGENT", {"messages": history})
            assert trace.info.trace_metadata["mlflow.trace.user"] == row["user"]
            assert trace.info.response_preview == told[-1]["content"]
            assert "mlflow.sourceRun" not in trace.info.trace_metadata
            history += told


def test_tool_calls_are_spans_inside_their_turn(store):
    """Each call is a TOOL span with arguments and result, in order, within the time of its turn."""
    calls = [trace for trace in of_session(traces_in(store), "hb-4101") if len(trace.data.spans) > 1]
    root, *tools = calls[1].data.spans

    assert [(tool.name, tool.span_type) for tool in tools] == [
        ("get_market_status", "TOOL"),
        ("get_closing_levels", "TOOL"),
    ]
    assert tools[1].inputs == {"indices": ["DAX", "EURO STOXX 50"]}
    assert tools[1].outputs["date"] == "2026-03-13"
    assert root.start_time_ns < tools[0].start_time_ns < tools[0].end_time_ns <= tools[1].start_time_ns
    assert tools[1].end_time_ns < root.end_time_ns


def test_recording_again_adds_only_what_is_missing(store):
    """A second recording writes nothing; a turn that got lost is written again, at its old time."""
    client = mlflow.MlflowClient(tracking_uri=store)
    before = traces_in(store)
    lost = of_session(before, "hb-4112")[1]
    times = sorted(trace.info.request_time for trace in before)

    record_sessions(tracking_uri=store)
    assert {trace.info.trace_id for trace in traces_in(store)} == {trace.info.trace_id for trace in before}

    client.delete_traces(lost.info.experiment_id, trace_ids=[lost.info.trace_id])
    record_sessions(tracking_uri=store)
    assert sorted(trace.info.request_time for trace in traces_in(store)) == times


def test_what_is_current_in_mlflow_stays_so(ambient):
    """An open span and an active run take no part, and the current store and experiment are the same afterwards."""
    mlflow.set_experiment("somebody-else")
    with mlflow.start_run(), mlflow.start_span("theirs") as span:
        record_sessions(experiment="apart")
    mlflow.flush_trace_async_logging()
    recorded = traces_in(ambient, "apart")
    theirs = traces_in(ambient, "somebody-else")

    assert mlflow.get_tracking_uri() == ambient
    assert len(recorded) == TURNS
    assert [trace.info.trace_id for trace in theirs] == [span.trace_id]
    assert len(theirs[0].data.spans) == 1


def test_a_store_that_is_not_there_is_named():
    """A server that refuses is one line with its address, at once."""
    with pytest.raises(StoreError, match=r"http://127\.0\.0\.1:9 failed: .* set MLFLOW_TRACKING_URI to another"):
        record_sessions(tracking_uri="http://127.0.0.1:9")


def test_switched_off_tracing_is_named(store):
    """Without tracing nothing would be written: that is an error, not an empty experiment."""
    mlflow.tracing.disable()
    try:
        with pytest.raises(StoreError, match="tracing is switched off"):
            record_sessions(tracking_uri=store, experiment="untraced")
    finally:
        mlflow.tracing.enable()


def test_a_live_agent_s_tools_are_spans_of_whoever_called_it(ambient):
    """Under the caller's span the tools of the last turn are its children; with none open they leave no trace."""
    mlflow.set_experiment("live")
    said = [
        {"role": "user", "content": text} for text in ("How much is in my savings?", "ACC-4417", "and in ACC-2094?")
    ]
    support_agent_v1(said)
    with mlflow.start_span("turn", span_type="AGENT"):
        support_agent_v1(said)
    mlflow.flush_trace_async_logging()
    (trace,) = traces_in(ambient, "live")

    assert [(span.name, span.span_type) for span in trace.data.spans] == [
        ("turn", "AGENT"),
        ("find_account", "TOOL"),
        ("get_balance", "TOOL"),
    ]
    assert trace.data.spans[2].outputs == {"account": "ACC-2094", "kind": "savings", "balance": 3205.0}


@pytest.mark.full
def test_a_server_takes_them_too(tmp_path):
    """With `mlflow server` on loopback the same sessions are written and read back over HTTP."""
    with _server(tmp_path) as uri:
        record_sessions(tracking_uri=uri)
        record_sessions(tracking_uri=uri)
        assert len(traces_in(uri)) == TURNS
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(uri)
        try:
            found = cs.search_sessions(experiment="convsim-demo")
        finally:
            mlflow.set_tracking_uri(before)
    for session in found:
        assert [(m.role, m.content) for m in session.messages] == [pair[:2] for pair in as_said(ROWS[session.id])]


@contextmanager
def _server(folder):
    """`mlflow server` on a free port of loopback, for the length of a block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    kept = ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "files")]
    command = [sys.executable, "-m", "mlflow", "server", *where, *kept]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    with subprocess.Popen(command, cwd=folder, **quiet) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def _wait_for(port, seconds=90):
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return
