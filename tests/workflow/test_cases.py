"""Sets of test cases: files, frames, and what they refuse."""

import pandas as pd
import pytest

import convsim_nb as cs
from convsim_nb.workflow.cases import as_cases

CASES = cs.CaseSet(
    [
        cs.TestCase(
            goal="Get the level of the index",
            case_id="index",
            persona="You are brief.\nYou write in lower case.",
            facts=["The index is the DAX"],
            withheld=[cs.Withheld(fact="It is Saturday", after="the agent shows live prices")],
            history=[cs.Message(role="user", content="hello")],
            context={"customer": 7},
            tags={"team": "markets"},
        ),
        cs.TestCase(goal="退款", case_id="refund"),
    ]
)


@pytest.mark.parametrize("ending", [".yaml", ".yml", ".json", ".jsonl"])
def test_a_file_gives_back_what_was_saved(ending, tmp_path):
    """A round trip loses nothing, in each format, Chinese included."""
    path = CASES.save(tmp_path / f"cases{ending}")

    assert cs.load_cases(path) == CASES


def test_yaml_reads_as_a_person_would_write_it(tmp_path):
    """Long text stands as a block, empty fields are left out, the id comes first."""
    text = CASES.save(tmp_path / "cases.yaml").read_text("utf-8")

    assert (
        text
        == """\
- case_id: index
  goal: Get the level of the index
  persona: |-
    You are brief.
    You write in lower case.
  context:
    customer: 7
  facts:
    - The index is the DAX
  withheld:
    - fact: It is Saturday
      after: the agent shows live prices
  history:
    - role: user
      content: hello
  tags:
    team: markets
- case_id: refund
  goal: 退款
"""
    )


def test_a_frame_gives_back_its_cases():
    """`to_frame` and back; missing cells are no content, whatever kind of missing they are."""
    assert as_cases(CASES.to_frame()) == CASES

    ragged = pd.DataFrame([{"goal": "x", "persona": "brief"}, {"goal": "y", "persona": float("nan"), "facts": pd.NA}])
    assert [case.persona for case in as_cases(ragged)] == ["brief", None]


def test_cases_are_found_by_place_and_by_id():
    """A set is a sequence; a slice of it is a set again."""
    assert CASES[0] is CASES["index"]
    assert [case.case_id for case in CASES[1:]] == ["refund"]
    with pytest.raises(KeyError, match="no test case 'x' among 2"):
        CASES["x"]


_BOMB = "\n".join(
    ["- goal: x", "  context:", "    a0: &a0 [x, x]"]
    + [f"    a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "goal: x", "holds one mapping: write a list of test cases"),
        ("a.yaml", "", "holds no test cases"),
        ("a.yaml", "- goal: [", "a.yaml:1 is not YAML"),
        ("a.yaml", "- goal: x\n- 7", "test case 2 is 7"),
        ("a.yaml", "- goal: x\n- persona: y", "number 2: test case {'persona': 'y'} has no goal"),
        ("a.jsonl", '{"goal": "x"}\n{', "a.jsonl:2 is not JSON"),
        ("a.txt", "x", "not from '.txt'"),
        ("a.yaml", "- goal: 3", "a.yaml, number 1: test case {'goal': 3}: goal is 3 (int), not text"),
        ("a.yaml", "- goal: no", "goal is False (bool), not text: write it in quotes"),
        ("a.yaml", "- goal: x\n  facts: [y]\n  facts: [z]", "a.yaml:3: 'facts' stands twice in one mapping"),
        ("a.json", '[{"goal": "x",\n "goal": "y"}]', "a.json:2: 'goal' stands twice in one mapping"),
        ("a.jsonl", '{"goal": "x", "context": {"a": 1, "a": 2}}', "a.jsonl:1 has 'a' twice in one object"),
        ("a.json", "[" * 100_000, "a.json is nested too deep: write it flatter"),
        ("a.jsonl", '{"goal": "x", "context": {"a": ' + "[" * 100_000, "a.jsonl:1 is nested too deep"),
        ("a.yaml", _BOMB, "holds over 1,000,000 values once its aliases are written out"),
        ("a.yaml", "- &a\n  goal: x\n  context: {again: *a}", "holds over 1,000,000 values"),
        ("a.yaml", "- !!python/object/apply:os.system ['true']", "is not YAML"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_the_place(name, text, message, tmp_path):
    """One line; and YAML that would run code is refused like any other nonsense."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(cs.ConvsimError) as caught:
        cs.load_cases(path)

    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_of_a_merged_mapping_may_be_written_over(tmp_path):
    """What YAML merges is no duplicate: the case's own value counts."""
    path = tmp_path / "a.yaml"
    path.write_text("- &base\n  goal: x\n  case_id: a\n  facts: [y]\n- <<: *base\n  case_id: b\n")

    assert [(case.case_id, case.facts) for case in cs.load_cases(path)] == [("a", ("y",)), ("b", ("y",))]
