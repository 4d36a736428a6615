"""Databricks, as far as it can stand on this machine: loopback servers, and stubs of what its runtime brings."""

import json
import sys
from types import ModuleType, SimpleNamespace

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.engine.ports import ChatMessage, ChatRequest
from convsim_nb.engine.user import UserReply
from convsim_nb.testing import ScriptedChat
from convsim_nb.workflow.models import resolve_model
from tests.servers import OpenAIServer, Say, Status

CASES = [{"goal": "Know when the order comes", "case_id": "order"}]


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """No workspace but the one that a test names."""
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "DATABRICKS_RUNTIME_VERSION", "DATABRICKS_CONFIG_PROFILE"):
        monkeypatch.delenv(name, raising=False)


async def test_in_a_notebook_of_databricks_its_workspace_is_known(tmp_path, monkeypatch):
    """No variable has to be set where the runtime names the workspace: the SDK finds host and token."""
    with OpenAIServer(Say("Hi"), pages={"/": Status(404)}) as server:
        (tmp_path / "databrickscfg").write_text(f"[DEFAULT]\nhost = {server.host}\ntoken = dapi-of-the-notebook\n")
        monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "databrickscfg"))
        monkeypatch.setenv("DATABRICKS_RUNTIME_VERSION", "16.4")
        name, chat = resolve_model("databricks:/claude")
        reply = await chat(ChatRequest((ChatMessage("user", "Hello"),)))
        asked = server.seen[-1]

    assert (name, reply.text) == ("databricks:/claude", "Hi")
    assert asked.path == "/serving-endpoints/chat/completions"
    assert asked.headers["Authorization"] == "Bearer dapi-of-the-notebook"


class Managed:
    """What databricks-agents brings, as far as MLflow calls it."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def get_chat_completions_result(self, user_prompt, system_prompt):
        self.asked.append((user_prompt, system_prompt))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def completion(text):
    body = {"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    return SimpleNamespace(output_json=json.dumps(body), error_code=None, error_message=None)


@pytest.fixture
def managed(monkeypatch):
    """A stub of the managed judge's client, where MLflow looks for it."""

    def install(*answers):
        client = Managed(*answers)
        context = SimpleNamespace(
            eval_context=lambda call: call,
            get_context=lambda: SimpleNamespace(build_managed_rag_client=lambda: client),
        )
        variables = SimpleNamespace(RAG_EVAL_EVAL_SESSION_CLIENT_NAME=SimpleNamespace(set=lambda _: None))
        for name, parts in {
            "databricks.agents": {},
            "databricks.agents.evals": {},
            "databricks.rag_eval": {"context": context, "env_vars": variables},
        }.items():
            stub = ModuleType(name)
            stub.__spec__ = SimpleNamespace(name=name)
            stub.__path__ = []
            for part, value in parts.items():
                setattr(stub, part, value)
            monkeypatch.setitem(sys.modules, name, stub)
        return client

    return install


async def test_the_managed_judge_is_asked_as_mlflows_own_judges_ask_it(managed):
    """One system prompt with the schema, one user prompt; a conversation goes in as JSON, never as role: text."""
    client = managed(completion('{"action": "say", "text": "Hello"}'))
    _, chat = resolve_model("databricks")
    messages = (ChatMessage("system", "You are a user."), ChatMessage("user", "{}"), ChatMessage("assistant", "Hi"))
    reply = await chat(ChatRequest(messages, UserReply))

    assert json.loads(reply.text)["text"] == "Hello"
    ((user, system),) = client.asked
    assert json.loads(user) == [{"role": "user", "content": "{}"}, {"role": "assistant", "content": "Hi"}]
    assert system.startswith("You are a user.")
    assert "JSON schema" in system


async def test_the_managed_judge_that_fails_says_so(managed):
    """Its own error is the conversation's, after it was asked again."""
    from convsim_nb.adapters.managed_chat import ManagedChat
    from convsim_nb.adapters.retries import Backoff

    client = managed(SimpleNamespace(output_json=None, error_code="429", error_message="too many requests"))
    with pytest.raises(cs.ConvsimError, match="databricks: the managed judge answered: too many requests") as caught:
        await ManagedChat(backoff=Backoff(first=0.001, longest=0.001))(ChatRequest((ChatMessage("user", "Hello"),)))

    assert len(client.asked) == 5
    assert caught.value.usage.calls == 5


def test_names_of_unity_catalog_and_paths_go_through_as_they_are(tmp_path, monkeypatch):
    """An experiment by its path, a dataset by its three names: MLflow gets them as they were given."""
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri)
    try:
        run = cs.simulate(
            CASES,
            lambda messages: "It is on its way.",
            user_model=ScriptedChat.happy(),
            experiment="/Users/ann@example.com/support",
            journal=tmp_path,
            progress=False,
        ).wait(60)
        run.cases.save("mlflow:main.support.orders")
        again = cs.load_cases("mlflow:main.support.orders")
    finally:
        mlflow.set_tracking_uri(before)

    assert run.problems == ()
    assert run.mlflow.destination.experiment_name == "/Users/ann@example.com/support"
    assert [case.goal for case in again] == ["Know when the order comes"]
