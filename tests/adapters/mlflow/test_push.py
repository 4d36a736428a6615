"""`push`: what MLflow did not get is brought to it from the journal, once."""

import json

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.adapters.mlflow.find import traces_by_session
from convsim_nb.adapters.mlflow.recorded import FROM_JOURNAL
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.testing import AgentDown, ScriptedAgent, ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")
CASES = [
    {"goal": "Goal 0", "case_id": "case-0", "expectations": {"says": "done"}, "context": {"customer": 7}},
    {"goal": "Goal 1", "case_id": "case-1", "persona": "You are brief."},
    {"goal": "Break it", "case_id": "case-2"},
]
LIVE = "It is live."


def agent(messages, customer=0):
    """Answers with tool calls in the second turn, and fails where it is told to."""
    if messages[0]["content"] == "Break it":
        raise AgentDown("500")
    if len(messages) > 1:
        call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
        done = {"role": "tool", "tool_call_id": "c1", "content": "found"}
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        said = {"role": "assistant", "content": f"It is done {customer}."}
        return {"messages": [{"role": "assistant", "content": "", "tool_calls": [call]}, done, said], "usage": usage}
    return LIVE


def played(tmp_path, **options):
    given = {"user_model": ScriptedChat.happy(turns=2), "progress": False, "journal": tmp_path, **options}
    return cs.simulate(CASES, agent, **given).wait(60)


def stored(run_id):
    """What MLflow shows of a run's traces: everything but ids, sources, sizes and places."""
    found = mlflow.search_traces(filter_string=f"metadata.`convsim.run_id` = '{run_id}'", return_type="list")
    shown = []
    for trace in found:
        info, (root, *_) = trace.info, trace.data.spans
        metadata = {k: v for k, v in info.trace_metadata.items() if k.startswith(("mlflow.simulation", "convsim.c"))}
        tokens = info.trace_metadata.get("mlflow.trace.tokenUsage")
        shown.append(
            {
                "tags": {name: info.tags[name] for name in ("mlflow.eval.requestId", "mlflow.traceName")},
                "metadata": metadata,
                "tokens": tokens and json.loads(tokens),
                "state": str(info.state),
                "preview": (info.request_preview, info.response_preview),
                "root": (root.name, root.span_type, str(root.status.status_code), root.inputs, root.outputs),
                "found": sorted((a.name, str(a.value), a.rationale or "") for a in info.assessments),
            }
        )
    return sorted(shown, key=lambda each: each["tags"]["mlflow.eval.requestId"])


def test_a_run_that_was_not_written_to_mlflow_looks_there_as_if_it_had(tmp_path):
    """Sessions, traces, findings, numbers and files are those of a run that was written while it played."""
    written = played(tmp_path / "a", run_name="same")
    kept = played(tmp_path / "b", run_name="same", mlflow=False, experiment=None)
    kept.evaluate(["turns_to_goal"])
    written.evaluate(["turns_to_goal"])
    pushed = cs.push(kept)
    client = mlflow.MlflowClient()
    one, other = client.get_run(written.mlflow_run_id), client.get_run(pushed.mlflow_run_id)

    assert (pushed.run_made, pushed.traces_there, pushed.traces_made) == (True, 0, 5)
    assert stored(kept.run_id) == stored(written.run_id)
    assert other.data.params == one.data.params
    timed = {"agent_seconds_p50", "agent_seconds_p95"}
    same = {name: value for name, value in one.data.metrics.items() if name not in timed}
    assert {name: value for name, value in other.data.metrics.items() if name not in timed} == same
    assert [f.path for f in client.list_artifacts(other.info.run_id)] == [
        f.path for f in client.list_artifacts(one.info.run_id)
    ]
    assert (other.info.status, other.info.experiment_id) == ("FINISHED", one.info.experiment_id)
    assert other.inputs.dataset_inputs[0].dataset.digest == one.inputs.dataset_inputs[0].dataset.digest
    assert kept.mlflow_run_id == pushed.mlflow_run_id


def test_a_pushed_trace_has_its_true_time(tmp_path):
    """Start and duration are the turn's own, not those of the push; the run's are those of the run."""
    run = played(tmp_path, mlflow=False)
    pushed = cs.push(run)
    state, begun = run.state, run.state.started_at.timestamp()
    of_run = mlflow.MlflowClient().get_run(pushed.mlflow_run_id).info
    found = mlflow.search_traces(filter_string=f"metadata.`convsim.run_id` = '{run.run_id}'", return_type="list")

    assert begun <= of_run.start_time / 1000 + 0.001
    assert of_run.end_time / 1000 == pytest.approx(begun + state.at, abs=0.01)
    for trace in found:
        assert begun - 0.01 <= trace.info.request_time / 1000
        assert (trace.info.request_time + trace.info.execution_duration) / 1000 <= begun + state.at + 0.01
        assert trace.info.trace_metadata[FROM_JOURNAL] == "true"
        root = trace.data.spans[0]
        assert (root.end_time_ns - root.start_time_ns) / 1e6 == pytest.approx(trace.info.execution_duration, abs=2)


def test_a_second_push_brings_nothing(tmp_path):
    """Called twice, everything stands there once: traces, findings, scores, numbers."""
    run = played(tmp_path, mlflow=False)
    run.evaluate(["turns_to_goal"])
    first = cs.push(run)
    before = stored(run.run_id)
    second = cs.push(run)

    assert (second.mlflow_run_id, second.run_made) == (first.mlflow_run_id, False)
    assert (second.traces_made, second.traces_there, second.assessments_made) == (0, 5, 0)
    assert stored(run.run_id) == before
    history = mlflow.MlflowClient().get_metric_history(first.mlflow_run_id, "reached")
    assert [point.value for point in history] == [2.0]


def test_what_is_missing_is_made_and_what_is_there_stays(tmp_path):
    """Of a run that was half written: lost traces come back under their ids, lost findings too, the rest untouched."""
    run = played(tmp_path)
    client, to = mlflow.MlflowClient(), pin().reach()
    whole, ids = stored(run.run_id), traces_by_session(to, run.run_id)
    (first, second) = run.conversation("case-0/agent/1").trace_ids
    lost = (second, *run.conversation("case-2/agent/1").trace_ids)
    client.delete_traces(to.experiment_id, trace_ids=list(lost))
    verdict = next(a for a in client.get_trace(first).info.assessments if a.name == "convsim/verdict")
    to.tracing.delete_assessment(first, verdict.assessment_id)
    client.set_terminated(run.mlflow_run_id, "FAILED")
    pushed = cs.push(run.run_id, journal=tmp_path)

    assert (pushed.mlflow_run_id, pushed.run_made) == (run.mlflow_run_id, False)
    assert (pushed.traces_made, pushed.traces_there) == (2, 3)
    assert stored(run.run_id) == whole
    assert traces_by_session(to, run.run_id) == ids
    assert FROM_JOURNAL not in client.get_trace(first).info.trace_metadata
    assert client.get_run(run.mlflow_run_id).info.status == "FINISHED"


def test_a_correction_that_an_earlier_version_wrote_stands_once(tmp_path):
    """What stands as True on an older run's trace is the same as what is written now, which reads as no pass."""
    case = {"goal": "Refund", "case_id": "c", "withheld": [{"fact": "It is closed", "after": "claims to be open"}]}
    chat = ScriptedChat(judge=({"reached": False, "fired": [{"trigger": 0, "quote": "open"}]}, {"reached": False}))
    options = {"user_model": chat, "max_turns": 2, "guards": "off", "progress": False, "journal": tmp_path}
    run = cs.simulate([case], ScriptedAgent(otherwise="We are open."), **options).wait(30)
    tracing, first = pin().reach().tracing, run.conversations[0].trace_ids[0]

    def corrections():
        return [a for a in mlflow.get_trace(first).info.assessments if a.name == "convsim/correction"]

    (now,) = corrections()
    assert (now.value, now.rationale) == ("needed", "It is closed")
    tracing.delete_assessment(first, now.assessment_id)
    now.feedback.value, now.assessment_id = True, None
    tracing.log_assessment(first, now)
    cs.push(run)
    assert [one.value for one in corrections()] == [True]


def test_a_trace_without_its_spans_gets_them(tmp_path):
    """Where the connection broke between a trace's record and its spans, the spans are made; the record is one."""
    run = played(tmp_path, mlflow=False)
    cs.push(run)
    whole, to = stored(run.run_id), pin().reach()
    (victim, *_) = mlflow.search_traces(filter_string="tags.`mlflow.eval.requestId` = 'case-0#1#1'", return_type="list")
    mlflow.MlflowClient().delete_traces(to.experiment_id, trace_ids=[victim.info.trace_id])
    for name in ("mlflow.trace.spansLocation", "mlflow.artifactLocation"):
        victim.info.tags.pop(name)
    for assessment in victim.info.assessments:
        assessment.assessment_id = None  # the deleted one's
    to.tracing.start_trace(victim.info)
    pushed = cs.push(run)

    assert (pushed.traces_made, pushed.traces_there, pushed.assessments_made) == (1, 4, 0)
    assert stored(run.run_id) == whole


def test_traces_of_older_attempts_are_marked(tmp_path):
    """A conversation that was begun anew after a stop counts once, pushed or not."""
    calls = []

    def slow(messages):
        calls.append(messages)
        if len(calls) == 2:
            run.stop()
        return "It is done."

    options = {"user_model": ScriptedChat.happy(turns=3), "progress": False, "journal": tmp_path}
    run = cs.simulate([{"goal": "g", "case_id": "c"}], slow, **options)
    run.wait(30)
    old = run.conversations[0].session_id
    again = cs.resume(run, agent=slow, force=True, mlflow=False, **options).wait(30)
    cs.push(again)

    assert set(traces_by_session(pin().reach(), run.run_id)) == {again.conversations[0].session_id} != {old}
    assert again.mlflow_run_id == run.mlflow_run_id


def test_a_trace_of_the_agents_own_is_no_turn_of_ours(tmp_path):
    """An agent that names a trace of its own keeps it: the turn's trace gets an id of its own."""

    def traces_itself(messages):
        with mlflow.start_span("own") as span:
            span.set_outputs("mine")
        return {"response": "It is done.", "trace_id": span.trace_id}

    options = {"user_model": ScriptedChat.happy(), "progress": False, "journal": tmp_path, "mlflow": False}
    run = cs.simulate([{"goal": "g", "case_id": "c"}], traces_itself, **options).wait(30)
    mlflow.flush_trace_async_logging()
    pushed = cs.push(run)

    assert pushed.traces_made == 1
    (ids,) = traces_by_session(pin().reach(), run.run_id).values()
    assert ids != list(run.conversations[0].trace_ids)


@pytest.mark.parametrize("ending", [None, b'{"kind":"message_se'])
def test_a_run_whose_process_died_is_pushed_as_killed(tmp_path, ending):
    """What was played stands in MLflow, with the status of a run that did not come to its end."""
    run = played(tmp_path, mlflow=False)
    path = run.folder / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-3]) + (ending or b""))
    pushed = cs.push(run.run_id, journal=tmp_path)

    assert mlflow.MlflowClient().get_run(pushed.mlflow_run_id).info.status == "KILLED"
    assert pushed.traces_made >= 4


def test_what_cannot_be_pushed_is_refused(tmp_path, monkeypatch):
    """A run that plays, one without a journal, one that is not there: one line each."""
    monkeypatch.chdir(tmp_path)
    options = {"user_model": ScriptedChat(), "progress": False, "mlflow": False}
    bare = cs.simulate(CASES[1:2], ScriptedAgent(), max_turns=1, journal=False, **options).wait(10)
    with pytest.raises(cs.ConvsimError, match="keeps no journal that it could be pushed from"):
        cs.push(bare)
    with pytest.raises(cs.ConvsimError, match="no run '1999'"):
        cs.push("1999")
    run = cs.simulate(CASES[1:2], ScriptedAgent(), journal=tmp_path, **options)
    run.pause()
    with pytest.raises(cs.ConvsimError, match="is playing: wait for its end, or stop it, before you push it"):
        cs.push(run)
    run.stop()
    run.wait(10)
