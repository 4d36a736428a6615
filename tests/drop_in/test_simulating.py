"""What MLflow's simulator gives back, ours gives back: traces in order, one run, the same few reasons to stop."""

import json
import logging
import re

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai.simulators.prompts import DEFAULT_PERSONA

import convsim_nb as cs
from convsim_nb.mlflow import ConversationSimulator
from convsim_nb.testing import AgentDown, ScriptedChat
from tests.drop_in.users import Counting, content_in, echo
from tests.servers import OpenAIServer, Say

pytestmark = pytest.mark.usefixtures("ambient")


def test_the_traces_of_each_case_come_in_order():
    """One inner list a case, whole traces turn by turn, with all that MLflow's metadata say and the agent's spans."""
    guided = {"goal": "A " * 200, "simulation_guidelines": ["Be brief", "Be kind"], "expectations": {"x": 1, "y": "z"}}

    def agent(messages):
        with mlflow.start_span("look_up", span_type="TOOL") as span:
            span.set_outputs("found")
        return f"Answer {len(messages) // 2}."

    simulator = ConversationSimulator([guided, {"goal": "B"}], max_turns=3, user_model=content_in(2))
    traces = simulator.simulate(agent)
    metadata = [[trace.info.trace_metadata for trace in each] for each in traces]
    first = metadata[0][0]

    assert [[m["mlflow.simulation.turn"] for m in each] for each in metadata] == [["0", "1"], ["0", "1"]]
    assert first["mlflow.simulation.goal"] == ("A " * 200)[:250]
    assert first["mlflow.simulation.persona"] == DEFAULT_PERSONA
    assert first["mlflow.simulation.simulation_guidelines"] == "Be brief\nBe kind"
    assert first["mlflow.trace.session"].startswith("sim-")
    assert len({m["mlflow.trace.session"] for each in metadata for m in each}) == 2
    assert [[s.name for s in trace.data.spans] for trace in traces[0]] == [["agent", "look_up"]] * 2
    assert [trace.data.spans[0].outputs for trace in traces[0]] == ["Answer 0.", "Answer 1."]
    assert expected(traces[0][0]) == {"x": 1, "y": "z"}
    assert expected(traces[0][1]) == {}


def expected(trace):
    """The expectations on a trace; each carries the session's id."""
    found = trace.search_assessments(type="expectation")
    assert {a.metadata["mlflow.trace.session"] for a in found} <= {trace.info.trace_metadata["mlflow.trace.session"]}
    return {a.name: a.value for a in found}


def test_it_makes_a_run_of_its_own():
    """Without an active run there is one named `simulation-...`, which ends; MLflow's active run stays nobody's."""
    ((trace,),) = ConversationSimulator([{"goal": "A"}], max_turns=1, user_model=content_in(1)).simulate(echo)
    run = mlflow.get_run(trace.info.trace_metadata["mlflow.sourceRun"])

    assert (run.info.run_name[:11], run.info.status) == ("simulation-", "FINISHED")
    assert mlflow.active_run() is None


def test_it_writes_into_the_active_run():
    """Within a run of the caller's there is no other, and its name is said; it goes on, and two simulations fit in."""
    with mlflow.start_run(run_name="mine") as mine:
        simulator = ConversationSimulator([{"goal": "A"}], max_turns=1, user_model=content_in(1))
        found = [simulator.simulate(echo)[0][0] for _ in range(2)]
        during = mlflow.get_run(mine.info.run_id).info
    run = mlflow.get_run(mine.info.run_id)

    assert {trace.info.trace_metadata["mlflow.sourceRun"] for trace in found} == {mine.info.run_id}
    assert (during.status, run.info.status, run.info.run_name) == ("RUNNING", "FINISHED", "mine")
    assert re.fullmatch(r"simulation-[0-9a-f]{8} in mine", simulator.run.state.run_name)
    assert run.data.metrics["reach_rate"] == 1.0
    assert len(mlflow.search_runs(experiment_ids=[run.info.experiment_id])) == 1


@pytest.mark.parametrize(
    ("agent", "turns", "stop"),
    [
        (echo, 2, "goal_reached"),
        (lambda messages: "" if len(messages) > 2 else "Yes.", 2, "agent_silent"),
        (lambda messages: 1 / (3 - len(messages)), 1, "agent_error"),
    ],
)
def test_a_conversation_stops_where_mlflows_does(agent, turns, stop):
    """Goal reached, an empty reply, an error: each ends its own conversation, and the answered turns come back."""

    def judge(request):
        turn = next(d["judge_after_turn"] for d in map(json.loads, contents(request)) if "judge_after_turn" in d)
        said = next(d["agent"] for d in map(json.loads, contents(request)) if "agent" in d)
        return {"reached": turn == 2, "evidence": said}

    def reply(messages):
        answer = agent(messages)
        return answer if isinstance(answer, str) else f"{answer:.2f}"

    chat = ScriptedChat(user=lambda request: f"Question {len(request.messages)}?", judge=judge)
    simulator = ConversationSimulator([{"goal": "A"}], max_turns=4, user_model=chat)
    ((*found,),) = simulator.simulate(reply)

    assert (len(found), simulator.run.conversations[0].stop) == (turns, stop)


def contents(request):
    return [message.content for message in request.messages if message.role == "user"]


def test_nothing_else_stops_a_conversation():
    """Sides that say the same again and again, and a user who would end, go on to the last turn."""
    moves = iter([{"action": "say", "text": "Please."}, {"action": "end", "because": "done"}])

    def user(request):
        return next(moves, {"action": "say", "text": "Please."})

    chat = ScriptedChat(user=user)
    simulator = ConversationSimulator([{"goal": "A"}], max_turns=5, user_model=chat)
    ((*found,),) = simulator.simulate(lambda messages: "No.")

    assert (len(found), simulator.run.conversations[0].stop) == (5, "max_turns")
    asked_again = [request.messages[-1].content for request in chat.requests]
    assert sum("goes on here" in content for content in asked_again) == 1


def test_a_user_who_insists_on_the_end_breaks_its_own_conversation():
    """A model that will not write on ends as an error of the simulation, with the turns that there were."""
    chat = ScriptedChat(user=("Please.", {"action": "end", "because": "I am done"}))
    simulator = ConversationSimulator([{"goal": "A"}], max_turns=5, user_model=chat)
    ((*found,),) = simulator.simulate(echo)

    assert (len(found), simulator.run.conversations[0].stop) == (1, "model_error")
    assert simulator.run.conversations[0].detail.endswith(
        "wished to end 3 times instead of writing a message: I am done"
    )


def test_a_check_that_fails_is_a_goal_not_reached():
    """A judge that gives no usable answer ends nothing: the next turn is played, and judged."""
    judged = iter([{"nonsense": 1}, {"nonsense": 2}])

    def judge(request):
        return next(judged, None) or {"reached": True, "evidence": "Your parcel was sent"}

    chat = ScriptedChat(user=lambda request: f"Question {len(request.messages)}?", judge=judge)
    simulator = ConversationSimulator([{"goal": "A"}], max_turns=5, user_model=chat)
    simulator.simulate(lambda messages: "Your parcel was sent on Monday.")
    (conversation,) = simulator.run.conversations

    assert (conversation.stop, conversation.turns) == ("goal_reached", 2)
    assert conversation.checks[0].why.startswith("not checked: the model gave no usable answer")


def test_an_error_ends_one_conversation_and_all_of_them_are_an_exception():
    """One agent error costs its own conversation; where none came to an answer, MlflowException says why."""

    def down(messages):
        if "A" in messages[0]["content"]:
            raise AgentDown("500")
        return "Yes."

    simulator = ConversationSimulator([{"goal": "A"}, {"goal": "B"}], max_turns=1, user_agent_class=Counting)

    assert [len(each) for each in simulator.simulate(down)] == [0, 1]
    simulator.test_cases = [{"goal": "A"}]
    with pytest.raises(MlflowException, match=r"produced no traces.* agent_error: AgentDown: 500"):
        simulator.simulate(down)
    failed = mlflow.search_traces(
        return_type="list", filter_string=f"metadata.`convsim.run_id` = '{simulator.run.run_id}'"
    )
    assert [str(trace.info.state) for trace in failed] == ["ERROR"]


def test_a_store_that_is_none_is_an_mlflow_exception(store):
    """Traces are what is asked for: without a store there are none, and that is said in a line."""
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    try:
        with pytest.raises(MlflowException, match=r"was not written to MLflow: .*http://127.0.0.1:9"):
            ConversationSimulator([{"goal": "A"}], max_turns=1, user_agent_class=Counting).simulate(echo)
    finally:
        mlflow.set_tracking_uri(store)


def test_models_are_named_as_in_mlflow(monkeypatch):
    """`openai:/name`, its key and its address from the environment; sampling parameters go with the user's calls."""

    def by(body):
        text = json.dumps([m["content"] for m in body["messages"]])
        if "judge_after_turn" in text:
            return Say(json.dumps({"reached": True, "evidence": "said"}))
        return Say(json.dumps({"action": "say", "text": "Good morning"}))

    with OpenAIServer(by=by) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        monkeypatch.setenv("OPENAI_API_BASE", server.url)
        simulator = ConversationSimulator([{"goal": "A"}], max_turns=3, user_model="openai:/small", temperature=0.25)
        ((trace,),) = simulator.simulate(echo)
    users = [b for b in server.bodies if "judge_after_turn" not in json.dumps(b)]

    assert {body["model"] for body in server.bodies} == {"small"}
    assert {body.get("temperature") for body in users} == {0.25}
    assert trace.data.spans[0].inputs == {"messages": [{"role": "user", "content": "Good morning"}]}


def test_the_user_is_told_to_hold_its_goal_back_and_that_guidelines_come_first():
    """The rules that MLflow gives its user stand in ours: no whole goal at first, no expert, guidelines above all."""
    chat = content_in(1)
    cases = [{"goal": "A", "simulation_guidelines": ["Tell the whole goal at once"]}]
    ConversationSimulator(cases, max_turns=1, user_model=chat).simulate(echo)
    rules = chat.requests[0].messages[0].content

    assert json.loads(chat.requests[0].messages[1].content)["guidelines"] == ["Tell the whole goal at once"]
    assert "each comes when the agent asks for it" in rules
    assert "You are no expert" in rules
    assert "guidelines" in rules.partition("before the rules below")[0].splitlines()[-1]


def test_what_was_found_stands_beside_the_traces(caplog):
    """Beyond MLflow's: each turn's goal check with its evidence, and a verdict with the reason to stop."""
    with caplog.at_level(logging.WARNING):
        simulator = ConversationSimulator([{"goal": "A"}], max_turns=3, user_model=content_in(2))
        ((first, second),) = simulator.simulate(echo)
    checks = {a.name: a for a in second.info.assessments}
    verdict = next(a for a in first.info.assessments if a.name == "convsim/verdict")

    assert checks["convsim/goal_reached"].metadata["evidence"].startswith("You said:")
    assert (verdict.value, verdict.metadata["stop"]) == ("reached", "goal_reached")
    assert cs.load_run(simulator.run.mlflow_run_id).conversations == simulator.run.conversations
