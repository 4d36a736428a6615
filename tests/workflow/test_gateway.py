"""Models and agents behind the AI Gateway of a real MLflow server."""

# ruff: noqa: E501 - the messages are one line, as they are printed

import warnings

import mlflow
import pytest
from inline_snapshot import snapshot

import convsim_nb as cs
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import ChatMessage, ChatRequest
from convsim_nb.workflow.models import resolve_model
from tests.servers import OpenAIServer, Say
from tests.workflow.gateway import gateway_endpoint, tracking_server

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints, and swallows what that raises
    import mlflow.pyfunc.context

pytestmark = pytest.mark.full

HELLO = ChatRequest(messages=(ChatMessage("user", "Begin."),))


def scripted(body):
    """What the model says: as the user, as the judge, or as the agent."""
    asked = str(body.get("response_format") or body["messages"])
    if "action" in asked:
        return Say('{"action": "say", "text": "When will my kettle come?", "because": ""}')
    if "reached" in asked:
        return Say('{"reached": true, "evidence": "It comes on Friday.", "fired": [], "why": "a day"}')
    return Say("It comes on Friday.")


@pytest.fixture(scope="module")
def models():
    with OpenAIServer(by=scripted) as server:
        yield server


@pytest.fixture(scope="module")
def server(models, tmp_path_factory):
    """The URL of a tracking server with an endpoint `chat`, and one whose model is not there."""
    with tracking_server(tmp_path_factory.mktemp("gateway")) as url:
        gateway_endpoint(url, "chat", model_server=models.url)
        gateway_endpoint(url, "gone", model_server="http://127.0.0.1:1/v1")
        yield url


@pytest.mark.parametrize("variable", ["MLFLOW_GATEWAY_URI", "MLFLOW_TRACKING_URI", "set_tracking_uri"])
async def test_an_endpoint_answers_by_its_name(server, models, monkeypatch, variable):
    """Wherever the server's address comes from; tokens come back, and the model is the one behind the endpoint."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server if variable == "set_tracking_uri" else None)
    if variable != "set_tracking_uri":
        monkeypatch.setenv(variable, server)
    try:
        name, chat = resolve_model("gateway:/chat", params={"temperature": 0.2})
        reply = await chat(HELLO)
    finally:
        mlflow.set_tracking_uri(before)

    assert (name, reply.text) == ("gateway:/chat", "It comes on Friday.")
    assert reply.usage.input_tokens == 10
    assert (models.bodies[-1]["model"], models.bodies[-1]["temperature"]) == ("scripted", 0.2)


async def test_what_the_gateway_refuses_is_said_in_one_line(server, monkeypatch):
    """An endpoint that is not there, and one whose model is not."""
    monkeypatch.setenv("MLFLOW_GATEWAY_URI", server)
    said = []
    for name in ("nobody", "gone"):
        with pytest.raises(ModelError) as failed:
            await resolve_model(f"gateway:/{name}", timeout=20.0)[1](HELLO)
        said.append(str(failed.value))

    assert said == snapshot(
        [
            "gateway:/nobody: no such model, or the address lacks its /v1 (404): GatewayEndpoint not found (name='nobody')",
            "gateway:/gone: the endpoint failed (500): Internal Server Error",
        ]
    )


def test_a_run_is_played_by_models_and_an_agent_of_the_gateway(server, monkeypatch):
    """User and judge by their URI, the agent by the gateway's address; all of it on the one server."""
    monkeypatch.setenv("MLFLOW_GATEWAY_URI", server)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(server)
    try:
        run = cs.simulate(
            [cs.TestCase(goal="Know when the kettle comes", case_id="kettle")],
            f"{server}/gateway/mlflow/v1#chat",
            user_model="gateway:/chat",
            experiment="gateway",
            journal=False,
            progress=False,
        ).wait()
    finally:
        mlflow.set_tracking_uri(before)

    assert [(c.stop, c.verdict, c.detail) for c in run.conversations] == [("goal_reached", "reached", "a day")]
    assert run.mlflow_run_id is not None
