"""Our prompts in MLflow's Prompt Registry, and what a run knows of those that came out of it."""

import json

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.engine.prompts import prompt
from convsim_nb.testing import ScriptedAgent, ScriptedChat

OWN = "Read the session, and say what the person wanted, in JSON." * 5
CASES = [cs.TestCase(goal="Get a refund", case_id="refund")]


def test_registered_once_each_and_again_only_when_changed(ambient):
    """One call puts all of them there; a second one makes no second version; an alias is set."""
    first = cs.register_prompts(prefix="once", alias="production")

    names = ("user", "judge", "split", "distill", "draft", "failure")
    assert first == {name: f"prompts:/once-{name}/1" for name in names}
    assert cs.register_prompts(prefix="once") == first
    kept = mlflow.MlflowClient().load_prompt("prompts:/once-user@production")
    assert (kept.template, kept.tags["convsim.prompt_version"]) == (prompt("user").text, prompt("user").version)


def test_a_run_uses_the_prompt_that_is_named_records_its_version_and_is_linked(ambient, tmp_path):
    """The alias is resolved to a version when the run is planned; MLflow's run shows it as a prompt of its own."""
    client = mlflow.MlflowClient()
    client.register_prompt("mine", "You are a customer. Say hello.")
    client.set_prompt_alias("mine", "best", 1)
    chat = ScriptedChat.happy()
    run = cs.simulate(
        CASES,
        ScriptedAgent(),
        user_model=chat,
        prompts={"user": "prompts:/mine@best"},
        journal=tmp_path,
        progress=False,
    ).wait()

    asked = next(request for request in chat.requests if request.reply_type.__name__ == "UserReply")
    assert asked.messages[0].content == "You are a customer. Say hello."
    assert run.state.settings.prompts == {"user": "prompts:/mine/1", "judge": prompt("judge").version}
    data = client.get_run(run.mlflow_run_id).data
    assert data.params["prompt.user"] == "prompts:/mine/1"
    assert [(one["name"], one["version"]) for one in json.loads(data.tags["mlflow.linkedPrompts"])] == [("mine", "1")]


def test_distilling_takes_prompts_too_and_texts():
    """The case names what it was distilled with; a text is named by its hash."""
    session = cs.Session(id="s", messages=[cs.Message(role="user", content="a refund please")])
    reply = {"goal": {"text": "Get a refund", "message": 0, "quote": "a refund please"}}
    chat = ScriptedChat(distill=(reply,))
    cases = cs.distill([session], model=chat, prompts={"distill": OWN}, journal=False, progress=False)

    assert chat.requests[0].messages[0].content == OWN
    assert cases[0].source.prompts["distill"].startswith("text:")


def test_a_prompt_is_read_from_a_file(tmp_path):
    """A path is not sent to the model as if it were the prompt: the file is read."""
    (tmp_path / "mine.md").write_text(prompt("user").text + "\nBe brief.")
    chat = ScriptedChat.happy()
    options = {"mlflow": False, "journal": False, "progress": False}
    own = {"user": str(tmp_path / "mine.md")}
    cs.simulate(CASES, ScriptedAgent(), user_model=chat, prompts=own, **options).wait(10)
    asked = next(request for request in chat.requests if request.reply_type.__name__ == "UserReply")

    assert asked.messages[0].content.endswith("Be brief.")


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ({"usr": "x"}, "prompts has 'usr': there are user, judge"),
        ({"user": 7}, r"prompts\['user'\] = 7: give prompts:/name@alias, a file, or the prompt's text"),
        ("prompts:/mine@best", "give a mapping"),
        ({"user": "my_prompt.md"}, r"prompts\['user'\] = 'my_prompt.md' looks like a file, and cannot be read"),
        ({"judge": "Be strict."}, r"prompts\['judge'\] \(10 characters\) is no whole prompt"),
        ({"user": "prompts:/nobody@best"}, "prompts:/nobody@best"),
        ({"user": "prompts:/with-variables/1"}, "is a chat prompt or has variables"),
    ],
)
def test_what_is_no_prompt_is_refused_before_any_model_is_called(ambient, prompts, message):
    """One line that names what was given."""
    if "variables" in str(prompts) and mlflow.MlflowClient().load_prompt("with-variables", allow_missing=True) is None:
        mlflow.MlflowClient().register_prompt("with-variables", "Say {{word}}.")
    with pytest.raises(cs.ConvsimError, match=message):
        cs.simulate(CASES, ScriptedAgent(), user_model=ScriptedChat(), prompts=prompts, mlflow=False)
