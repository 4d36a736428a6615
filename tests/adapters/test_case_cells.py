"""Cells as people edit them: texts that come back the same, and what is said where they cannot be read."""

import random
import re

import pytest

from convsim_nb.adapters.case_cells import COLUMNS, cell_text, cell_value, cells_of
from convsim_nb.domain.case import TestCase, Withheld
from convsim_nb.domain.errors import CaseError
from tests.notebook.grid_cells import FIXTURE, TYPED_WITHHELD, as_text

SIGNS = "ab :#\n-'\"[]{}|>&*!%@`,.;?0 1é字\t~"


def some(dice, most=12):
    return "".join(dice.choice(SIGNS) for _ in range(dice.randint(1, most)))


def test_the_file_is_what_python_makes():
    """What node reads is what Python read; `python -m tests.notebook.grid_cells` writes it anew."""
    assert FIXTURE.read_text(encoding="utf-8") == as_text()


def test_whatever_a_field_holds_comes_back_the_same():
    """Signs of YAML, JSON and of our own marks, spaces and newlines in every kind of cell lose nothing."""
    dice = random.Random(7)
    for _ in range(1500):
        values = {
            "facts": tuple(text for text in (some(dice).strip(), some(dice).strip()) if text),
            "withheld": tuple(Withheld(fact=f"x{some(dice)}", after=f"y{some(dice)}") for _ in range(2)),
            "expectations": {"guidelines": [some(dice), f"ab {some(dice)}"]},
            "context": {some(dice): some(dice), "user_name": f"Ada {some(dice)}", "n": 1.5, "list": [None, True]},
            "tags": {some(dice): some(dice)},
        }
        for column, value in values.items():
            assert cell_value(column, cell_text(column, value)) == value


def test_a_whole_case_is_made_of_its_cells_again():
    """All columns together hold what a case holds."""
    case = TestCase(
        goal="Get a refund\nfor the kettle",
        persona="Terse",
        simulation_guidelines=["Insists"],
        withheld=[{"fact": "It is Saturday", "after": "the agent says open", "kind": "answer"}],
        facts=["Order A-1893", "bought:\n  40 days ago"],
        expectations={"guidelines": ["Tone stays friendly"], "limit": 3},
        script=["Hello"],
        context={"plan": "gold", "day": "2026-03-14"},
        tags={"team": "billing"},
    )
    read = {name: cell_value(name, text) for name, text in cells_of(case).items()}

    assert set(read) == set(COLUMNS)
    assert TestCase(**read, case_id=case.case_id) == case


def test_expectations_may_be_plain_statements():
    """A list, or a sentence a line, stands for what scorers read statements from."""
    expected = {"guidelines": ["Tone stays friendly", "Cites the policy"]}

    assert cell_text("expectations", expected) == "- Tone stays friendly\n- Cites the policy"
    assert cell_value("expectations", "- Tone stays friendly\n- Cites the policy") == expected
    assert cell_value("expectations", "Tone stays friendly\nCites the policy") == expected
    assert cell_value("expectations", '{"limit": 3}') == {"limit": 3}
    assert cell_value("expectations", " \n") == {}


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("goal", "  ", "A goal is needed: say in one sentence what the user wants"),
        ("withheld", TYPED_WITHHELD["no trigger yet"], "Withheld 1 ('It is Saturday'): say under it what must happen"),
        ("withheld", TYPED_WITHHELD["a trigger alone"], "Withheld 1 has no fact"),
        ("withheld", "a\n  after: b\n  kind: guess", "kind 'guess' is not known: one of correction, answer"),
        ("withheld", "[1, 2]", "Withheld 1: write the fact"),
        ("context", "plan: gold: x", "context line 1 is not YAML: a ':' that does not fit"),
        ("context", "plan: gold\nplan: free", "context line 2: 'plan' stands twice"),
        ("context", "plan: [", "context line 1 is not YAML: it ends too soon: close the bracket or the quote"),
        ("context", "plan: @x", "no text begins with '@': put it in quotes"),
        ("context", "just words", "Context: write names with values"),
        ("context", "day: 2026-03-14", "day: 2026-03-14 is read as a date: put it in quotes"),
        ("context", "1: x", "The name 1 is no text: put it in quotes"),
        ("expectations", "3", "Expectations: write names with values"),
        ("tags", "billing", "Tag 'billing': write it as name: value"),
        ("tags", "a: 1\na: 2", "Tag a stands twice"),
        ("tags", '{"a": 1}', "Tag a is no text"),
    ],
)
def test_what_cannot_be_read_is_said_for_the_cell(column, text, said):
    """The line names what is wrong and what to write instead."""
    with pytest.raises(CaseError, match=re.escape(said)):
        cell_value(column, text)


@pytest.mark.parametrize("name", ["as YAML has it", "without indents", "two facts"])
def test_what_is_withheld_may_be_typed_in_several_ways(name):
    """As our notation has it, as YAML has it, with and without indents."""
    kinds = {"as YAML has it": ["answer"], "without indents": ["correction"], "two facts": ["correction"] * 2}

    assert [one.kind for one in cell_value("withheld", TYPED_WITHHELD[name])] == kinds[name]


def test_a_kind_may_be_written_as_people_say_it():
    """Spaces and hyphens are what they mean."""
    assert [one.kind for one in cell_value("withheld", "a\n after: b\n kind: Follow-up")] == ["follow_up"]


def test_half_characters_and_foreign_line_ends_are_mended():
    """What a page may send and no file takes becomes what can be kept."""
    assert cell_value("facts", "a\ud83d\r\nb") == ("a\ufffd", "b")
