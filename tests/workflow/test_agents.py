"""From what the user names as an agent to one that answers."""

# ruff: noqa: E501 - the messages are one line, as they are printed

import sys
import textwrap
import warnings

import pytest
from inline_snapshot import snapshot

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import (
    AgentError,
    AgentTypeError,
    CaseError,
    ModelNameError,
    NotFoundError,
    StoreError,
    UsageError,
)
from convsim_nb.domain.session import Message
from convsim_nb.engine.ports import AgentTurn
from convsim_nb.testing import ScriptedAgent
from convsim_nb.workflow.agents import resolve_agent
from tests.adapters.agents.shapes import ITEM_SAYS
from tests.servers import Events, OpenAIServer, Say, Status

CASE = TestCase(goal="get an answer", context={"city": "Rome"}, case_id="c1")
VARIABLES = ("DATABRICKS_HOST", "DATABRICKS_TOKEN", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE")
MODULE = """
    def agent(messages, city="nowhere"):
        return f"{city}: {messages[-1]['content']}"

    class Shop:
        def answer(self, messages):
            return "from the shop"

    shop = Shop()
"""


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of the user's, `my_agents`, on the import path."""
    (tmp_path / "my_agents.py").write_text(textwrap.dedent(MODULE))
    (tmp_path / "broken_agents.py").write_text("import json\njson.no_such_thing\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in ("my_agents", "broken_agents"):
        sys.modules.pop(name, None)


async def answer(agent, case=CASE, delta=lambda _: None, **settings):
    """Name, and answer to hello."""
    played, ref = resolve_agent(agent, cases=[case], **settings)
    hello = (Message(role="user", content="hello"),)
    turn = AgentTurn(messages=hello, case=case, key="k", trial=1, turn=1, session_id="sim-1", delta=delta)
    return ref.name, (await played(turn)).content


def refused(agent, kind=UsageError, cases=(CASE,)):
    with pytest.raises(kind) as error:
        resolve_agent(agent, cases=cases)
    return str(error.value)


# --- agents that answer --------------------------------------------------------------


@pytest.mark.usefixtures("module")
async def test_an_agent_is_found_in_its_module():
    """A function, and a method of an object; what a run keeps of it has the hash of its source."""
    assert await answer("my_agents:agent") == ("agent", "Rome: hello")
    assert await answer("my_agents:shop.answer", TestCase(goal="g")) == ("Shop.answer", "from the shop")
    _, ref = resolve_agent("my_agents:agent", name="v1")
    assert (ref.name, len(ref.source_hash)) == ("v1", 12)


async def test_an_address_is_an_agent(monkeypatch):
    """The key goes along where it belongs to that server."""
    with OpenAIServer(Say("hi")) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        name, text = await answer(f"{server.url}#support", TestCase(goal="g"))

    assert (name, text.strip()) == (f"support@127.0.0.1:{server.port}", "hi")
    assert server.seen[0].headers["Authorization"] == "Bearer sk-1"


RESPONSE_EVENTS = (
    {"type": "response.output_text.delta", "delta": "It was ", "item_id": "m1"},
    {"type": "response.output_text.delta", "delta": "sent.", "item_id": "m1"},
    {"type": "response.output_item.done", "item": ITEM_SAYS},
)
CHAT_EVENTS = (
    {"delta": {"role": "assistant", "content": "It was ", "id": "1"}},
    {"delta": {"role": "assistant", "content": "sent.", "id": "1"}},
)


@pytest.mark.parametrize(
    ("task", "answered", "asked"),
    [
        ("llm/v1/chat", Say("It was sent."), ["messages", "stream"]),
        ("agent/v1/responses", Events(RESPONSE_EVENTS), ["context", "custom_inputs", "input", "stream"]),
        ("agent/v2/chat", Events(CHAT_EVENTS), ["context", "custom_inputs", "messages", "stream"]),
        (None, Say("It was sent."), ["messages", "stream"]),
    ],
)
async def test_a_serving_endpoint_is_asked_as_it_speaks(monkeypatch, task, answered, asked):
    """It says itself whether it is a model, a ResponsesAgent or a ChatAgent; it may keep that from us."""
    page = Status(200, {"name": "support", "task": task}) if task else Status(403, "not yours to see")
    with OpenAIServer(answered, pages={"/api/2.0/serving-endpoints/support": page}) as server:
        monkeypatch.setenv("DATABRICKS_HOST", server.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-1")
        pieces: list[str] = []
        name, text = await answer("endpoints:/support", delta=pieces.append)
        await answer("databricks:/support")

    posted = [seen for seen in server.seen if seen.body]
    assert (name, text.strip(), "".join(pieces).strip()) == ("support", "It was sent.", "It was sent.")
    assert len(pieces) > 1
    assert {seen.path for seen in posted} == {"/serving-endpoints/support/invocations"}
    assert sorted(posted[0].body) == asked
    assert posted[0].body.get("custom_inputs", {"city": "Rome"}) == {"city": "Rome"}
    assert posted[0].body.get("context", {}).get("conversation_id") == ("sim-1" if "context" in asked else None)
    assert {seen.headers["Authorization"] for seen in server.seen} == {"Bearer dapi-1"}


async def test_a_serving_endpoint_that_is_not_there(monkeypatch):
    """Said in one line, before it is asked."""
    with OpenAIServer() as server:
        monkeypatch.setenv("DATABRICKS_HOST", server.host)
        monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-1")
        with pytest.raises(AgentError, match="the endpoint answered 404: not there"):
            await answer("endpoints:/nobody")


async def test_the_public_fake_is_an_agent():
    """What we ship for tests goes through the same door."""
    assert await answer(ScriptedAgent({"hello": "good day"}), TestCase(goal="g")) == ("ScriptedAgent", "good day")


# --- models in MLflow ----------------------------------------------------------------

RESPONSES = """
    import mlflow
    from mlflow.pyfunc import ResponsesAgent
    from mlflow.types.responses import ResponsesAgentResponse

    class Agent(ResponsesAgent):
        def predict(self, request):
            session = request.context and request.context.conversation_id
            text = f"{request.input[-1].content} {session} {request.custom_inputs}"
            return ResponsesAgentResponse(output=[self.create_text_output_item(text=text, id="m1")])

    mlflow.models.set_model(Agent())
"""
STREAMED = """
    import mlflow
    from mlflow.pyfunc import ResponsesAgent
    from mlflow.types.responses import ResponsesAgentResponse, ResponsesAgentStreamEvent

    class Agent(ResponsesAgent):
        def predict(self, request):
            return ResponsesAgentResponse(output=[self.create_text_output_item(text="whole", id="m1")])

        def predict_stream(self, request):
            for word in ("It was ", "sent."):
                yield ResponsesAgentStreamEvent(**self.create_text_delta(delta=word, item_id="m1"))
            item = self.create_text_output_item(text="It was sent.", id="m1")
            yield ResponsesAgentStreamEvent(type="response.output_item.done", item=item)

    mlflow.models.set_model(Agent())
"""
CHAT_AGENT = """
    import mlflow
    from mlflow.pyfunc import ChatAgent
    from mlflow.types.agent import ChatAgentMessage, ChatAgentResponse

    class Agent(ChatAgent):
        def predict(self, messages, context=None, custom_inputs=None):
            said = f"{messages[-1].content} {context and context.conversation_id} {custom_inputs}"
            return ChatAgentResponse(messages=[ChatAgentMessage(role="assistant", content=said, id="1")])

    mlflow.models.set_model(Agent())
"""
CHAT_MODEL = """
    import mlflow
    from mlflow.pyfunc import ChatModel
    from mlflow.types.llm import ChatChoice, ChatCompletionResponse, ChatMessage

    class Model(ChatModel):
        def predict(self, context, messages, params):
            said = ChatMessage(role="assistant", content=f"{messages[-1].content} {params.custom_inputs}")
            return ChatCompletionResponse(choices=[ChatChoice(message=said)])

    mlflow.models.set_model(Model())
"""
COLUMNS = """
    import mlflow

    class Model(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            row = model_input.to_dict("records")[0]
            return [f"{row['city']}: {list(row['messages'])[-1]['content']}"]

    mlflow.models.set_model(Model())
"""
NUMBERS = """
    import mlflow

    class Model(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [1.0]

    mlflow.models.set_model(Model())
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store with a registered model of each kind, and one that is no agent."""
    import mlflow
    from mlflow.models import infer_signature

    folder = tmp_path_factory.mktemp("store")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    columns = {"messages": [{"role": "user", "content": "x"}], "city": "x"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.create_experiment("agents", artifact_location=(folder / "artifacts").as_uri())
        mlflow.set_experiment("agents")
        for name, source, signature in (
            ("support", RESPONSES, None),
            ("streamed", STREAMED, None),
            ("chat_agent", CHAT_AGENT, None),
            ("chat_model", CHAT_MODEL, None),
            ("columns", COLUMNS, infer_signature(columns, ["x"])),
            ("numbers", NUMBERS, infer_signature({"age": 1.0}, [1.0])),
        ):
            (folder / f"{name}.py").write_text(textwrap.dedent(source))
            settings = {"signature": signature} if signature else {}
            mlflow.pyfunc.log_model(
                name=name,
                python_model=str(folder / f"{name}.py"),
                registered_model_name=name,
                pip_requirements=[],
                **settings,
            )
        mlflow.MlflowClient().set_registered_model_alias("support", "champion", "1")
    yield
    mlflow.set_tracking_uri(None)


@pytest.mark.usefixtures("store")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("version", ["@champion", "/1", "@latest"])
async def test_a_registered_agent_answers_by_alias_version_and_latest(version):
    """Session and context reach it, and the run knows the model's id."""
    name, text = await answer(f"models:/support{version}")
    _, ref = resolve_agent(f"models:/support{version}")

    assert (name, text) == (f"support{version}", "hello sim-1 {'city': 'Rome'}")
    assert ref.model_id.startswith("m-")
    assert ref.source_hash == ""


@pytest.mark.usefixtures("store")
@pytest.mark.filterwarnings("ignore")
async def test_every_kind_of_logged_agent_answers():
    """One that streams is heard as it does; a ChatAgent and a ChatModel are given what they take."""
    pieces: list[str] = []

    assert (await answer("models:/streamed/1", delta=pieces.append))[1] == "".join(pieces) == "It was sent."
    assert pieces == ["It was ", "sent."]
    assert (await answer("models:/chat_agent/1"))[1] == "hello sim-1 {'city': 'Rome'}"
    assert (await answer("models:/chat_model/1"))[1] == "hello {'city': 'Rome'}"


@pytest.mark.usefixtures("store")
@pytest.mark.filterwarnings("ignore")
async def test_a_model_of_columns_takes_context_by_its_columns():
    """A context that has no column is refused before the model is called."""
    assert await answer("models:/columns/1") == ("columns/1", "Rome: hello")
    street = TestCase(goal="g", context={"street": "Via Po"}, case_id="c2")
    assert "takes no 'street'" in refused("models:/columns/1", AgentTypeError, [street])


@pytest.mark.usefixtures("store")
@pytest.mark.filterwarnings("ignore")
def test_models_that_are_no_agents_and_models_that_are_not_there():
    """Said in one line, with what the model takes."""
    assert refused("models:/numbers/1", AgentTypeError) == snapshot(
        "model numbers/1 takes age: log it with `messages` or `input` in its signature"
    )
    assert refused("models:/nobody/1", NotFoundError).startswith("models:/nobody/1: no such model in sqlite:///")
    assert refused("models:/support@nobody", NotFoundError).startswith("models:/support@nobody: no such model")
    assert refused("models:/", StoreError).startswith("models:/ cannot be loaded: ")


# --- names that are none -------------------------------------------------------------


@pytest.mark.usefixtures("module")
def test_what_is_wrong_with_a_name_is_said_in_one_line():
    """Before any model is called."""
    names = (
        "my_agent",
        "no_such_module:agent",
        "my_agents:agnet",
        "my_agents:shop.reply",
        "my_agents:Shop",
        "broken_agents:agent",
        "gpt:/agent",
        "http://localhost:1/v1",
        42,
    )

    assert [refused(name, AgentTypeError) for name in names] == snapshot(
        [
            "agent 'my_agent' is no name that we know: give 'module:name', 'http://host/v1#model', 'models:/name@alias', or 'endpoints:/name'",
            "agent 'no_such_module:agent': there is no module no_such_module: run it from the folder that holds it, or install it",
            "agent 'my_agents:agnet': my_agents has no agnet: did you mean agent?",
            "agent 'my_agents:shop.reply': my_agents has no shop.reply",
            "Shop is a class: give an object of it, such as Shop()",
            "agent 'broken_agents:agent': importing broken_agents failed: AttributeError: module 'json' has no attribute 'no_such_thing'",
            "agent 'gpt:/agent' is no name that we know: give 'module:name', 'http://host/v1#model', 'models:/name@alias', or 'endpoints:/name'",
            "agent localhost:1 names no model: add it after a #, as in .../v1#my-agent",
            "42 is no agent: give a function of `messages` or `input`, 'module:name', a URL, or an MLflow model",
        ]
    )
    assert refused("endpoints:/support", ModelNameError) == snapshot(
        "endpoints:/support needs a Databricks workspace: set DATABRICKS_HOST and DATABRICKS_TOKEN in the environment"
    )


@pytest.mark.usefixtures("module")
def test_a_context_that_does_not_fit_is_found_at_once():
    """With the case's name, before any model is called."""
    street = TestCase(goal="g", context={"street": "Via Po"}, case_id="c2")
    taken = TestCase(goal="g", context={"messages": []}, case_id="c3")

    assert refused("my_agents:agent", AgentTypeError, [CASE, street]) == snapshot(
        "agent agent takes no 'street', which the context of test case 'c2' holds: give it that parameter, or **kwargs"
    )
    assert refused("my_agents:agent", CaseError, [taken]) == snapshot(
        "test case 'c3': context has 'messages', which is not the case's to give"
    )
