"""Test cases from a description."""

import json

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

MATTERS = ("a refund", "an invoice", "a new address", "the opening hours", "a lost parcel", "a birthday card", "tea",
           "a broken lamp", "a repair", "a loan", "the weather", "a taxi", "a hotel")  # fmt: skip


def writes(*batches):
    """A model that answers with one batch of goals after the other, the last one for ever."""
    left = list(batches)

    def answer(_request):
        goals = left.pop(0) if len(left) > 1 else left[0]
        return {"cases": [{"goal": f"Get {matter}", "facts": "My name is Lund", "persona": ""} for matter in goals]}

    return ScriptedChat(draft=answer)


def test_what_is_there_already_is_told_and_what_is_missing_asked_for():
    """Eight at once at most; every later call knows the goals of the earlier ones."""
    chat = writes(MATTERS[:8], MATTERS[8:12])
    cases = cs.draft("A shop for lamps and tea", n=12, model=chat, progress=False)

    assert [case.goal for case in cases] == [f"Get {matter}" for matter in MATTERS[:12]]
    assert (cases[0].facts, cases[0].persona, cases[0].tags) == (("My name is Lund",), None, {"drafted_by": "scripted"})
    asked = [json.loads(request.messages[1].content) for request in chat.requests]
    assert [(one["agent"], one["wanted"], len(one["have"])) for one in asked] == [
        ("A shop for lamps and tea", 8, 0),
        ("A shop for lamps and tea", 4, 8),
    ]


def test_what_is_next_to_the_same_counts_once_and_the_end_is_said():
    """A model that repeats itself is asked twice more, and no further."""
    chat = writes(["a refund", "the refund", "an invoice"], ["an invoice"])
    cases = cs.draft("A shop", n=5, model=chat, progress=False)

    assert [case.goal for case in cases] == ["Get a refund", "Get an invoice"]
    assert cases.problems == ("2 of 5 test cases: the model brought nothing new any more",)
    assert len(chat.requests) == 3


def test_never_more_than_asked_for():
    """A model that writes too many is cut off."""
    assert len(cs.draft("A shop", n=3, model=writes(MATTERS), progress=False)) == 3


def test_a_budget_keeps_what_was_written():
    """What is used up is said; what there is stays."""
    cases = cs.draft("A shop", n=13, model=writes(MATTERS[:8], MATTERS[8:]), max_tokens=20, progress=False)

    assert len(cases) == 8
    assert cases.problems[0].startswith("8 of 13 test cases: max_tokens=20 is used up")


def test_a_case_that_gives_away_what_it_withholds_is_marked():
    """The same check as for distilled cases, as far as it goes without a session."""
    written = {
        "goal": "Learn prices though markets are closed",
        "withheld": [{"fact": "Markets are closed", "after": "x"}],
    }
    cases = cs.draft("A bank", n=1, model=ScriptedChat(draft=({"cases": [written]},)), progress=False)

    assert [one.check for one in cases[0].findings] == ["later"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"description": " "}, r"draft\(\) needs a description"),
        ({"description": "x", "n": 0}, "n=0: give a number above 0"),
        ({"description": "x", "model": "demo:/rules"}, "invents no test cases"),
        ({"description": "x"}, "no model is named"),
        ({"description": "x", "model": "demo:/x", "prompts": {"distill": "x"}}, "the demo has one model"),
    ],
)
def test_what_is_wrong_is_said_before_any_model_is_called(arguments, message):
    """One line with the value and the next step."""
    with pytest.raises(cs.ConvsimError, match=message):
        cs.draft(**arguments)


def test_an_error_of_the_model_is_raised():
    """There is nothing to give back where nothing was written."""
    with pytest.raises(cs.ConvsimError, match="the model gave no usable answer in 2 tries"):
        cs.draft("A shop", model=ScriptedChat(draft=("no JSON",)), progress=False)
