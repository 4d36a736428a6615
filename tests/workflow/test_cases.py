"""Sets of test cases: files, frames, and what they refuse."""

import re

import pandas as pd
import pytest

import convsim_nb as cs
from convsim_nb.demo.rules import RulesChat
from convsim_nb.domain.errors import UsageError
from convsim_nb.workflow.cases import as_cases

FULL = cs.TestCase(
    case_id="full",
    goal="- Say: what\tthe 'index' \"is\" #1, 07:30",
    style={"language": "en", "words": 7, "questions": 0.4, "examples": ["how high, exactly", "line\none"]},
    simulation_guidelines=["Insists.", "[Asks] twice\nin a row"],
    facts=["[one]", "two; three"],
    withheld=[{"fact": "It is Saturday", "after": "the agent shows live prices", "kind": "follow_up"}],
    expectations={"guidelines": ["Says that markets are closed"]},
    proposed=["guidelines"],
    script=["hello\nthere"],
    source={
        "session_id": "s1",
        "last": 4,
        "quotes": [{"field": "goal", "message": 0, "text": "the index"}],
        "model": "m",
        "prompts": {"distill": "2"},
    },
    findings=[{"field": "goal", "check": "later", "reason": "it holds 'x'"}],
)
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
        FULL,
        cs.TestCase(goal="退款", case_id="refund"),
    ]
)


@pytest.mark.parametrize("ending", [".yaml", ".yml", ".json", ".jsonl", ".csv"])
def test_a_file_gives_back_what_was_saved(ending, tmp_path):
    """A round trip loses nothing, in each format, Chinese included."""
    path = CASES.save(tmp_path / f"cases{ending}")

    assert cs.load_cases(path) == CASES


def test_yaml_reads_as_a_person_would_write_it(tmp_path):
    """Long text stands as a block, empty fields are left out, the id comes first."""
    text = CASES.without("full").save(tmp_path / "cases.yaml").read_text("utf-8")

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
    assert [case.case_id for case in CASES[1:]] == ["full", "refund"]
    with pytest.raises(KeyError, match="no test case 'x' among 3"):
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


def test_a_spreadsheet_shows_texts_as_texts_and_lists_line_by_line(tmp_path):
    """What a person types into a cell is read as they mean it: a line an entry; other cells are JSON."""
    path = tmp_path / "cases.csv"
    CASES[:1].save(path)
    head, rest = path.read_text("utf-8").split("\n", 1)

    assert head == "case_id,goal,persona,context,facts,withheld,history,tags"
    assert rest.startswith(
        'index,Get the level of the index,"You are brief.\nYou write in lower case.","{""customer"": 7}",'
    )
    path.write_text('goal;facts;context\nGet a refund;"The order is 7\nThe name is Lund";\n')
    (case,) = cs.load_cases(path)
    assert (case.goal, case.facts, case.context) == ("Get a refund", ("The order is 7", "The name is Lund"), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("goal\n", "holds no test cases: write a table with at least a column named goal"),
        ("goal,context\nx,{a}\n", "cases.csv:2: context is '{a}', which is no JSON"),
        ("goal\nx,y\n", "cases.csv:2 has more cells than the table has columns"),
        ("persona\nx\n", "number 1: test case {'persona': 'x'} has no goal"),
    ],
)
def test_a_table_that_is_wrong_is_named_with_the_line(text, message, tmp_path):
    """As with the other formats."""
    path = tmp_path / "cases.csv"
    path.write_text(text)
    with pytest.raises(cs.ConvsimError, match=re.escape(message)):
        cs.load_cases(path)


def test_a_difference_names_what_came_went_and_changed():
    """Cases are paired by id; a change is told by field."""
    other = (
        CASES.without("full")
        .with_edit("index", goal="Get the level", facts=[])
        .with_case({"goal": "New", "case_id": "n"})
    )
    diff = CASES.diff(other)

    assert (diff.added, diff.removed) == (("n",), ("full",))
    assert diff.changed == {
        "index": {"goal": ("Get the level of the index", "Get the level"), "facts": (["The index is the DAX"], [])}
    }
    assert repr(diff).splitlines()[:3] == ["1 added, 1 removed, 1 changed", "  + n", "  - full"]
    assert list(diff.to_frame()["change"]) == ["added", "removed", "changed", "changed"]
    assert not CASES.diff(CASES)


def test_sets_are_changed_into_other_sets():
    """A case takes the place of the one with its id; the set that was there stays as it was."""
    edited = CASES.with_edit("refund", goal="退货")

    assert [case.case_id for case in edited] == ["index", "full", "refund"]
    assert (edited["refund"].goal, CASES["refund"].goal) == ("退货", "退款")
    assert edited["refund"].digest != CASES["refund"].digest
    with pytest.raises(cs.ConvsimError, match=r"^no test case 'x' among 3: their ids are in"):
        CASES.without("x")
    with pytest.raises(cs.ConvsimError, match=r"^no test case 'indx' among 3: did you mean 'index'"):
        CASES.with_edit("indx", goal="x")
    with pytest.raises(cs.ConvsimError, match=r"no Session: read them with cs.load_sessions"):
        CASES.check([[{"role": "user", "content": "x"}]])


def test_a_proposal_is_confirmed_by_a_person():
    """The mark goes; the expectation stays."""
    case = CASES.confirmed("full")["full"]

    assert (case.proposed, case.expectations) == ((), FULL.expectations)


def test_nothing_leaves_memory_that_redact_takes_out(tmp_path):
    """Every text of a case goes through: quotes, examples, findings, context; ids and tags stay."""
    told = cs.CaseSet(
        [
            cs.TestCase(
                case_id="Lund-1",
                goal="Reach Lund",
                persona="You are Lund",
                style={"examples": ["Lund here"]},
                facts=["Lund"],
                context={"name": "Lund", "deep": [{"x": "Lund"}]},
                history=[
                    {"role": "user", "content": "I am Lund", "tool_calls": [{"name": "t", "arguments": {"a": "Lund"}}]}
                ],
                withheld=[{"fact": "Lund again", "after": "asks for Lund"}],
                source={"session_id": "s", "quotes": [{"field": "goal", "message": 0, "text": "Lund"}]},
                findings=[{"field": "goal", "check": "later", "reason": "it holds 'Lund'"}],
                expectations={"says": "Lund"},
                script=["Lund"],
            )
        ],
        problems=["session s: Lund"],
    )
    path = told.save(tmp_path / "cases.yaml", redact=lambda text: text.replace("Lund", "#"))

    assert path.read_text().replace("case_id: Lund-1", "").count("Lund") == 0
    (case,) = cs.load_cases(path)
    assert (case.case_id, case.goal, case.context) == ("Lund-1", "Reach #", {"name": "#", "deep": [{"x": "#"}]})
    assert told.redacted(lambda _: "#").problems == ("#", "case Lund-1: goal: #")
    with pytest.raises(cs.ConvsimError, match="redact gave None"):
        told.redacted(lambda _: None)


MARKET = cs.Session(
    id="m",
    messages=[
        cs.Message(role="user", content="What are the levels of the DAX and the FTSE?"),
        cs.Message(role="assistant", content="The DAX is at 18,412 right now, and the FTSE stands at 8,020."),
        cs.Message(role="user", content="But it's Saturday, the markets are closed. Those can't be live."),
        cs.Message(role="assistant", content="You are right. Friday's close was 18,305 and 8,001."),
    ],
)


def test_the_closed_market_with_the_stand_in_and_by_hand():
    """demo:/rules withholds the correction; whoever writes it into the goal is told by `check`."""
    cases = cs.distill([MARKET], model="demo:/rules", journal=False, progress=False)

    (case,) = cases
    assert case.goal == "Get an answer to: What are the levels of the DAX and the FTSE?"
    assert [(w.kind, "closed" in w.fact) for w in case.withheld] == [("correction", True)]
    assert (case.proposed, cases.problems) == (("guidelines",), ())

    by_hand = cases.with_edit("m", goal="Get the levels of the DAX and the FTSE, knowing that the markets are closed")
    assert by_hand.problems == ()
    (problem,) = by_hand.check().problems
    assert problem.startswith("case m: goal: it holds 'close', 'market', which the user said only in message 2")
    assert by_hand.with_edit("m", goal=case.goal).check().problems == ()


def test_a_set_from_a_file_is_checked_against_the_sessions_that_are_given(tmp_path):
    """No file keeps sessions: without them a case is checked for what it tells itself."""
    cases = cs.distill([MARKET], model="demo:/rules", journal=False, progress=False).with_edit(
        "m", facts=["Depot 7781"]
    )
    kept = cs.load_cases(cases.save(tmp_path / "cases.yaml"))

    assert kept.check().problems == ()
    assert kept.check([MARKET]).problems == ("case m: facts[0]: it is not quoted",)


def test_a_session_is_redacted_before_the_model_sees_it():
    """What is taken out is neither in a request nor in a case."""
    heard = []

    async def model(request):
        heard.append(request)
        return await RulesChat()(request)

    cases = cs.distill([MARKET], model=model, redact=lambda t: t.replace("DAX", "INDEX"), journal=False, progress=False)

    assert "DAX" not in str(heard)
    assert "DAX" not in str(cases.to_dicts())
    assert "INDEX" in cases[0].goal


def test_cases_at_hand_are_loaded_like_a_file():
    """Lists of mappings or cases and frames are read by load_cases; a missing cell is an absent field."""
    frame = pd.DataFrame({"goal": ["A", "B"], "persona": ["brief", pd.NA], "context": [None, {"n": 1}]})
    wanted = [{"goal": "A", "persona": "brief"}, {"goal": "B", "context": {"n": 1}}]

    assert cs.load_cases(wanted) == cs.load_cases([cs.TestCase(**one) for one in wanted]) == cs.CaseSet(wanted)
    assert cs.load_cases(frame) == cs.CaseSet(frame) == cs.CaseSet(wanted)
    with pytest.raises(cs.ConvsimError, match=r"^test cases cannot be read from int: give a list"):
        cs.load_cases(5)


def test_a_frame_of_cases_comes_back_from_a_csv_file(tmp_path):
    """What pandas writes of our frame is read again, with or without its index, by us and by way of pandas."""
    path = tmp_path / "cases.csv"
    for index in (True, False):
        CASES.to_frame().to_csv(path, index=index)

        assert cs.load_cases(path) == CASES
        assert cs.load_cases(pd.read_csv(path)) == CASES


@pytest.mark.parametrize("ending", [".yaml", ".json", ".jsonl", ".csv"])
def test_a_byte_order_mark_is_no_part_of_a_case(ending, tmp_path):
    """Excel and Notepad write one."""
    path = CASES.save(tmp_path / f"cases{ending}")
    path.write_text(path.read_text("utf-8"), "utf-8-sig")

    assert cs.load_cases(path) == CASES


@pytest.mark.parametrize("ending", [".yaml", ".json", ".jsonl", ".csv"])
def test_no_format_changes_a_value(ending, tmp_path):
    """Small numbers stay numbers, and the separators of Unicode keep the spaces beside them."""
    case = {"goal": "G", "facts": ["a \u2028 b"], "context": {"rate": 1e-05, "text": "a \u2028 b", "day": "2024-01-01"}}
    cases = cs.CaseSet([case])

    assert cs.load_cases(cases.save(tmp_path / f"cases{ending}")) == cases


def test_what_is_no_text_is_a_wrong_call(tmp_path):
    """A binary file and a folder: one line with the endings that can be read, which is exit code 2."""
    (tmp_path / "bin.yaml").write_bytes(b"\x80\x81\xff")
    for path, said in ((tmp_path / "bin.yaml", "is no text in UTF-8"), (tmp_path, "is a folder: name a file")):
        with pytest.raises(UsageError, match=said):
            cs.load_cases(path)
