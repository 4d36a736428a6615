"""Test cases: what they take, what they refuse, and what stays the same."""

import json

import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import CaseError

DEEP = json.loads("[" * 400 + "]" * 400)


def test_a_goal_is_enough():
    """All else has a default, and an id is given at birth that tells something."""
    case = cs.TestCase(goal="Get a refund for a damaged kettle")

    assert case.case_id.startswith("get-a-refund-for-a-")
    assert (case.persona, case.facts, case.withheld, case.context) == (None, (), (), {})


def test_mlflows_forms_are_taken():
    """A lone guideline is a list of one; None is an empty list or mapping, as in MLflow."""
    case = cs.TestCase(goal="x", simulation_guidelines="Be brief", context=None, expectations=None, facts=None)

    assert case.simulation_guidelines == ("Be brief",)
    assert (case.context, case.expectations, case.facts) == ({}, {}, ())


def test_a_withheld_fact_needs_a_fact_and_a_trigger():
    """`kind` is a correction unless another is named."""
    assert cs.Withheld(fact="It is Saturday", after="the agent says live").kind == "correction"


def test_an_edit_keeps_the_id_and_changes_the_digest():
    """Results of an edited case can still be found by its id; that it is another case shows in the digest."""
    case = cs.TestCase(goal="Get a refund")
    edited = case.edited(goal="Get a refund for order 7")

    assert edited.case_id == case.case_id
    assert edited.digest != case.digest


def test_the_digest_is_of_what_shapes_the_simulation():
    """Tags and the place a case came from change nothing in how it is played."""
    plain = cs.TestCase(goal="x")
    tagged = cs.TestCase(goal="x", tags={"a": "b"}, case_id="other", source={"session_id": "s"})

    assert plain.digest == tagged.digest
    assert plain.digest != cs.TestCase(goal="x", facts=["y"]).digest


def test_the_same_content_gets_the_same_id():
    """A cell run twice gives cases that pair."""
    assert cs.TestCase(goal="x", facts=["y"]).case_id == cs.TestCase(goal="x", facts=["y"]).case_id


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "test case {} has no goal: give it one"),
        ({"goal": " "}, "test case {'goal': ' '} has an empty goal: say in one sentence what the user wants"),
        ({"goal": 3}, "test case {'goal': 3}: goal is 3 (int), not text: write it in quotes"),
        ({"goal": False}, "test case {'goal': False}: goal is False (bool), not text: write it in quotes"),
        ({"goal": "x", "facts": ["y", 7]}, "facts.1 is 7 (int), not text: write it in quotes"),
        ({"goal": "x", "case_id": "c7", "context": {"a": DEEP}}, "test case 'c7': context is nested too deep"),
        (
            {"goal": "x", "goals": 1},
            "test case {'goal': 'x', 'goals': 1} has an unknown field 'goals': did you mean goal?",
        ),
        ({"gaol": "x"}, "test case {'gaol': 'x'} has an unknown field 'gaol': did you mean goal?"),
        (
            {"goal": "x", "zzz": 1},
            "test case {'goal': 'x', 'zzz': 1} has an unknown field 'zzz': the fields are goal, persona",
        ),
        ({"goal": "x", "case_id": "c7", "context": [1]}, "test case 'c7': context = [1]: Input should be"),
        ({"goal": "x", "withheld": {"fact": "y"}}, "has no withheld.0.after: give it one"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(fields, message):
    """The message names the case, the field and the value; it is one line, in notebooks too."""
    with pytest.raises(cs.ConvsimError) as caught:
        cs.TestCase(**fields)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value._render_traceback_() == [f"CaseError: {caught.value}"]


FULL = cs.TestCase(
    goal="Get the level of the index",
    persona="You are brief.",
    style={"language": "en", "words": 7, "casing": "lower", "questions": 0.4, "examples": ["how high is it"]},
    facts=["The index is the DAX"],
    withheld=[cs.Withheld(fact="It is Saturday.", after="the agent shows live prices.", kind="follow_up")],
    context={"customer": 7},
    expectations={"guidelines": ["Says that markets are closed"]},
    proposed=["guidelines"],
    findings=[{"field": "goal", "check": "later", "reason": "The goal holds 'Saturday'."}],
)


def test_a_mapping_gives_back_the_whole_case():
    """Id, style, marks and findings included; what is empty is left out."""
    mapping = FULL.as_mapping()

    assert cs.TestCase(**mapping) == FULL
    assert next(iter(mapping)) == "case_id"
    assert "script" not in mapping


def test_marks_change_no_digest_and_an_edit_forgets_the_findings_of_its_field():
    """A confirmed proposal is played alike; a goal that was written anew is no longer doubted."""
    assert FULL.edited(proposed=(), findings=()).digest == FULL.digest
    assert FULL.edited(style=None).digest != FULL.digest
    assert FULL.edited(persona="x").findings == FULL.findings
    assert FULL.edited(goal="Get the level").findings == ()


def test_for_mlflow_the_rest_is_rendered_as_guidelines():
    """MLflow's own fields; what the person knows, withholds and how they write are guidelines; no proposal is there."""
    assert FULL.edited(proposed=()).as_mlflow()["expectations"] == {"guidelines": ["Says that markets are closed"]}
    assert FULL.as_mlflow() == {
        "goal": "Get the level of the index",
        "persona": "You are brief.",
        "simulation_guidelines": [
            "You know this, and say it only when the agent asks for it: The index is the DAX",
            (
                "You do not know or say this until the condition is met in the conversation: It is Saturday. "
                "The condition: the agent shows live prices."
            ),
            "Write in the language 'en' (ISO 639-1).",
            "Write about 7 words a message.",
            "Write in lower case.",
            "Questions: now and then.",
            "A message that you once wrote, for the tone alone: how high is it",
        ],
        "context": {"customer": 7},
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"facts": 3}, "facts is 3: write a list"),
        ({"case_id": ""}, "case_id is empty: write a text, or leave it out"),
        ({"persona": "\ud800"}, "persona holds half a character, which no file can keep: write it again"),
        ({"goal": "\udfff"}, "goal holds half a character, which no file can keep: write it again"),
    ],
)
def test_what_is_wrong_with_a_field_is_said_in_plain_words(fields, said):
    """Nothing of tuples and of surrogates."""
    with pytest.raises(CaseError, match=r"^test case ") as refused:
        cs.TestCase(**{"goal": "Get a refund", **fields})

    assert str(refused.value).endswith(said)
    assert "\n" not in str(refused.value)
