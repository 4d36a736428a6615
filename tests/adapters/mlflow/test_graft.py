"""Remote agents: those that say where their trace lies, and those that hand it back."""

import dataclasses
import uuid
from typing import Any

import mlflow
import pytest

from convsim_nb.adapters.agents import as_agent
from tests.adapters.mlflow.playing import cases, play

pytestmark = pytest.mark.usefixtures("ambient")


@dataclasses.dataclass
class PredictResult:
    response: Any
    trace_id: str | None = None


@pytest.fixture(scope="module")
def remote(store):
    """A finished trace of two spans, as a server elsewhere would make it, and its session."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(store)
    mlflow.set_experiment(f"remote-{uuid.uuid4().hex[:8]}")
    with mlflow.start_span("remote agent", span_type="AGENT") as root:
        root.set_inputs({"messages": [{"role": "user", "content": "Question 1?"}]})
        mlflow.update_current_trace(session_id="theirs", tags={"host": "far away"})
        with mlflow.start_span("look up", span_type="TOOL") as tool:
            tool.set_outputs({"state": "sent"})
        root.set_outputs({"choices": [{"message": {"role": "assistant", "content": "It was sent."}}]})
    mlflow.flush_trace_async_logging()
    yield mlflow.get_trace(root.trace_id)
    mlflow.set_tracking_uri(before)


def spans_of(trace):
    names = {span.span_id: span.name for span in trace.data.spans}
    return [(span.name, names.get(span.parent_id)) for span in trace.data.spans]


async def test_an_agent_that_says_where_its_trace_lies(remote):
    """Our trace names it; it stays where it is, as it is."""
    own = remote.info.trace_id
    agent = as_agent(lambda messages: PredictResult("It was sent.", own), name="a")
    played = await play(cases(1), agent, settings={"max_turns": 1})
    (trace,) = played.traces

    assert trace.info.trace_metadata["convsim.agent_trace"] == own
    assert spans_of(trace) == [("my_agent", None)]
    assert mlflow.get_trace(own).to_dict() == remote.to_dict()


@pytest.mark.parametrize(
    "hand_back",
    [
        lambda trace: trace,
        lambda trace: {"response": "It was sent.", "trace": trace},
        lambda trace: {"response": "It was sent.", "trace": trace.to_dict()},
        lambda trace: {"response": "It was sent.", "trace": trace.to_json()},
        lambda trace: {
            "choices": [{"message": {"role": "assistant", "content": "It was sent."}}],
            "databricks_output": {"trace": trace.to_dict()},
        },
        lambda trace: trace.to_dict(),
    ],
    ids=["the trace", "beside", "as a dict", "as JSON", "as Databricks serves it", "the trace as a dict"],
)
async def test_a_finished_trace_is_copied_into_ours(remote, hand_back):
    """Its spans stand under our root, with our session; the original stays as it is, and ours names it."""
    played = await play(cases(2), as_agent(lambda messages: hand_back(remote), name="a"), settings={"max_turns": 1})

    assert [c.messages[-1].content for c in played.state.conversations] == ["It was sent."] * 2
    for trace, conversation in zip(played.traces, played.state.conversations, strict=True):
        assert spans_of(trace) == [("my_agent", None), ("remote agent", "my_agent"), ("look up", "remote agent")]
        assert trace.data.spans[2].outputs == {"state": "sent"}
        assert trace.info.trace_metadata["mlflow.trace.session"] == conversation.session_id
        assert trace.info.trace_metadata["convsim.agent_trace"] == remote.info.trace_id
        assert (trace.info.tags["host"], trace.info.tags["mlflow.traceName"]) == ("far away", "my_agent")
    assert mlflow.get_trace(remote.info.trace_id).to_dict() == remote.to_dict()


async def test_a_trace_that_cannot_be_read_costs_no_turn(remote):
    """The answer counts; the root span says what was wrong."""
    broken = remote.to_dict()
    broken["data"]["spans"] = [{"no": "span"}]
    agent = as_agent(lambda messages: {"response": "It was sent.", "trace": broken}, name="a")
    played = await play(cases(1), agent, settings={"max_turns": 1})

    assert played.state.conversations[0].messages[-1].content == "It was sent."
    (root,) = played.traces[0].data.spans
    assert "Failed to load a trace object" in root.attributes["convsim.agent_trace_problem"]


async def test_a_trace_that_is_ours_is_not_copied_into_itself():
    """An agent in this process may hand back the trace that it is in."""

    def agent(messages):
        with mlflow.start_span("inside") as span:
            return PredictResult("Yes.", span.trace_id)

    played = await play(cases(1), as_agent(agent, name="a"), settings={"max_turns": 1})
    (trace,) = played.traces

    assert spans_of(trace) == [("my_agent", None), ("inside", "my_agent")]
    assert "convsim.agent_trace" not in trace.info.trace_metadata
