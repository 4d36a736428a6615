"""Does the simulated user react to agents of no use?"""

import pytest

import convsim_nb as cs
from convsim_nb.demo.agents import make_agent
from convsim_nb.domain.errors import UsageError
from convsim_nb.testing import ScriptedChat

OPTIONS = {"mlflow": False, "journal": False, "progress": False}
CASE = {
    "goal": "Find out what the savings account pays",
    "case_id": "rate",
    "withheld": [{"fact": "The leaflet says 2 percent", "after": "the agent names a rate"}],
}
CONTENT = ScriptedChat(
    user=("Hello", "Lovely", "How nice", "Good to know", "Great stuff", "Marvellous"), name="content"
)
PARROT = ScriptedChat(user=("What does it pay?",), name="parrot")
LEAVES = ScriptedChat(
    user=("What does it pay?", "That is no answer", {"action": "end", "because": "this leads nowhere"}), name="leaves"
)


def test_a_user_that_reacts_passes_and_one_that_chats_on_is_reported():
    """Objecting and leaving is what people do; being content with nothing, or saying the same again, is a fault."""
    told = cs.selftest([CASE], user_models=[LEAVES, CONTENT, PARROT], **OPTIONS)

    assert {reaction.agent for reaction in told.reactions} == {"useless", "silent", "looping"}
    by_model = {model: [r.fault for r in told.reactions if r.user_model == model] for model in ("leaves", "content")}
    assert by_model["leaves"] == ["", "", ""]
    assert by_model["content"] == ["in 6 turns the user neither objected, nor asked, nor left"] * 3
    parrot = [r.fault for r in told.reactions if r.user_model == "parrot"]
    assert all("the same" in fault for fault in parrot)
    assert not told.passed
    assert "content: rate against a silent agent: in 6 turns" in "\n".join(told.problems)
    assert [(r.turns, r.stop) for r in told.reactions if r.user_model == "leaves"] == [(2, "user_ended")] * 3


def test_the_stand_in_of_the_demo_passes():
    """What the tutorials are played with reacts as well."""
    told = cs.selftest([CASE], user_model="demo:/rules", **OPTIONS)

    assert told.passed, told.problems
    assert list(told.to_frame().columns)[:4] == ["user_model", "case_id", "agent", "turns"]


def test_several_user_models_show_how_far_the_result_is_theirs():
    """The same cases against the same agent: the reach rates by user model, and what lies between them."""
    asks = ScriptedChat(user=("What's my balance", "ACC-4862"), name="asks")
    told = cs.selftest(
        [{"goal": "Check their balance", "facts": ["Account number: ACC-4862"]}],
        agent=make_agent(2),
        user_models=[asks, CONTENT],
        judge_model="demo:/rules",
        max_turns=3,
        **OPTIONS,
    )

    assert told.spread == {"asks": 1.0, "content": 0.0}
    assert "the user models are 100 points apart" in repr(told)
    assert "reach rate with asks: 100%" in told._repr_html_()


def test_no_models_are_no_test():
    """One line before anything is played."""
    with pytest.raises(UsageError, match="user_models is empty"):
        cs.selftest([CASE], user_models=[], **OPTIONS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"user_models": [LEAVES, "openai:/gpt-5-mini"]}, "openai:/gpt-5-mini needs a key: set OPENAI_API_KEY"),
        ({"user_models": "demo:/rules"}, r"user_models='demo:/rules': give a list, \['demo:/rules'\]"),
        ({"user_models": [LEAVES], "record": "all.jsonl"}, "record is given: it keeps one run"),
    ],
)
def test_nothing_is_paid_for_before_all_models_are_known(options, message, monkeypatch):
    """A model without a key at the end of the list is named before the first one is asked."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    asked = len(LEAVES.requests)
    with pytest.raises(UsageError, match=message):
        cs.selftest([CASE], **options, **OPTIONS)

    assert len(LEAVES.requests) == asked
