"""Parameters of the models that play the user and judge: where they go, what is refused, and what remembers them."""

import json

import pytest

import convsim_nb as cs
from convsim_nb.engine.user import UserReply
from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.servers import OpenAIServer, Say

CASES = [{"goal": "Get a refund", "case_id": "a"}]
QUIET = {"mlflow": False, "progress": False, "journal": False}
PARAMS = {"temperature": 0.3, "stop": ["\n\n"]}


def plays_user(body):
    """Whether a request asks for the user's reply: by its schema, which stands in the prompt where it must."""
    return UserReply.__doc__ in json.dumps(body)


def by_role(body):
    """A user who asks, and a judge who is content."""
    if plays_user(body):
        return Say('{"action": "say", "text": "My refund, please", "because": ""}')
    return Say('{"why": "", "fired": [], "evidence": "It is done.", "reached": true}')


@pytest.fixture
def server():
    with OpenAIServer(by=by_role) as server:
        yield server


def sent(server):
    """What went with each call, by who was asked."""
    return {
        "user" if plays_user(seen.body) else "judge": {
            name: seen.body[name] for name in ("temperature", "stop", "seed") if name in seen.body
        }
        for seen in server.seen
    }


@pytest.mark.parametrize("judge", [None, {"seed": 7}])
def test_each_model_gets_its_own_by_the_lean_client(server, judge):
    """The user's parameters are not the judge's, though one model plays both; the run's settings keep them."""
    options = {"user_model": f"{server.url}#m", "user_llm_params": PARAMS, "judge_llm_params": judge}
    run = cs.simulate(CASES, ScriptedAgent(), **options, **QUIET).wait(20)

    assert [c.stop for c in run.conversations] == ["goal_reached"]
    assert sent(server) == {"user": PARAMS, "judge": judge or {}}
    assert (run.state.settings.user_llm_params, run.state.settings.judge_llm_params) == (PARAMS, judge or {})


def test_litellm_gets_them_too(server):
    """With LiteLLM the same names travel; what it takes by keyword, such as `api_base`, may stand among them."""
    at = {"api_base": server.url}
    options = {"user_model": "hosted_vllm:/m", "user_llm_params": {**PARAMS, **at}, "judge_llm_params": at}
    run = cs.simulate(CASES, ScriptedAgent(), **options, **QUIET).wait(30)

    assert [c.stop for c in run.conversations] == ["goal_reached"]
    assert sent(server) == {"user": PARAMS, "judge": {}}


def test_litellm_leaves_none_out_in_silence(server, monkeypatch):
    """A parameter that the provider does not take is an error that names it, not a run with other settings."""
    monkeypatch.setenv("MISTRAL_API_KEY", "none")
    params = {"api_base": server.url, "logit_bias": {"1": 2}}
    run = cs.simulate(CASES, ScriptedAgent(), user_model="mistral:/m", user_llm_params=params, **QUIET).wait(30)

    assert [c.stop for c in run.conversations] == ["model_error"]
    assert "logit_bias" in run.conversations[0].detail


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user_llm_params": 3}, "user_llm_params=3: give a mapping, such as {'temperature': 0.7}"),
        ({"user_llm_params": {"model": "x"}}, "sets 'model', which convsim sets itself: user_model= and judge_model="),
        ({"judge_llm_params": {"stream": True}}, "judge_llm_params sets 'stream', which convsim sets itself"),
        ({"user_llm_params": {"timeout": 3}}, "sets 'timeout', which convsim sets itself: say model_timeout="),
        ({"user_llm_params": {"api_key": "sk"}}, "sets 'api_key', and would be kept with the run"),
        ({"user_llm_params": {"extra_headers": {}}}, "sets 'extra_headers', and would be kept with the run"),
        ({"user_llm_params": {1: 2}}, "user_llm_params has the name 1"),
        ({"user_llm_params": {"seed": object}}, "user_llm_params['seed'] = <class 'object'> is no JSON value"),
        ({"user_llm_params": {"seed": float("nan")}}, "user_llm_params['seed'] = nan is no JSON value"),
        ({"user_llm_params": {"stop": {"a", "b"}}}, "is no JSON value: give a number, text, list or mapping"),
        ({"user_llm_params": {"seed": 1}}, "user_model is an object: its parameters seed are for itself to set"),
        ({"user_llm_params": {"seed": 1}, "user": lambda view: None}, "user= is an object of your own"),
        ({"user_llm_params": {"seed": 1}, "user_model": "demo:/rules"}, "no language model and has no seed"),
        ({"judge_llm_params": {"seed": 1}, "goal_check": lambda conversation: True}, "and nobody judges"),
    ],
)
def test_what_cannot_be_given_is_refused(options, message):
    """One line that names the option and the value, before any model is asked."""
    chat = ScriptedChat.happy()
    with pytest.raises(cs.ConvsimError) as caught:
        cs.simulate(CASES, ScriptedAgent(), **{"user_model": chat, **options}, **QUIET)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert chat.requests == []


def test_a_job_with_other_parameters_is_another_job(server, tmp_path):
    """One `run_key` and another temperature: refused; a resumed run keeps what it was begun with."""
    options = {"user_model": f"{server.url}#m", "journal": tmp_path, "mlflow": False, "progress": False}
    first = cs.simulate(CASES, ScriptedAgent(), run_key="k", user_llm_params=PARAMS, max_seconds=1e-6, **options)
    first.wait(20)
    with pytest.raises(cs.ConvsimError, match=r"was begun with user_llm_params .*0\.3.*, now it is .*0\.9"):
        cs.simulate(CASES, ScriptedAgent(), run_key="k", user_llm_params={"temperature": 0.9}, **options)
    again = {"journal": tmp_path, "mlflow": False, "progress": False, "max_seconds": None}
    run = cs.resume(first.run_id, agent=ScriptedAgent(), **again).wait(20)

    assert [c.stop for c in run.conversations] == ["goal_reached"]
    assert sent(server)["user"] == PARAMS


def test_a_recording_knows_them(server, tmp_path):
    """A replay plays with the parameters of the recording; others are named as what changed."""
    path = tmp_path / "replies.jsonl"
    options = {"user_model": f"{server.url}#m", "user_llm_params": PARAMS}
    cs.simulate(CASES, ScriptedAgent(), record=path, **options, **QUIET).wait(20)
    same = cs.simulate(CASES, ScriptedAgent(), replay=path, **QUIET).wait(20)
    other = cs.simulate(CASES, ScriptedAgent(), replay=path, user_llm_params={"seed": 1}, **QUIET).wait(20)

    assert [c.stop for c in same.conversations] == ["goal_reached"]
    assert same.state.settings.user_llm_params == PARAMS
    assert [c.stop for c in other.conversations] == ["model_error"]
    assert "its parameters were {'temperature': 0.3" in other.conversations[0].detail
    assert "now they are {'seed': 1}" in other.conversations[0].detail
