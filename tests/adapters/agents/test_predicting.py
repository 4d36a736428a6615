"""MLflow's own kinds of agents, as its classes are."""

import warnings
from types import SimpleNamespace

import mlflow
import pytest

from convsim_nb.adapters.agents import as_agent, check_context
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentTypeError
from tests.adapters.agents.shapes import ITEM_SAYS, mlflow_agent, mlflow_responses
from tests.adapters.agents.turns import turn

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow.pyfunc import ChatAgent, ResponsesAgent


@pytest.fixture(autouse=True)
def _untraced():
    """MLflow traces its own kinds of agents: not here, where there is no store."""
    with mlflow.tracing.context(enabled=False):
        yield


ROME = TestCase(goal="g", context={"city": "Rome"})


class Echo(ResponsesAgent):
    """Answers with what it was given."""

    def predict(self, request):
        said = f"{request.input[-1].content} {request.context.conversation_id} {request.custom_inputs}"
        item = self.create_text_output_item(text=said, id="m1")
        return mlflow_responses.ResponsesAgentResponse(output=[item])


class Streaming(Echo):
    def predict_stream(self, request):  # noqa: ARG002 - as MLflow calls it
        for word in ("It was ", "sent."):
            yield mlflow_responses.ResponsesAgentStreamEvent(**self.create_text_delta(delta=word, item_id="m1"))
        yield mlflow_responses.ResponsesAgentStreamEvent(type="response.output_item.done", item=ITEM_SAYS)


class Chatting(ChatAgent):
    def predict(self, messages, context=None, custom_inputs=None):
        said = f"{messages[-1].content} {context.conversation_id} {custom_inputs}"
        return mlflow_agent.ChatAgentResponse(
            messages=[mlflow_agent.ChatAgentMessage(role="assistant", content=said, id="1")]
        )


@pytest.mark.parametrize("model", [Echo(), Chatting()], ids=["ResponsesAgent", "ChatAgent"])
async def test_an_instance_gets_history_session_and_context(model):
    """The session is its conversation id, the case's context its custom inputs."""
    agent = as_agent(model)
    check_context(agent, [ROME])
    reply = await agent(turn(context={"city": "Rome"}))

    assert agent.name == type(model).__name__
    assert reply.content == "hello sim-1 {'city': 'Rome'}"


async def test_a_responses_agent_that_streams_is_heard_as_it_does():
    """Its own `predict_stream` goes before `predict`."""
    pieces = []
    reply = await as_agent(Streaming())(turn(delta=pieces.append))

    assert (pieces, reply.content) == (["It was ", "sent."], "It was sent.")


async def test_any_object_that_predicts_from_messages():
    """A `predict` with a parameter of the right name is enough."""
    model = SimpleNamespace(predict=lambda messages: f"{len(messages)} heard")

    assert (await as_agent(model)(turn())).content == "1 heard"


def test_a_class_is_not_an_agent():
    """People forget the brackets."""
    with pytest.raises(AgentTypeError, match=r"Echo is a class: give an object of it, such as Echo\(\)"):
        as_agent(Echo)
