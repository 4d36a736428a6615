"""`generate_test_cases`: plain mappings out of recorded sessions, for any conversation simulator."""

import inspect
import logging
import uuid

import mlflow
import pytest
from mlflow.exceptions import MlflowException
from mlflow.genai import simulators

import convsim_nb as cs
from convsim_nb import mlflow as ours
from convsim_nb.testing import ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")

REPLY = {
    "goal": {"text": "Know where the index stands", "message": 0, "quote": "Where is the index?"},
    "persona": {"text": "You are brief", "message": 0, "quote": "Where is the index?"},
    "guidelines": [{"text": "Ask twice", "message": 0, "quote": "Where is the index?"}],
    "facts": [{"text": "The index is the OMX", "message": 2, "quote": "The OMX"}],
    "withheld": [
        {
            "fact": "Markets are closed today",
            "after": "the agent shows prices as live",
            "message": 2,
            "quote": "But markets are closed today",
            "after_message": 1,
            "after_quote": "It stands at 5,021 right now",
        }
    ],
    "expectations": [{"text": "Says that it is a close", "message": 2, "quote": "But markets are closed today"}],
}


def recorded(*exchanges):
    """The traces of a session, one an exchange."""
    session_id = f"s-{uuid.uuid4().hex[:8]}"
    ids = []
    for asked, answered in exchanges:
        with mlflow.start_span("chat") as span:
            span.set_inputs({"messages": [{"role": "user", "content": asked}]})
            span.set_outputs({"choices": [{"message": {"role": "assistant", "content": answered}}]})
            mlflow.update_current_trace(session_id=session_id)
        ids.append(span.trace_id)
    mlflow.flush_trace_async_logging()
    return [mlflow.get_trace(trace_id) for trace_id in ids]


INDEX = (
    ("Where is the index?", "It stands at 5,021 right now"),
    ("The OMX. But markets are closed today", "Sorry: that was Friday's close."),
)


def test_its_signature_is_mlflows():
    """Same parameters: sessions, and the model by keyword."""
    mine, theirs = (inspect.signature(one.generate_test_cases).parameters for one in (ours, simulators))
    assert [(p.name, p.kind, p.default) for p in mine.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]


def test_a_case_is_a_plain_mapping_with_what_is_held_back_as_guidelines():
    """Facts and withheld ones stand among the guidelines; what a model only proposed to expect does not stand there."""
    (case,) = ours.generate_test_cases([recorded(*INDEX)], model=ScriptedChat(distill=(REPLY,)))
    lines = case["simulation_guidelines"]

    assert set(case) == {"goal", "persona", "simulation_guidelines"}
    assert (case["goal"], case["persona"], lines[0]) == ("Know where the index stands", "You are brief", "Ask twice")
    assert any("The index is the OMX" in line for line in lines)
    assert any("Markets are closed today" in line and "the agent shows prices as live" in line for line in lines)
    simulators.ConversationSimulator([case])


def test_mlflows_session_objects_are_taken():
    """What `mlflow.search_sessions` gives is read as well as lists of traces."""
    recorded(*INDEX)
    sessions = mlflow.search_sessions()

    assert len(ours.generate_test_cases(sessions, model=ScriptedChat(distill=(REPLY,)))) == 1


def test_no_sessions_give_no_cases():
    """An empty list is no error."""
    assert ours.generate_test_cases([]) == []


def test_a_session_that_fails_is_left_out(caplog):
    """One that holds no messages, and one that the model fails on: the others come, in their order."""

    def answer(request):
        return ValueError("no") if "Broken" in request.messages[1].content else REPLY

    with mlflow.start_span("empty") as span:
        pass
    mlflow.flush_trace_async_logging()
    empty = [mlflow.get_trace(span.trace_id)]
    sessions = [empty, recorded(("Broken", "Yes")), recorded(*INDEX)]
    with caplog.at_level(logging.WARNING, "convsim_nb.mlflow"):
        found = ours.generate_test_cases(sessions, model=ScriptedChat(distill=answer))

    assert [case["goal"] for case in found] == ["Know where the index stands"]
    assert "item 1" in caplog.text
    assert "the model raised ValueError: no" in caplog.text
    assert ours.generate_test_cases([empty], model=ScriptedChat()) == []


def test_a_missing_key_is_said_at_once():
    """MLflow's own default model is asked for where none is named, and its key is needed."""
    with pytest.raises(MlflowException, match="openai:/gpt-5 needs a key: set OPENAI_API_KEY"):
        ours.generate_test_cases([recorded(*INDEX)])


def test_what_is_no_list_of_sessions_is_one_line():
    """MLflow's error, which names the value and what to give."""
    with pytest.raises(MlflowException, match="sessions=3: give a list of sessions, such as "):
        ours.generate_test_cases(3, model="demo:/rules")


def test_facts_and_messages_among_the_guidelines_may_be_said(tmp_path):
    """Its guidelines tell a user facts and old messages: saying these is no reading from the brief."""
    case = cs.TestCase(
        goal="Know what a mortgage costs",
        facts=["The flat costs three hundred thousand euros and stands in Ulm"],
        style={"examples": ["I am thinking of buying a flat, what mortgage rates do you do these days?"]},
    )
    said = [case.style.examples[0], f"{case.facts[0]}.", "You know this and say it only when the agent asks for it."]
    run = cs.simulate(
        [case.as_mlflow()],
        lambda messages: f"Answer {len(messages)}",
        user_model=ScriptedChat(user=said, judge=({"reached": False, "why": "no rate yet"},)),
        max_turns=3,
        mlflow=False,
        journal=tmp_path,
        progress=False,
    ).wait(30)

    (conversation,) = run.conversations
    assert [m.content for m in conversation.messages if m.role == "user"] == said[:2]
    assert {(one.guard, one.text) for one in conversation.rejections} == {("meta", said[2])}
