"""From a model's name to a model: what works, and what is refused before anything is called."""

# ruff: noqa: E501 - the messages are one line, as they are printed

import functools
import subprocess
import sys

import pytest
from inline_snapshot import snapshot

from convsim_nb.adapters.litellm_chat import LitellmChat
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError, ModelNameError
from convsim_nb.engine.ports import ChatMessage, ChatReply, ChatRequest
from convsim_nb.testing import ScriptedChat
from convsim_nb.workflow.models import resolve_model
from tests.servers import OpenAIServer, Say, Status

HELLO = ChatRequest(messages=(ChatMessage("user", "Begin."),))
VARIABLES = (
    "OPENAI_API_KEY OPENAI_API_BASE OPENAI_BASE_URL ANTHROPIC_API_KEY DATABRICKS_HOST DATABRICKS_TOKEN "
    "MLFLOW_GATEWAY_URI MLFLOW_TRACKING_URI MLFLOW_TRACKING_TOKEN MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD"
)


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    """No key and no address in the environment; and no MLflow, which would have an address of its own."""
    monkeypatch.delitem(sys.modules, "mlflow", raising=False)
    for name in VARIABLES.split():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server():
    with OpenAIServer(Say("Hi")) as server:
        yield server


async def asked(model, **options):
    """The name that results show, and the text that the model answers."""
    name, chat = resolve_model(model, **options)
    return name, (await chat(HELLO)).text


# --- names that work -----------------------------------------------------------------


@pytest.mark.parametrize("variable", ["OPENAI_API_BASE", "OPENAI_BASE_URL"])
async def test_openai_models_are_called_where_the_environment_says(server, monkeypatch, variable):
    """Key and address are those of OpenAI's own clients; a known model has its price."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv(variable, server.url)
    name, chat = resolve_model("openai:/gpt-4o-mini", params={"seed": 3})
    reply = await chat(HELLO)

    assert (name, reply.text) == ("openai:/gpt-4o-mini", "Hi")
    assert reply.usage.cost == pytest.approx(6 * 0.15e-6 + 4 * 0.075e-6 + 5 * 0.6e-6)
    assert (server.bodies[0]["model"], server.bodies[0]["seed"]) == ("gpt-4o-mini", 3)
    assert server.seen[0].headers["Authorization"] == "Bearer sk-1"


async def test_a_url_names_server_and_model(server):
    """The model stands after the `#`."""
    assert await asked(f"{server.url}#llama-3") == (f"{server.url}#llama-3", "Hi")
    assert server.bodies[0]["model"] == "llama-3"


async def test_the_key_goes_to_its_own_server_and_no_other(server, monkeypatch):
    """OPENAI_API_KEY is not handed to whatever address stands in a URL."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    await asked(f"{server.url}#m")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    await asked(f"{server.url}#m")

    assert [seen.headers.get("Authorization") for seen in server.seen] == [None, "Bearer sk-1"]


@pytest.mark.parametrize("scheme", ["databricks", "endpoints"])
async def test_serving_endpoints_of_a_workspace(server, monkeypatch, scheme):
    """Databricks serves its endpoints by the OpenAI protocol, under the workspace's address."""
    monkeypatch.setenv("DATABRICKS_HOST", server.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi-1")

    assert await asked(f"{scheme}:/claude") == (f"{scheme}:/claude", "Hi")
    assert server.seen[0].path == "/serving-endpoints/chat/completions"
    assert server.seen[0].body["model"] == "claude"
    assert server.seen[0].headers["Authorization"] == "Bearer dapi-1"


@pytest.mark.parametrize("variable", ["MLFLOW_GATEWAY_URI", "MLFLOW_TRACKING_URI"])
async def test_an_endpoint_of_the_gateway_in_a_tracking_server(server, monkeypatch, variable):
    """The gateway's own address goes before the tracking server's, and the caller is named as MLflow's client is."""
    monkeypatch.setenv(variable, f"{server.host}/")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "secret")

    assert await asked("gateway:/chat") == ("gateway:/chat", "Hi")
    assert server.seen[0].path == "/gateway/mlflow/v1/chat/completions"
    assert server.seen[0].body["model"] == "chat"
    assert server.seen[0].headers["Authorization"] == "Basic YW5uOnNlY3JldA=="


async def test_every_other_provider_goes_through_litellm(server, monkeypatch):
    """A provider that LiteLLM knows is called by it; MLflow's names for providers are understood."""
    monkeypatch.setenv("HOSTED_VLLM_API_BASE", server.url)
    monkeypatch.setenv("TOGETHERAI_API_KEY", "x")

    assert await asked("hosted_vllm:/m", timeout=20.0) == ("hosted_vllm:/m", "Hi")
    name, chat = resolve_model("togetherai:/llama")
    assert isinstance(chat, LitellmChat)
    assert (name, chat.model) == ("togetherai:/llama", "together_ai/llama")


@pytest.mark.filterwarnings("ignore::UserWarning:pydantic")  # LiteLLM builds its models when they are first used
@pytest.mark.parametrize(
    ("uri", "variable", "priced"),
    [
        ("anthropic:/claude-sonnet-4-5", "ANTHROPIC_API_KEY", True),
        ("gemini:/gemini-2.5-flash", "GEMINI_API_KEY", True),
        ("mistral:/mistral-large-latest", "MISTRAL_API_KEY", True),
        ("groq:/a-model-without-a-price", "GROQ_API_KEY", False),
    ],
)
async def test_providers_answer_by_litellms_own_mock(monkeypatch, uri, variable, priced):
    """Each by its own name and key; tokens are counted, and the cost is known where the price is."""
    monkeypatch.setenv(variable, "sk-1")
    name, chat = resolve_model(uri, params={"mock_response": "Hi from the mock"})
    reply = await chat(HELLO)

    assert (name, reply.text, reply.usage.calls) == (uri, "Hi from the mock", 1)
    assert reply.usage.output_tokens > 0
    assert (reply.usage.cost is not None) == priced


async def test_the_rule_based_stand_in():
    """It needs no key and no network."""
    name, chat = resolve_model("demo:/rules")

    assert name == "demo:/rules"
    assert callable(chat)


async def test_any_object_that_fits_is_a_model():
    """A function, an object with a name, and one without."""

    async def mine(_request):
        return ChatReply("mine", Usage(calls=1))

    class Own:
        __call__ = staticmethod(mine)

    assert await asked(mine) == ("mine", "mine")
    assert await asked(Own()) == ("Own", "mine")
    assert resolve_model(ScriptedChat())[0] == "scripted"
    assert resolve_model(functools.partial(mine))[0] == "partial"


# --- names that do not ---------------------------------------------------------------


def test_what_is_wrong_with_a_name_is_said_in_one_line():
    """The value, and the next step; before any model is called."""
    names = (
        None,
        "",
        "gpt-4o",
        "claude-sonnet-4-5",
        "anthropic/claude-sonnet-4-5",
        "openai:gpt-4o",
        "openai:/",
        "openai:/gpt-4o",
        "opnai:/gpt-4o",
        "no_such_provider:/x",
        "anthropic:/claude-sonnet-4-5",
        "demo:/gpt",
        "databricks",
        "databricks:/claude",
        "gateway:/chat",
        "http://ann:secret@localhost:1234/v1?key=sk-1",
        42,
        ScriptedChat,
    )

    assert [said(name) for name in names] == snapshot(
        [
            "no user_model is named: give user_model=, such as openai:/gpt-5-mini or http://localhost:8000/v1#my-model; demo:/rules is a stand-in that is no language model",
            "user_model='' is no model URI: did you mean openai:/gpt-5-mini?",
            "user_model='gpt-4o' is no model URI: did you mean openai:/gpt-4o?",
            "user_model='claude-sonnet-4-5' is no model URI: did you mean anthropic:/claude-sonnet-4-5?",
            "user_model='anthropic/claude-sonnet-4-5' is no model URI: did you mean anthropic:/claude-sonnet-4-5?",
            "user_model='openai:gpt-4o' is no model URI: did you mean openai:/gpt-4o?",
            "user_model='openai:/' is no model URI: did you mean openai:/gpt-5-mini?",
            "openai:/gpt-4o needs a key: set OPENAI_API_KEY in the environment",
            "opnai:/gpt-4o: no provider is named 'opnai': did you mean openai:/gpt-4o or openai_like:/gpt-4o?",
            "no_such_provider:/x: no provider is named 'no_such_provider': did you mean a known provider, such as openai:/gpt-5-mini or http://localhost:8000/v1#my-model?",
            "anthropic:/claude-sonnet-4-5 needs a key: set ANTHROPIC_API_KEY in the environment",
            "demo:/gpt: the demo has one model, demo:/rules",
            "databricks, the managed judge, needs databricks-agents: pip install databricks-agents, or name a serving endpoint, databricks:/<endpoint>",
            "databricks:/claude needs a Databricks workspace: set DATABRICKS_HOST and DATABRICKS_TOKEN in the environment",
            "gateway:/chat needs an MLflow server: set MLFLOW_GATEWAY_URI to its http(s) address (now: '')",
            "http://localhost:1234/v1 names no model: add it after a #, as in http://localhost:1234/v1#my-model",
            "user_model is 42: give a name, such as openai:/gpt-5-mini or http://localhost:8000/v1#my-model, or an object that fits Chat",
            "user_model is the class ScriptedChat: give a name, such as openai:/gpt-5-mini or http://localhost:8000/v1#my-model, or an object that fits Chat",
        ]
    )


def said(name) -> str:
    with pytest.raises(ModelNameError) as refused:
        resolve_model(name, param="user_model")
    return str(refused.value)


def test_half_a_workspace_names_the_missing_half(monkeypatch):
    """Only what is missing is asked for."""
    monkeypatch.setenv("DATABRICKS_HOST", "example.cloud.databricks.com")

    assert (
        said("databricks:/x") == "databricks:/x needs a Databricks workspace: set DATABRICKS_TOKEN in the environment"
    )


def test_parameters_of_an_object_are_its_own():
    """Sampling parameters cannot be put into an object from outside."""
    with pytest.raises(ModelNameError, match="user_model is an object: its parameters temperature"):
        resolve_model(ScriptedChat(), param="user_model", params={"temperature": 1})


async def test_a_refused_key_names_its_variable(monkeypatch):
    """A 401 says where the key came from."""
    with OpenAIServer(Status(401)) as server:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with pytest.raises(ModelError, match=r"openai:/x: the key was not accepted \(401\): .* in OPENAI_API_KEY$"):
            await asked("openai:/x")


def test_naming_an_openai_model_imports_neither_litellm_nor_mlflow():
    """The lean client needs neither, and its price is read from a file."""
    code = (
        "import os, sys; os.environ['OPENAI_API_KEY'] = 'x'\n"
        "from convsim_nb.workflow.models import resolve_model\n"
        "resolve_model('openai:/gpt-4o'); resolve_model('http://localhost:1/v1#m')\n"
        "print([name for name in ('litellm', 'mlflow', 'pandas') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
