"""MLflow's ambient state stays out of a run: what is current when it starts counts, and nothing that comes later."""

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.mlflow import ConversationSimulator
from convsim_nb.testing import ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")
CASES = [{"goal": "A", "case_id": "a"}, {"goal": "B", "case_id": "b"}]


def by_simulate(agent):
    """Through `cs.simulate`: the run, and the traces in its experiment that are its own."""
    run = cs.simulate(CASES, agent, user_model=chat(), max_turns=2, journal=False, progress=False).wait(60)
    assert run.problems == ()
    return run.conversations, run.mlflow_run_id, run.mlflow.destination.experiment_id


def by_drop_in(agent):
    """Through the drop-in."""
    simulator = ConversationSimulator(CASES, max_turns=2, user_model=chat())
    simulator.simulate(agent)
    run = simulator.run
    return run.conversations, run.mlflow_run_id, run.mlflow.destination.experiment_id


def chat():
    return ScriptedChat.happy(turns=2)


EITHER = pytest.mark.parametrize("play", [by_simulate, by_drop_in])


def traces_in(experiment_id):
    return mlflow.MlflowClient().search_traces(locations=[experiment_id], max_results=100)


def answer(messages):
    with mlflow.start_span("inside"):
        return f"Answer {len(messages)}."


@EITHER
def test_a_span_that_the_caller_has_open_swallows_nothing(play):
    """Started inside a traced function: four turns are four traces, and the function's own is as it was."""
    with mlflow.start_span("the caller's") as callers:
        conversations, _, experiment = play(answer)
    mlflow.flush_trace_async_logging()
    found = {trace.info.trace_id: trace for trace in traces_in(experiment)}
    theirs = found.pop(callers.trace_id)

    assert [span.name for span in theirs.data.spans] == ["the caller's"]
    assert "mlflow.trace.session" not in theirs.info.trace_metadata
    assert sorted(found) == sorted(trace_id for c in conversations for trace_id in c.trace_ids)
    assert [[s.name for s in t.data.spans] for t in found.values()] == [["answer", "inside"]] * 4


@EITHER
def test_a_later_experiment_moves_nothing(play, tmp_path):
    """An experiment that is set while the run plays gets none of its traces."""
    other = mlflow.create_experiment(f"other-{play.__name__}-{tmp_path.name}", artifact_location=tmp_path.as_uri())

    def moving(messages):
        mlflow.set_experiment(experiment_id=other)
        return answer(messages)

    conversations, run_id, experiment = play(moving)
    mlflow.flush_trace_async_logging()

    assert traces_in(other) == []
    assert {t.info.trace_id for t in traces_in(experiment)} == {one for c in conversations for one in c.trace_ids}
    assert mlflow.get_run(run_id).info.experiment_id == experiment


@EITHER
def test_an_unrelated_run_claims_nothing(play):
    """A run that starts while ours plays has none of its traces, parameters or numbers."""
    started = []

    def busy(messages):
        with mlflow.start_run(run_name="unrelated") as run:
            started.append(run.info.run_id)
            return answer(messages)

    experiment = mlflow.tracking.fluent._active_experiment_id
    _, run_id, _ = play(busy)
    unrelated = [mlflow.get_run(one).data for one in started]
    sources = {trace.info.trace_metadata["mlflow.sourceRun"] for trace in traces_in(experiment)}

    assert (len(started), sources, run_id in started) == (4, {run_id}, False)
    assert [(data.params, data.metrics) for data in unrelated] == [({}, {})] * 4


@EITHER
def test_a_session_that_the_agent_sets_overwrites_nothing(play):
    """`update_current_trace` in the agent keeps its session beside ours; by ours the turns are found."""

    def headstrong(messages):
        mlflow.update_current_trace(
            metadata={"mlflow.trace.session": "theirs", "convsim.case_id": "x"}, tags={"mood": "good"}
        )
        return answer(messages)

    conversations, _, experiment = play(headstrong)
    infos = [trace.info for trace in traces_in(experiment)]

    assert {i.trace_metadata["mlflow.trace.session"] for i in infos} == {c.session_id for c in conversations}
    assert {i.trace_metadata["convsim.case_id"] for i in infos} == {"a", "b"}
    assert {i.trace_metadata["convsim.agent_session"] for i in infos} == {"theirs"}
    assert {i.tags["mood"] for i in infos} == {"good"}
