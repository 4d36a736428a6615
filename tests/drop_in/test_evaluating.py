"""`mlflow.genai.evaluate` takes our simulator as its own: one run, every scorer, agents on one loop."""

import asyncio
import json
import uuid

import mlflow
import pytest
from mlflow.entities import Feedback
from mlflow.genai import make_judge, scorer
from mlflow.genai.datasets import create_dataset

from convsim_nb.mlflow import ConversationSimulator
from tests.drop_in.users import Counting, content_in, echo
from tests.servers import OpenAIServer, Say

pytestmark = [
    pytest.mark.usefixtures("ambient"),
    # MLflow's harness leaves these behind, whatever it evaluates.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CASES = [{"goal": "A", "expectations": {"says": "A", "how": "twice"}}, {"goal": "B"}]


@scorer
def answers(outputs):
    """A scorer of one turn, which sees what the agent gave back."""
    return outputs.startswith("You said: ")


@scorer
def length(session):
    """A scorer of a session."""
    return len(session)


@scorer
def as_expected(session, expectations):
    """A scorer of a session that asks for what was expected."""
    return Feedback(value=bool(expectations), rationale=json.dumps(expectations, sort_keys=True))


def rationales(result, name):
    """What a scorer said, once a session, sorted; older releases have no column for it."""
    found = [one for row in result.result_df["assessments"] for one in row if one["assessment_name"] == name]
    return sorted(one["rationale"] for one in found)


def evaluated(simulator, agent, *scorers):
    return mlflow.genai.evaluate(data=simulator, predict_fn=agent, scorers=list(scorers))


def test_every_scorer_reaches_every_turn_and_session_in_one_run():
    """Metrics, rows and traces are MLflow's own; expectations reach the session scorers that ask for them."""
    simulator = ConversationSimulator(CASES, max_turns=3, user_model=content_in(2))
    result = evaluated(simulator, echo, answers, length, as_expected)
    run = mlflow.get_run(result.run_id)
    frame = result.result_df

    assert (result.metrics["answers/mean"], result.metrics["length/mean"]) == (1.0, 2.0)
    assert rationales(result, "as_expected") == ["null", '{"how": "twice", "says": "A"}']
    assert (len(frame), frame["answers/value"].tolist()) == (4, [True] * 4)
    assert frame["length/value"].dropna().tolist() == [2, 2]
    assert sorted(frame["says/value"].dropna().tolist()) == ["A"]
    assert sorted(frame["convsim/verdict/value"].dropna().tolist()) == ["reached", "reached"]
    assert run.data.tags["mlflow.runType"] == "genai_evaluate"
    assert [one.dataset.name for one in run.inputs.dataset_inputs] == ["conversational_dataset"]
    assert len(mlflow.search_runs(experiment_ids=[run.info.experiment_id])) == 1
    assert {m["mlflow.sourceRun"] for m in frame["trace_metadata"]} == {result.run_id}


async def test_it_is_evaluated_inside_a_running_loop_too():
    """As in a notebook: an async agent is awaited, on one and the same loop in all turns of all conversations."""
    loops = []

    async def agent(messages):
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return "You said: " + messages[-1]["content"]

    result = evaluated(ConversationSimulator(CASES, max_turns=2, user_agent_class=Counting), agent, answers)

    assert result.metrics["answers/mean"] == 1.0
    assert (len(loops), len(set(loops))) == (4, 1)


def test_a_dataset_gives_the_evaluation_its_name_and_expectations():
    """A run on a dataset is listed under the dataset's name, and what its records expect reaches the scorers."""
    name = f"d-{uuid.uuid4().hex[:8]}"
    dataset = create_dataset(name=name)
    dataset.merge_records([{"inputs": {"goal": "A"}, "expectations": {"says": "please"}}])
    simulator = ConversationSimulator(dataset, max_turns=1, user_agent_class=Counting)
    result = evaluated(simulator, echo, as_expected)
    run = mlflow.get_run(result.run_id)

    assert [one.dataset.name for one in run.inputs.dataset_inputs] == [name]
    assert rationales(result, "as_expected") == ['{"says": "please"}']


def test_other_sessions_are_scored_as_ever():
    """What a session scorer is given of sessions that are not ours stays as MLflow gives it."""
    evaluated(ConversationSimulator(CASES, max_turns=1, user_agent_class=Counting), echo, as_expected)
    with mlflow.start_span("theirs") as span:
        span.set_outputs("x")
        mlflow.update_current_trace(session_id="s-1")
    mlflow.log_expectation(trace_id=flushed(span.trace_id), name="says", value="x")
    theirs = mlflow.genai.evaluate(data=[mlflow.get_trace(span.trace_id)], scorers=[as_expected])

    assert rationales(theirs, "as_expected") == ["null"]


def flushed(trace_id):
    mlflow.flush_trace_async_logging()
    return trace_id


@pytest.mark.skipif(mlflow.__version__.startswith("3.12."), reason="its judges call api.openai.com, whatever is set")
def test_a_judge_reads_the_conversation_and_what_was_expected(monkeypatch):
    """`make_judge` with `{{ conversation }}` and `{{ expectations }}` gets both sides' words and the expectations."""

    def by(body):
        return Say(json.dumps({"result": "yes", "rationale": "it says so"}))

    with OpenAIServer(by=by) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        judge = make_judge(
            name="fair",
            instructions="Is this fair? {{ conversation }} Expected: {{ expectations }}",
            model="openai:/judge",
            feedback_value_type=str,
        )
        simulator = ConversationSimulator(CASES[:1], max_turns=2, user_agent_class=Counting, user_model=content_in(9))
        result = evaluated(simulator, echo, judge)
    asked = json.dumps(server.bodies)

    assert result.result_df["fair/value"].dropna().tolist() == ["yes"]
    assert "A, message 1" in asked
    assert "You said: A, message 1" in asked
    assert "says" in asked


@pytest.mark.skipif(not hasattr(mlflow.genai, "compare_evaluations"), reason="MLflow 3.18 and later")
def test_mlflows_own_comparison_pairs_our_rows():
    """Two evaluations of the same cases pair every turn, whatever was said in it."""
    simulator = ConversationSimulator([{"goal": f"Goal {n}"} for n in range(4)], max_turns=2, user_agent_class=Counting)
    one, two = (evaluated(simulator, agent, answers) for agent in (echo, lambda messages: "Go on."))
    compared = mlflow.genai.compare_evaluations(two.run_id, one.run_id)

    assert compared.scorers["answers"].n_paired == 8


@pytest.mark.full
def test_1500_traces_at_full_speed_are_all_there():
    """300 cases of 5 turns with nothing to wait for: every trace is stored, and comes back in its place."""
    cases = [{"goal": f"Goal {n}", "expectations": {"n": n}} for n in range(300)]
    traces = ConversationSimulator(cases, max_turns=5, user_agent_class=Counting).simulate(echo)

    assert [len(each) for each in traces] == [5] * 300
    assert [each[0].search_assessments(type="expectation")[0].value for each in traces] == list(range(300))
    assert [each[4].data.spans[0].inputs["messages"][-1]["content"] for each in traces] == [
        f"Goal {n}, message 4" for n in range(300)
    ]
