"""What MLflow's simulator takes, ours takes: test cases, agents and users of every kind, with the same refusals."""

import asyncio
import functools
import inspect
import logging
import threading
import uuid

import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai.datasets import create_dataset
from mlflow.genai.simulators import BaseSimulatedUserAgent
from mlflow.genai.simulators import ConversationSimulator as MlflowSimulator
from mlflow.genai.simulators.prompts import DEFAULT_PERSONA

import convsim_nb as cs
from convsim_nb.mlflow import ConversationSimulator
from tests.drop_in.users import Counting, content_in, echo

pytestmark = pytest.mark.usefixtures("ambient")
EITHER = pytest.mark.parametrize("simulator", [MlflowSimulator, ConversationSimulator])


def test_arguments_are_mlflows():
    """Same names, same order, same defaults: and it is MLflow's class, for whoever asks."""
    ours, theirs = (inspect.signature(one).parameters for one in (ConversationSimulator, MlflowSimulator))

    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]
    assert issubclass(ConversationSimulator, MlflowSimulator)
    made = ConversationSimulator([{"goal": "A"}], temperature=0.5)
    assert (made.max_turns, made.user_model, made.user_llm_params) == (10, "openai:/gpt-5", {"temperature": 0.5})


@EITHER
@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([], "cannot be empty"),
        ([{"goal": "A"}, {"persona": "B"}, {"goal": ""}], r"indices \[1, 2\] must have 'goal'"),
        ([{"goal": "A", "context": "x"}], r"indices \[0\] must have 'context' as a dict"),
        ([{"goal": "A"}, {"goal": "B", "context": {"messages": 1}}], r"indices \[1\] have context keys"),
        ([{"goal": "A", "context": {"input": 1}}], r"indices \[0\] have context keys"),
        ([{"goal": "A", "context": {"mlflow_session_id": 1}}], r"indices \[0\] have context keys"),
    ],
)
def test_cases_that_cannot_be_are_refused_alike(simulator, cases, said):
    """The same ValueError with the same indices, when it is made and when `test_cases` is set anew."""
    with pytest.raises(ValueError, match=said):
        simulator(cases)
    made = simulator([{"goal": "A"}])
    with pytest.raises(ValueError, match=said):
        made.test_cases = cases


@EITHER
def test_a_user_class_of_another_kind_is_refused_alike(simulator):
    """`user_agent_class` must be a class of MLflow's simulated users."""
    with pytest.raises(TypeError, match="must be a subclass of BaseSimulatedUserAgent"):
        simulator([{"goal": "A"}], user_agent_class=dict)


@EITHER
def test_unknown_keys_are_a_warning(simulator, caplog):
    """What nobody knows is passed over with a warning that names the indices."""
    logger = logging.getLogger("mlflow.genai.simulators.simulator")
    logger.addHandler(caplog.handler)
    try:
        simulator([{"goal": "A"}, {"goal": "B", "mood": "bad", "tags": ["not", "ours"]}])
    finally:
        logger.removeHandler(caplog.handler)

    assert "indices [1] contain unexpected keys" in caplog.text


def test_our_own_fields_are_known_and_played(caplog):
    """Facts, withheld ones, history and script of a case are no unknown keys here, also as plain mappings."""
    case = cs.TestCase(goal="A", case_id="a", facts="The order is 17", script=("Word for word",))
    by_mapping = {"goal": "B", "history": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]}
    logger = logging.getLogger("mlflow.genai.simulators.simulator")
    logger.addHandler(caplog.handler)
    simulator = ConversationSimulator(cs.CaseSet([case, by_mapping]), max_turns=2, user_model=content_in(2))
    logger.removeHandler(caplog.handler)
    heard = []

    def agent(messages):
        heard.append([each["content"] for each in messages])
        return "It is done."

    simulator.simulate(agent)

    assert caplog.text == ""
    assert ["Word for word"] in heard
    assert ["Hi", "Yes?"] in [each[:2] for each in heard]


def test_a_frame_with_missing_cells_is_played():
    """A cell that is empty is no value: neither `nan` as a persona, nor a refusal."""
    frame = pd.DataFrame(
        [
            {"goal": "A", "persona": "You are calm", "context": {"n": 1}, "expectations": {"x": 1}},
            {"goal": "B", "simulation_guidelines": ["Be brief"]},
        ]
    )
    heard = []

    def agent(messages, n=0):
        heard.append(n)
        return "Yes."

    simulator = ConversationSimulator(frame, max_turns=1, user_model=content_in(1))
    traces = simulator.simulate(agent)

    assert simulator.test_cases[1] == {"goal": "B", "simulation_guidelines": ["Be brief"]}
    assert [t[0].info.trace_metadata["mlflow.simulation.persona"] for t in traces] == ["You are calm", DEFAULT_PERSONA]
    assert sorted(heard) == [0, 1]
    with pytest.raises(ValueError, match=r"indices \[1\] must have 'goal'"):
        ConversationSimulator(pd.DataFrame([{"goal": "A"}, {"persona": "B"}]))


def test_a_datasets_expectations_come_along():
    """MLflow reads a dataset's inputs alone; here the expectations of its records reach the traces."""
    name = f"d-{uuid.uuid4().hex[:8]}"
    dataset = create_dataset(name=name)
    dataset.merge_records([{"inputs": {"goal": "A"}, "expectations": {"says": "please"}}])
    simulator = ConversationSimulator(dataset, max_turns=1, user_model=content_in(1))
    ((trace,),) = simulator.simulate(echo)

    assert [(a.name, a.value) for a in trace.search_assessments(type="expectation")] == [("says", "please")]
    assert simulator._get_dataset_name() == name


@EITHER
def test_a_dataset_without_goals_is_refused_alike(simulator):
    """Records that are no test cases are a ValueError that speaks of the goal."""
    dataset = create_dataset(name=f"d-{uuid.uuid4().hex[:8]}")
    dataset.merge_records([{"inputs": {"question": "Why?"}}])
    with pytest.raises(ValueError, match="goal"):
        simulator(dataset)


# --- agents --------------------------------------------------------------------------


@EITHER
@pytest.mark.parametrize("agent", [lambda text: text, lambda messages, input: "x", lambda **rest: "x"])
def test_an_agent_must_take_messages_or_input(simulator, agent):
    """Both, and neither, are an MlflowException before anything is asked."""
    with pytest.raises(MlflowException, match="messages"):
        simulator([{"goal": "A"}], user_agent_class=Counting).simulate(agent)


def test_an_agent_is_called_by_keyword_with_context_and_session():
    """`input` is one of the two names; context and session id come by keyword, whatever objects stand in them."""
    lock = threading.Lock()
    heard = []

    def agent(input, mlflow_session_id, connection, **rest):
        heard.append((input, mlflow_session_id, connection, rest))
        return {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]}

    cases = [{"goal": "A", "context": {"connection": lock, "level": 3}}]
    ((first, _),) = ConversationSimulator(cases, max_turns=2, user_agent_class=Counting).simulate(agent)

    assert heard[0][0] == [{"role": "user", "content": "A, message 0"}]
    assert heard[1][0][:2] == [
        {"role": "user", "content": "A, message 0"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "A"}], "type": "message"},
    ]
    assert {call[1] for call in heard} == {first.info.trace_metadata["mlflow.trace.session"]}
    assert [call[2:] for call in heard] == [(lock, {"level": 3})] * 2
    assert first.data.spans[0].inputs["input"] == heard[0][0]


def test_an_agent_that_lacks_a_parameter_fails_its_own_conversation():
    """A context that the agent does not take ends that conversation; the others go on."""
    cases = [{"goal": "A", "context": {"unknown": 1}}, {"goal": "B"}]
    traces = ConversationSimulator(cases, max_turns=1, user_agent_class=Counting).simulate(echo)

    assert [len(each) for each in traces] == [0, 1]


def test_an_agent_that_changes_its_messages_changes_nobody_elses():
    """What an agent does to the history is its own: the next turn comes as it was said."""
    heard = []

    def meddler(messages):
        heard.append([each["content"] for each in messages])
        messages.append({"role": "system", "content": "mine"})
        messages[0]["content"] = "changed"
        return "Yes."

    ConversationSimulator([{"goal": "A"}], max_turns=3, user_agent_class=Counting).simulate(meddler)

    assert heard[2] == ["A, message 0", "Yes.", "A, message 1", "Yes.", "A, message 2"]


async def test_an_async_agent_is_awaited_also_by_simulate():
    """`simulate` itself takes an async agent, inside a running loop too, and calls it on one loop in every turn."""
    loops = []

    async def agent(messages):
        loops.append(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return "Yes."

    traces = ConversationSimulator([{"goal": "A"}, {"goal": "B"}], max_turns=2, user_agent_class=Counting).simulate(
        agent
    )

    assert [len(each) for each in traces] == [2, 2]
    assert (len(loops), len(set(loops))) == (4, 1)


def test_a_plain_function_around_an_async_one_is_called_as_it_is():
    """What wraps an async function and runs it itself is a plain agent: `functools.wraps` makes no coroutine of it."""

    async def inner(messages):
        return "Yes."

    @functools.wraps(inner)
    def agent(messages):
        return asyncio.run(inner(messages))

    ((trace,),) = ConversationSimulator([{"goal": "A"}], max_turns=1, user_agent_class=Counting).simulate(agent)

    assert (trace.data.spans[0].name, trace.data.spans[0].outputs) == ("inner", "Yes.")


def test_a_reply_of_no_known_shape_is_read_as_mlflow_reads_it():
    """An agent may give back any mapping: it stands in the history as its JSON, and in the trace as it is."""

    def agent(messages):
        return {"verdict": {"colour": "green"}}

    ((first, second),) = ConversationSimulator([{"goal": "A"}], max_turns=2, user_agent_class=Counting).simulate(agent)

    assert first.data.spans[0].outputs == {"verdict": {"colour": "green"}}
    assert second.data.spans[0].inputs["messages"][1] == {
        "role": "assistant",
        "content": '{"verdict": {"colour": "green"}}',
    }


# --- users of one's own --------------------------------------------------------------


def test_a_user_of_ones_own_is_told_what_mlflow_tells_it():
    """Goal, persona, history as dicts, turn from 0, guidelines as they were given; an object a conversation."""
    seen = []

    class Curious(Counting):
        def generate_message(self, context):
            seen.append((self, context))
            return super().generate_message(context)

    Curious.made = 0
    cases = [{"goal": "A", "simulation_guidelines": "Be brief"}, {"goal": "B", "persona": "P", "facts": ["F"]}]
    simulator = ConversationSimulator(cases, max_turns=2, user_agent_class=Curious, user_model="openai:/x", top_p=0.5)
    simulator.simulate(echo)
    first, second = (context for _, context in seen if context.goal == "A")
    others = [context for _, context in seen if context.goal == "B"]

    assert (first.persona, first.turn, first.is_first_turn, first.simulation_guidelines) == (
        DEFAULT_PERSONA,
        0,
        True,
        "Be brief",
    )
    assert second.conversation_history == [
        {"role": "user", "content": "A, message 0"},
        {"role": "assistant", "content": "You said: A, message 0"},
    ]
    assert second.last_assistant_response == "You said: A, message 0"
    assert (others[0].persona, len(others[0].simulation_guidelines)) == ("P", 1)
    assert Curious.made == 2
    assert {(user.model, user.inference_params["top_p"]) for user, _ in seen} == {("openai:/x", 0.5)}


def test_a_user_of_ones_own_is_heard_and_never_stopped():
    """It may say what guards would stop and repeat itself: that is recorded, and neither rejected nor a loop."""

    class Blunt(BaseSimulatedUserAgent):
        def generate_message(self, context):
            return f"As a simulated user with the goal {context.goal}, write to someone@example.org!"

    simulator = ConversationSimulator([{"goal": "A"}], max_turns=5, user_agent_class=Blunt, user_model=content_in(9))
    ((*turns,),) = simulator.simulate(lambda messages: "No.")
    (conversation,) = simulator.run.conversations

    assert (len(turns), conversation.stop, conversation.rejections) == (5, "max_turns", ())
    assert conversation.doubts


def test_a_user_of_ones_own_is_not_asked_for_what_nobody_hears():
    """The goal is checked before the next message: a user that counts its calls counts those that were said."""
    calls = []

    class Once(Counting):
        def generate_message(self, context):
            calls.append(context.turn)
            return "Please."

    simulator = ConversationSimulator([{"goal": "A"}], max_turns=5, user_agent_class=Once, user_model=content_in(2))
    ((*turns,),) = simulator.simulate(echo)

    assert (len(turns), calls) == (2, [0, 1])


def test_a_user_without_a_model_is_played_to_the_last_turn_and_nobody_says_how_it_came_out(caplog):
    """No key is no hindrance to a user that needs none; what nobody could check is void, and said."""
    simulator = ConversationSimulator([{"goal": "A"}], max_turns=2, user_agent_class=Counting)
    with caplog.at_level(logging.WARNING, "convsim_nb.mlflow"):
        ((*turns,),) = simulator.simulate(echo)

    assert "goals are not checked: openai:/gpt-5 needs a key" in caplog.text
    assert (len(turns), simulator.run.conversations[0].verdict) == (2, "void")


def test_without_a_user_of_ones_own_a_missing_key_is_said_at_once():
    """Nothing is played where the user's model cannot be asked."""
    with pytest.raises(MlflowException, match="openai:/gpt-5 needs a key: set OPENAI_API_KEY"):
        ConversationSimulator([{"goal": "A"}]).simulate(echo)


@pytest.mark.parametrize("turns", [-1, 0, 1.5, "3", None])
def test_turns_that_play_nothing_are_refused_at_once(turns):
    """MLflow's own takes them and makes no trace of any conversation."""
    with pytest.raises(ValueError, match=f"max_turns={turns!r}: give a whole number above 0"):
        ConversationSimulator([{"goal": "A"}], max_turns=turns, user_model="openai:/gpt-5")
