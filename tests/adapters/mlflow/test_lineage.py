"""Everything in MLflow leads to everything it hangs together with: run, case, sessions, model, dataset, evidence."""

import socket
import time
import uuid
from contextlib import contextmanager

import mlflow
import pytest
from mlflow.pyfunc import ChatModel
from mlflow.types.llm import ChatChoice, ChatCompletionResponse, ChatMessage

import convsim_nb as cs
from convsim_nb.domain.errors import NotFoundError
from convsim_nb.testing import ScriptedAgent, ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")


def cases():
    """Two cases with ids that nobody else uses, one of them distilled from a session."""
    mark = uuid.uuid4().hex[:6]
    source = {"session_id": f"s-{mark}", "first": 0, "last": 3}
    return [
        {"goal": "A", "case_id": f"a-{mark}", "source": source, "expectations": {"x": "y"}},
        {"goal": "B", "case_id": f"b-{mark}"},
    ]


def simulate(given, agent=None, **options):
    settings = {"journal": False, "progress": False, "max_turns": 2, **options}
    run = cs.simulate(given, agent or ScriptedAgent(), user_model=ScriptedChat.happy(turns=2), **settings).wait(60)
    assert run.problems == (), run.problems
    return run


def test_from_each_of_them_the_others_are_one_call_away():
    """A trace, a run, a conversation, a case and a session each lead to the same links."""
    given = cases()
    run, other = simulate(given), simulate(given, trials=2)
    first = run.conversations[0]
    (link,) = cs.lineage(first.trace_ids[1])

    assert link.run_id == run.run_id
    assert link.mlflow_run_id == run.mlflow_run_id
    assert (link.case_id, link.trial, link.source_session) == (given[0]["case_id"], 1, given[0]["source"]["session_id"])
    assert (link.session_id, link.trace_ids, link.superseded) == (first.session_id, first.trace_ids, False)
    assert list(cs.lineage(mlflow.get_trace(first.trace_ids[0]))) == [link]
    assert list(cs.lineage(first)) == [link] == list(cs.lineage(first.session_id))
    assert set(cs.lineage(run)) == set(cs.lineage(run.run_id)) == set(cs.lineage(run.mlflow_run_id))
    assert sorted(cs.lineage(run).case_ids) == [case["case_id"] for case in given]
    assert len(cs.lineage(run).trace_ids) == 4
    assert cs.lineage(given[0]["case_id"]).run_ids == (run.run_id, other.run_id)
    assert list(cs.lineage(run.cases[0])) == list(cs.lineage(given[0]["source"]["session_id"]))
    assert cs.lineage(run.cases[0]).source_sessions == (given[0]["source"]["session_id"],)
    assert sorted(cs.lineage(other).to_frame()["trial"]) == [1, 1, 2, 2]


def test_a_link_brings_run_case_and_conversation_back():
    """What is behind a trace comes back from MLflow alone, whole."""
    run = simulate(cases())
    (link,) = cs.lineage(run.conversations[0].trace_ids[0])

    assert link.run().run_id == run.run_id
    assert link.case() == run.cases[0]
    assert link.conversation() == run.conversations[0]
    assert repr(cs.lineage(run)).startswith("2 conversations of 1 runs\n")


def test_what_belongs_to_nothing_is_said_in_a_line():
    """Another's trace, an unknown id and a wrong kind each say what to do."""
    with mlflow.start_span("theirs") as span:
        pass
    mlflow.flush_trace_async_logging()

    with pytest.raises(cs.ConvsimError, match=f"trace {span.trace_id} is of no simulation of convsim"):
        cs.lineage(span.trace_id)
    with pytest.raises(cs.ConvsimError, match=r"no simulated conversation in .* belongs to 'nobody'"):
        cs.lineage("nobody")
    with pytest.raises(cs.ConvsimError, match="lineage of 7: give a trace, a run, a conversation"):
        cs.lineage(7)


class Polite(ChatModel):
    """A model that is logged and loaded."""

    def predict(self, context, messages, params):  # noqa: ARG002 - as MLflow calls it
        said = ChatMessage(role="assistant", content=f"You said {messages[-1].content}")
        return ChatCompletionResponse(choices=[ChatChoice(index=0, message=said)], model="polite")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_logged_model_is_linked_to_run_and_traces():
    """An agent that MLflow loaded names its LoggedModel on each trace, and as an input of the run."""
    with mlflow.start_run():
        logged = mlflow.pyfunc.log_model(name="polite", python_model=Polite(), pip_requirements=[])
    run = simulate(cases(), f"models:/{logged.model_id}")
    inputs = mlflow.get_run(run.mlflow_run_id).inputs

    assert {link.model_id for link in cs.lineage(run)} == {logged.model_id}
    assert [one.model_id for one in inputs.model_inputs] == [logged.model_id]
    assert [one.dataset.name for one in inputs.dataset_inputs] == ["test_cases"]
    found = mlflow.search_traces(model_id=logged.model_id, return_type="list", include_spans=False)
    assert sorted(one.info.trace_id for one in found) == sorted(cs.lineage(run).trace_ids)


def test_name_tags_and_experiment_are_the_runs():
    """`run_name`, `tags` and `experiment` are MLflow's too."""
    name = f"elsewhere-{uuid.uuid4().hex[:6]}"
    run = simulate(cases(), run_name="night run", tags={"team": "search"}, experiment=name)
    stored = mlflow.get_run(run.mlflow_run_id)

    assert (stored.info.run_name, stored.data.tags["team"]) == ("night run", "search")
    assert mlflow.get_experiment(stored.info.experiment_id).name == name
    assert set(cs.lineage(run).case_ids) == {case.case_id for case in run.cases}


def test_a_run_that_is_there_is_written_into_and_not_ended():
    """`mlflow_run_id`: its name, status and parameters stay; ours stand beside them, and the traces are its own."""
    with mlflow.start_run(run_name="theirs") as theirs:
        mlflow.log_param("max_turns", "theirs")
        run = simulate(cases(), mlflow_run_id=theirs.info.run_id, tags={"team": "search"})
        during = mlflow.get_run(theirs.info.run_id)

    assert run.mlflow_run_id == theirs.info.run_id
    assert (during.info.run_name, during.info.status) == ("theirs", "RUNNING")
    assert (during.data.params["max_turns"], during.data.params["trials"]) == ("theirs", "1")
    assert (during.data.metrics["reach_rate"], during.data.tags["team"]) == (1.0, "search")
    assert {link.mlflow_run_id for link in cs.lineage(run)} == {theirs.info.run_id}
    assert cs.load_run(theirs.info.run_id).conversations == run.conversations

    again = cs.simulate(
        cases(),
        ScriptedAgent(),
        user_model=ScriptedChat.happy(),
        mlflow_run_id=theirs.info.run_id,
        journal=False,
        progress=False,
    ).wait(60)
    assert f"holds simulation {run.run_id} already: give parent_run_id" in again.problems[0]


def test_a_run_is_nested_below_another():
    """`parent_run_id`: a run of its own in the parent's experiment, listed below it."""
    other = mlflow.create_experiment(f"other-{uuid.uuid4().hex[:6]}")
    parent = mlflow.MlflowClient().create_run(other, run_name="sweep").info.run_id
    run = simulate(cases(), parent_run_id=parent)
    stored = mlflow.get_run(run.mlflow_run_id)

    assert (stored.data.tags["mlflow.parentRunId"], stored.info.experiment_id) == (parent, other)
    assert stored.info.status == "FINISHED"
    assert mlflow.get_run(parent).info.status == "RUNNING"


def test_a_run_that_starts_inside_an_active_one_is_below_it():
    """Of the same experiment, and as it was when the run started; one elsewhere, or with another parent, is not."""
    name = f"elsewhere-{uuid.uuid4().hex[:6]}"
    with mlflow.start_run(run_name="other") as other:
        pass
    with mlflow.start_run(run_name="sweep") as sweep:
        inside = simulate(cases())
        elsewhere = simulate(cases(), experiment=name)
        named = simulate(cases(), parent_run_id=other.info.run_id)
    after = simulate(cases())
    parents = [
        mlflow.get_run(run.mlflow_run_id).data.tags.get("mlflow.parentRunId")
        for run in (inside, elsewhere, named, after)
    ]

    assert parents == [sweep.info.run_id, None, other.info.run_id, None]
    assert mlflow.get_run(sweep.info.run_id).info.status == "FINISHED"
    assert mlflow.get_run(sweep.info.run_id).data.params == {}


@pytest.mark.parametrize("named", ["mlflow_run_id", "parent_run_id"])
def test_a_run_that_is_not_there_is_refused_before_anything_is_played(named, tmp_path):
    """A wrong id, or one of a run that was deleted, is one line; no model is called and no journal begun."""
    client, chat = mlflow.MlflowClient(), ScriptedChat.happy()
    gone = client.create_run(client.create_experiment(f"gone-{uuid.uuid4().hex[:6]}")).info.run_id
    client.delete_run(gone)
    for wrong, said in (("0" * 32, "0" * 32), (gone, f"run {gone!r} was deleted: restore it, or name another")):
        with pytest.raises(NotFoundError, match=said):
            cs.simulate(cases(), ScriptedAgent(), user_model=chat, journal=tmp_path, progress=False, **{named: wrong})
    assert (chat.requests, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.full
def test_a_server_that_does_not_answer_is_not_waited_for_before_the_start_and_named_at_the_end(tmp_path, capsys):
    """The run plays; its end says once, on stderr, what it waits for; then the store is given up."""
    with socket.socket() as deaf, pinned(f"http://127.0.0.1:{bound(deaf)}"):
        began = time.monotonic()
        options = {"journal": tmp_path, "mlflow_run_id": "0" * 32}
        run = cs.simulate(cases(), ScriptedAgent(), user_model=ScriptedChat.happy(), **options)
        assert time.monotonic() - began < 10
        run.wait(90)

    said = [line for line in capsys.readouterr().err.splitlines() if "waits for" in line]
    assert [c.stop for c in run.conversations] == ["goal_reached"] * 2
    assert len(said) == 1
    assert said[0].startswith(f"convsim: run {run.run_id} has ended, and waits for MLflow at http://127.0.0.1:")
    assert said[0].endswith("which has not answered yet; at most 20 s")
    assert "has not answered for 20 s" in run.problems[0]


def bound(listening):
    """The port of a socket that takes connections and says nothing."""
    listening.bind(("127.0.0.1", 0))
    listening.listen(20)
    return listening.getsockname()[1]


@contextmanager
def pinned(uri):
    """MLflow's current store is another meanwhile."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        yield
    finally:
        mlflow.set_tracking_uri(before)


@pytest.mark.parametrize("other", ["experiment", "parent_run_id"])
def test_a_run_that_is_there_has_an_experiment_and_a_parent_of_its_own(other):
    """Two answers to one question are refused at once."""
    with pytest.raises(cs.ConvsimError, match=f"mlflow_run_id and {other} are given"):
        cs.simulate(cases(), ScriptedAgent(), user_model=ScriptedChat(), mlflow_run_id="r", **{other: "x"})
