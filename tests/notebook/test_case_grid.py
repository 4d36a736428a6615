"""The grid's end in the kernel: rows and drafts, undo, two pages, saving, checks, the source, distilling again."""

import json
import threading
import time

import pytest

import convsim_nb as cs
from convsim_nb.domain.case import CaseFinding
from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.notebook.grid.case_grid import CaseGrid
from convsim_nb.notebook.grid.kept import KeptEdits
from tests.notebook.test_run_view import Comm

XSS = [
    "<script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    '"><svg onload="window.pwned = 1">',
    "javascript:window.pwned=1",
    "[x](javascript:window.pwned=1)",
    "{{constructor.constructor('window.pwned=1')()}}",
    "</textarea><script>window.pwned = 1</script>",
    "a\u202eb\u0000c",
]
SESSION = cs.Session(
    id="market",
    messages=[
        cs.Message(role="user", content="What are the *levels* of the DAX and the FTSE?"),
        cs.Message(role="assistant", content="The DAX stands at 18,000 now."),
        cs.Message(role="user", content="It is Saturday and the markets are closed."),
        cs.Message(role="assistant", content="You are right."),
        cs.Message(role="user", content="Thanks."),
    ],
)
SOURCE = {
    "session_id": "market",
    "last": 3,
    "quotes": [
        {"field": "goal", "message": 0, "text": "the levels of the DAX and the FTSE"},
        {"field": "facts[0]", "message": 0, "text": "the FTSE"},
        {"field": "facts[1]", "message": 2, "text": "it is saturday"},
        {"field": "withheld[0].fact", "message": 2, "text": "the markets are closed"},
        {"field": "withheld[0].after", "message": 1, "text": "stands at 18,000 now"},
    ],
}
MARKET = cs.TestCase(
    case_id="market",
    goal="Learn the levels of the DAX and the FTSE",
    facts=["The FTSE is of interest", "The day is Saturday"],
    withheld=[{"fact": "The markets are closed", "after": "the agent says that levels are current"}],
    expectations={"guidelines": ["Says that the markets are closed"]},
    proposed=["guidelines"],
    source=SOURCE,
)
KETTLE = cs.TestCase(case_id="kettle", goal="Get a refund for a kettle that leaks since Tuesday")


class Page:
    """A grid, and the messages between it and its pages."""

    def __init__(self, *cases, **more):
        self.grid, self.comm = CaseGrid(cases or [MARKET, KETTLE], **more), Comm()
        self.grid.comm = self.comm
        self.edits = 0

    def state(self, view="v"):
        """What a page is told that asks."""
        self.comm.say(type="hello", view=view)
        return self.comm.of("state")[-1]

    def edit(self, *ops, label="Edit", asked=None):
        """Send an edit, and give the batch that answers it."""
        self.edits += 1
        self.comm.say(type="edit", view="v", id=asked or f"e{self.edits}", base=0, label=label, ops=list(ops))
        return self.comm.of("batch")[-1]

    def type(self, place, column, text):
        """Type into a cell of the row at a place, from 0."""
        return self.edit({"op": "set", "key": self.grid.rows[place].key, "column": column, "text": text})

    def ask(self, what, **given):
        """Wish for something, and wait for the answer."""
        asked = f"w{len(self.comm.sent)}"
        self.comm.say(type="do", view="v", id=asked, what=what, given=given)
        return self.wait(lambda: next((m for m in self.comm.sent if m.get("id") == asked), None))

    def wait(self, found, seconds=20):
        """Wait until something is there."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if there := found():
                return there
            time.sleep(0.02)
        raise AssertionError("it never came")

    @property
    def goals(self):
        """The goals of the valid rows."""
        return [case.goal for case in self.grid.cases]


@pytest.fixture
def page():
    """A grid with a case that came from a session, and one that was written by hand."""
    shown = Page(MARKET, KETTLE, sessions=[SESSION])
    yield shown
    shown.grid.close()


# --- edits ---------------------------------------------------------------------------


def test_what_is_typed_is_in_python_at_once(page):
    """An edit of a page changes `cases`, is echoed with its id, and calls whoever listens."""
    heard = []
    page.grid.on_change(lambda: heard.append(page.goals))
    batch = page.type(1, "goal", " Get the money back ")

    assert page.goals == ["Learn the levels of the DAX and the FTSE", "Get the money back"]
    assert page.grid.cases["kettle"].goal == "Get the money back"
    assert heard == [page.goals]
    assert batch["answered"] == ["e1"]
    assert [(row["texts"]["goal"], row["edited"]) for row in batch["rows"]] == [("Get the money back", ["goal"])]
    assert batch["head"]["undo"] == "Edit"
    assert page.grid.unsaved


def test_a_row_that_is_not_valid_is_a_draft_and_its_cell_says_why(page):
    """It leaves `cases`, stands in `problems`, keeps what was typed, and is a case again once it is mended."""
    batch = page.type(0, "withheld", "It is Saturday")

    assert page.goals == [KETTLE.goal]
    assert page.grid.problems == (
        "row 1: withheld: Withheld 1 ('It is Saturday'): say under it what must happen first, `after: ...`",
    )
    assert list(batch["rows"][0]["problems"]) == ["withheld"]
    assert batch["rows"][0]["texts"]["withheld"] == "It is Saturday"
    page.type(0, "withheld", "It is Saturday\n after: the agent says open")
    assert page.grid.problems == ()
    assert page.grid.cases["market"].withheld[0].after == "the agent says open"
    assert page.grid.rows[0].texts["withheld"] == "It is Saturday\n  after: the agent says open"


def test_typing_back_what_stood_there_is_no_edit_any_more(page):
    """The case is the one that came, and the mark is gone."""
    page.type(0, "goal", "Other")
    page.type(0, "goal", MARKET.goal)

    assert page.grid.rows[0].edited == ()
    assert page.grid.cases["market"] == MARKET


def test_rows_are_added_copied_moved_and_deleted(page):
    """Each is one step to undo; a new row gets an id when it first makes a case, and keeps it."""
    first, second = (row.key for row in page.grid.rows)
    page.edit({"op": "insert", "key": "n", "at": 1, "texts": {}})
    assert page.grid.problems == ("row 2: goal: A goal is needed: say in one sentence what the user wants",)
    page.edit({"op": "set", "key": "n", "column": "goal", "text": "Find out what it costs"})
    born = page.grid.cases[1].case_id
    page.edit({"op": "set", "key": "n", "column": "goal", "text": "Find out what it costs today"})
    page.edit({"op": "copy", "key": "c", "of": first})
    page.edit({"op": "move", "keys": [second], "by": -1})
    page.edit({"op": "delete", "keys": [first]})

    assert born.startswith("find-out-what-it-costs-")
    assert [case.case_id for case in page.grid.cases] == ["market~2", "kettle", born]
    assert [page.grid.undo() for _ in range(7)] == ["Edit"] * 6 + [None]
    assert list(page.grid.cases) == [MARKET, KETTLE]
    assert [page.grid.redo() for _ in range(7)] == ["Edit"] * 6 + [None]
    assert [case.case_id for case in page.grid.cases] == ["market~2", "kettle", born]


def test_a_paste_of_many_cells_is_one_step(page):
    """What a page does at once is undone at once."""
    keys = [row.key for row in page.grid.rows]
    page.edit(
        {"op": "set", "key": keys[0], "column": "goal", "text": "One"},
        {"op": "set", "key": keys[1], "column": "facts", "text": "a\nb"},
        {"op": "insert", "key": "n", "at": 2, "texts": {"goal": "Three", "tags": "team: x"}},
        label="Paste 4 cells",
    )

    assert [(case.goal, case.facts, case.tags) for case in page.grid.cases] == [
        ("One", MARKET.facts, {}),
        (KETTLE.goal, ("a", "b"), {}),
        ("Three", (), {"team": "x"}),
    ]
    assert page.grid.undo() == "Paste 4 cells"
    assert list(page.grid.cases) == [MARKET, KETTLE]


def test_an_undo_of_a_page_reaches_python_and_the_other_way_round(page):
    """Both walk the same steps; a new edit ends what could be done again."""
    page.type(0, "goal", "One")
    page.comm.say(type="undo", view="v", id="u1")
    assert page.goals[0] == MARKET.goal
    assert page.comm.of("batch")[-1]["head"] | {} == page.comm.of("batch")[-1]["head"] | {"undo": "", "redo": "Edit"}
    page.comm.say(type="redo", view="v", id="u2")
    assert page.goals[0] == "One"
    page.grid.undo()
    page.type(0, "goal", "Two")
    assert page.grid.redo() is None


def test_what_a_model_proposed_is_confirmed_by_a_person(page):
    """By the menu, or by rewriting it; other edits leave it a proposal."""
    page.type(0, "goal", "Other")
    assert page.grid.cases["market"].proposed == ("guidelines",)
    page.edit({"op": "confirm", "keys": [page.grid.rows[0].key]})
    assert page.grid.cases["market"].proposed == ()
    page.grid.undo()
    page.type(0, "expectations", "- Says when the markets open")
    assert page.grid.cases["market"].proposed == ()


def test_what_has_no_column_stays_with_the_case(page):
    """Style, history, source and what is not named in an edit are as they were."""
    history = [{"role": "user", "content": "Hello"}]
    whole = MARKET.edited(history=history, style={"language": "en", "words": 4.0})
    page.grid.cases = [whole]
    page.type(0, "goal", "Other")
    case = page.grid.cases["market"]

    assert (case.history, case.style, case.case_id) == (whole.history, whole.style, "market")
    assert page.state()["rows"][0]["more"] == ["a history of 1 message", "a measured style"]


@pytest.mark.parametrize(
    "op",
    [
        {"op": "set", "key": "gone", "column": "goal", "text": "x"},
        {"op": "set", "key": "k1", "column": "case_id", "text": "x"},
        {"op": "set", "key": "k1", "column": "goal", "text": 3},
        {"op": "insert", "key": "k1", "at": 0, "texts": {"goal": "x"}},
        {"op": "insert", "key": "n", "at": "0", "texts": {}},
        {"op": "copy", "key": "n", "of": "gone"},
        {"op": "delete", "keys": ["gone", 3]},
        {"op": "delete"},
        {"op": "move", "keys": ["k1"], "by": 9},
        {"op": "burn"},
        {},
    ],
)
def test_an_edit_that_fits_nothing_changes_nothing(page, op):
    """Rows that are gone, columns that are none, pages newer than the kernel: answered, and left alone."""
    batch = page.edit(op)

    assert list(page.grid.cases) == [MARKET, KETTLE]
    assert (batch["answered"], batch["rows"], batch["order"], batch["gone"]) == (["e1"], [], None, [])
    assert not page.grid.unsaved


# --- several pages -------------------------------------------------------------------


def test_every_page_hears_what_another_did(page):
    """Batches are numbered from the state on; keys and order are the same for all."""
    first = page.state("one")
    page.type(0, "goal", "One")
    page.edit({"op": "move", "keys": [page.grid.rows[1].key], "by": -1})
    second = page.state("two")
    batches = page.comm.of("batch")

    assert [batch["seq"] for batch in batches] == [first["seq"] + 1, first["seq"] + 2]
    assert second["seq"] == batches[-1]["seq"]
    assert second["to"] == "two"
    assert [row["key"] for row in second["rows"]] == batches[-1]["order"]
    assert first["grid"] == second["grid"]


def test_an_edit_that_is_sent_twice_is_done_once(page):
    """A page that missed the answer asks again: it is answered, and nothing is moved a second time."""
    key = page.grid.rows[1].key
    move = {"op": "move", "keys": [key], "by": -1}
    page.edit(move, asked="same")
    again = page.edit(move, asked="same")

    assert again["answered"] == ["same"]
    assert page.grid.rows[0].key == key
    page.comm.say(type="undo", view="v", id="u")
    page.comm.say(type="undo", view="v", id="u")
    assert page.grid.rows[1].key == key


def test_a_ping_is_answered_and_nonsense_is_not(page):
    """Pages may be older or newer than the kernel."""
    page.comm.say(type="ping", view="v")
    page.comm.say(type="who knows", view="v")
    page.comm.say(type="edit", view="v")

    assert [(m["type"], m.get("to")) for m in page.comm.sent] == [("pong", "v")]


def test_rows_are_nowhere_in_the_state_that_a_notebook_saves(page):
    """A saved notebook does not carry the cases, nor what was typed."""
    page.type(0, "goal", "something secret")

    assert "secret" not in json.dumps(page.grid.get_state(), default=str)
    assert MARKET.goal not in json.dumps(page.grid.get_state(), default=str)


def test_hostile_text_goes_out_as_it_is_and_is_named_where_it_is_no_cell():
    """Cells are texts that are edited; labels, findings and ids are shown, so what is hidden in them is named."""
    shown = Page({"goal": "x"})
    for text in XSS:
        batch = shown.type(0, "persona", text)
        assert batch["rows"][0]["texts"]["persona"] == text
        assert shown.grid.cases[0].persona == text.strip()
    batch = shown.edit({"op": "set", "key": "k1", "column": "tags", "text": "a\u202eb"}, label="\u202eevil")
    assert batch["rows"][0]["problems"]["tags"] == "Tag 'a\\u202eb': write it as name: value"
    assert batch["head"]["undo"] == "⟨U+202E⟩evil"


# --- from Python ---------------------------------------------------------------------


def test_cases_that_python_sets_show_in_the_grid(page):
    """As one step; rows that are the same keep their key, what was typed and their mark."""
    page.type(1, "goal", "Mine")
    keys = [row.key for row in page.grid.rows]
    page.grid.cases = page.grid.cases.with_edit("market", goal="Theirs").with_case({"case_id": "new", "goal": "Third"})
    batch = page.comm.of("batch")[-1]

    assert page.goals == ["Theirs", "Mine", "Third"]
    assert [row.key for row in page.grid.rows][:2] == keys
    assert [row["texts"]["goal"] for row in batch["rows"]] == ["Theirs", "Third"]
    assert page.grid.rows[1].edited == ("goal",)
    assert page.grid.undo() == "Change from Python"
    assert page.goals == [MARKET.goal, "Mine"]


def test_add_appends_and_keeps_the_sessions():
    """An id that is taken gets a number; the sessions of the set can be looked at."""
    shown = Page(KETTLE)
    shown.grid.add(cs.CaseSet([MARKET, KETTLE], sessions=[SESSION]))

    assert [case.case_id for case in shown.grid.cases] == ["kettle", "market", "kettle~2"]
    assert shown.grid.cases.sessions == (SESSION,)
    assert shown.state()["rows"][1]["source"]["at_hand"] is True
    assert shown.grid.undo() == "Add 2 cases"


def test_problems_of_the_set_stay_with_it():
    """What distilling said of sessions that gave no case is still there."""
    grid = CaseGrid(cs.CaseSet([KETTLE], problems=["session x: nothing in it"]))

    assert grid.cases.problems == ("session x: nothing in it",)


def test_marked_are_the_cases_of_the_selected_rows(page):
    """In their order; drafts and rows that are gone are none."""
    keys = [row.key for row in page.grid.rows]
    page.comm.say(type="marked", view="v", keys=[keys[1], keys[0], "gone"])
    assert page.grid.marked() == ("market", "kettle")
    page.type(0, "goal", "")
    assert page.grid.marked() == ("kettle",)


def test_edits_of_many_threads_are_all_there():
    """Pages, cells and workers edit at once: each edit is a step, and numbers have no gap."""
    shown = Page(*({"case_id": f"c{n}", "goal": f"g{n}"} for n in range(20)))
    keys = [row.key for row in shown.grid.rows]

    def edit(n):
        shown.grid.edit("Edit", [{"op": "set", "key": keys[n], "column": "goal", "text": f"edited {n}"}])

    threads = [threading.Thread(target=edit, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert shown.goals == [f"edited {n}" for n in range(20)]
    seqs = [batch["seq"] for batch in shown.comm.of("batch")]
    assert seqs == list(range(1, len(seqs) + 1))


# --- saving --------------------------------------------------------------------------


def test_saving_writes_the_valid_cases_and_says_what_is_left(page, tmp_path):
    """Nothing is unsaved then; an undo after it is an edit again, and a redo brings back what was saved."""
    path = tmp_path / "cases.yaml"
    page.edit({"op": "insert", "key": "n", "at": 9, "texts": {"facts": "x"}})
    page.type(1, "goal", "Edited")
    answer = page.ask("save", path=str(path))

    assert answer["result"] == {"path": str(path), "saved": 2, "left": 1}
    assert [case.goal for case in cs.load_cases(path)] == [MARKET.goal, "Edited"]
    assert not page.grid.unsaved
    assert page.comm.of("batch")[-1]["head"]["path"] == str(path)
    page.grid.undo()
    assert page.grid.unsaved
    page.grid.redo()
    assert not page.grid.unsaved
    page.type(1, "goal", "Again")
    page.grid.save()
    assert cs.load_cases(path)["kettle"].goal == "Again"


def test_what_cannot_be_saved_is_said(page, tmp_path):
    """To the page in a line, in Python as an error."""
    assert page.ask("save", path="")["problem"] == "save() needs a path: a file such as cases.yaml, or mlflow:NAME"
    assert "not to '.docx'" in page.ask("save", path=str(tmp_path / "cases.docx"))["problem"]
    page.grid.cases = []
    with pytest.raises(UsageError, match="no valid case to save"):
        page.grid.save(tmp_path / "cases.yaml")


def test_a_file_that_never_stood_in_the_grid_is_replaced_only_when_told_to(page, tmp_path):
    """Its own file it writes over; another's it asks about, on the page and in Python."""
    own, other = tmp_path / "cases.yaml", tmp_path / "other.yaml"
    page.grid.cases.save(own)
    other.write_text("- goal: Somebody else's\n")
    page.type(1, "goal", "Edited")

    assert page.ask("save", path=str(other))["result"] == {"there": str(other)}
    with pytest.raises(UsageError, match=r"other.yaml is there already.*replace=True"):
        page.grid.save(other)
    assert other.read_text() == "- goal: Somebody else's\n"
    page.grid.save(own)
    assert page.ask("save", path=str(other), replace=True)["result"]["saved"] == 2
    page.type(1, "goal", "Edited again")
    page.grid.save(other)
    assert cs.load_cases(other)["kettle"].goal == "Edited again"
    (tmp_path / "notes.yaml").write_text("shopping: [milk]")
    assert page.grid.would_replace(tmp_path / "notes.yaml")


def test_a_folder_that_is_not_there_is_not_made(page, tmp_path):
    """A mistyped path is said, not followed."""
    said = page.ask("save", path=str(tmp_path / "csaes" / "cases.yaml"))["problem"]
    assert said.startswith(f"the folder {tmp_path / 'csaes'} is not there")
    assert list(tmp_path.iterdir()) == []


def test_the_columns_that_were_chosen_are_told_to_the_next_page(page):
    """A page that is loaded anew shows them; what is no column is left alone."""
    assert page.state()["columns"] is None
    page.comm.say(type="columns", names=["tags", "goal", "no-such"])
    assert page.state("again")["columns"] == ["goal", "tags"]
    page.comm.say(type="columns", names=["no-such"])
    assert page.state("third")["columns"] is None


def test_unsaved_edits_are_on_disk_and_come_back_after_a_restart(tmp_path, monkeypatch):
    """Drafts too; they are offered, not put in; saved or let go, they are offered no more."""
    monkeypatch.chdir(tmp_path)
    first = Page(MARKET, KETTLE)
    first.grid.keep_edits(KeptEdits([MARKET, KETTLE]))
    first.type(0, "goal", "")
    first.type(1, "goal", "Edited")
    first.wait(lambda: list(tmp_path.glob(".convsim/edits/*.json")))
    first.wait(lambda: len(KeptEdits([MARKET, KETTLE]).read()) == 2 and first.grid.problems != ())

    again = Page(MARKET, KETTLE)
    again.grid.keep_edits(KeptEdits([MARKET, KETTLE]))
    offer = again.state()["head"]["offer"]
    assert offer.startswith("Edits of ")
    assert offer.endswith(" were never saved: 2 rows, 1 of them not valid yet.")
    assert again.goals == [MARKET.goal, KETTLE.goal]
    again.ask("bring_back")
    assert again.goals == ["Edited"]
    assert again.grid.rows[0].problems
    assert again.grid.rows[0].case_id == "market"
    again.grid.undo()
    assert again.goals == [MARKET.goal, KETTLE.goal]

    other = CaseGrid([KETTLE])
    other.keep_edits(KeptEdits([KETTLE]))
    assert other.cases == cs.CaseSet([KETTLE])
    again.type(0, "goal", "Third")
    again.ask("save", path=str(tmp_path / "c.yaml"))
    again.wait(lambda: not list(tmp_path.glob(".convsim/edits/*.json")))


def test_drafts_are_kept_after_a_save_and_offered_to_whoever_opens_what_was_saved(tmp_path, monkeypatch):
    """A save writes the valid cases alone; the kernel may end all the same. Mended and saved, nothing is kept."""
    monkeypatch.chdir(tmp_path)
    first = Page(MARKET, KETTLE)
    first.grid.keep_edits(KeptEdits([MARKET, KETTLE]))
    first.type(0, "goal", "")
    first.type(1, "goal", "Edited")
    first.ask("save", path="c.yaml")
    first.wait(lambda: KeptEdits(cs.load_cases("c.yaml")).read())
    opened = cs.load_cases("c.yaml")

    again = Page(*opened)
    again.grid.keep_edits(KeptEdits(opened))
    assert again.state()["head"]["offer"].endswith(" were never saved: 2 rows, 1 of them not valid yet.")
    again.ask("bring_back")
    assert [row.texts["goal"] for row in again.grid.rows if row.case] == ["Edited"]
    assert len(again.grid.problems) == 1
    first.type(0, "goal", "Mended")
    first.ask("save")
    first.wait(lambda: not KeptEdits([MARKET, KETTLE]).read() and not KeptEdits(opened).read())


def test_edits_on_disk_that_cannot_be_read_are_none(tmp_path, monkeypatch):
    """A file that was cut, or is of a later version, breaks nothing."""
    monkeypatch.chdir(tmp_path)
    kept = KeptEdits([KETTLE])
    kept.path.parent.mkdir(parents=True)
    for text in ("", "{}", '{"rows": [{"base": {"goal": ""}, "typed": {}, "case_id": ""}]}', '{"rows": [3]}'):
        kept.path.write_text(text)
        assert kept.read() == ()


# --- checks --------------------------------------------------------------------------


def test_near_duplicates_are_found_again_after_every_edit(page):
    """The later of two says so; once it is edited it is alike no more. What was found goes with `cases`."""
    page.edit({"op": "copy", "key": "c", "of": page.grid.rows[1].key})
    batch = page.wait(lambda: next((b for b in page.comm.of("batch") if any(r["findings"] for r in b["rows"])), None))

    assert [(r["key"], [f["check"] for f in r["findings"]]) for r in batch["rows"]] == [("c", ["duplicate"])]
    assert [one.check for one in page.grid.cases["kettle~2"].findings] == ["duplicate"]
    page.edit({"op": "set", "key": "c", "column": "goal", "text": "Book a table for four people on Friday"})
    page.wait(lambda: not page.grid.cases["kettle~2"].findings)
    assert page.grid.cases["kettle"].findings == ()


def test_an_edit_is_checked_against_its_session(page):
    """What the user said only later, put into the goal, is found; no quote is asked for what a person wrote."""
    page.type(0, "goal", "Learn the levels of the DAX, knowing that the markets are closed on Saturday")
    page.wait(lambda: page.grid.cases["market"].findings)

    assert {(one.field, one.check) for one in page.grid.cases["market"].findings} >= {("goal", "later")}
    page.type(0, "goal", MARKET.goal)
    page.type(0, "facts", "The FTSE is of interest\nThe day is Saturday\nI hold shares")
    page.wait(lambda: not any(one.field == "goal" for one in page.grid.cases["market"].findings))
    assert not any(one.check == "quote" and one.field.startswith("facts") for one in page.grid.cases["market"].findings)


def test_what_was_found_stands_while_nobody_edits():
    """A case comes with its findings, and an edit elsewhere drops none of them."""
    found = CaseFinding(field="facts[0]", check="agent", reason="said by the agent first")
    shown = Page(MARKET.edited(findings=[found]), KETTLE)
    shown.type(1, "goal", "Another thing altogether")
    time.sleep(0.6)
    assert shown.grid.cases["market"].findings == (found,)
    shown.type(0, "goal", "Other")  # its session is not at hand: what was found beside it in other fields stands
    time.sleep(0.6)
    assert found in shown.grid.cases["market"].findings
    shown.type(0, "facts", "Other")
    assert found not in shown.grid.cases["market"].findings


# --- the source ----------------------------------------------------------------------


def test_the_source_is_shown_with_what_was_quoted(page):
    """Each message in pieces, marked where a field was read from; the part outside the case's range is told apart."""
    source = page.ask("source", key=page.grid.rows[0].key)["result"]
    marks = [(m["n"], p["text"], p["fields"]) for m in source["messages"] for p in m["pieces"] if p["fields"]]

    assert source["title"] == "market, messages 1 to 4"
    assert [(m["who"], m["inside"]) for m in source["messages"]] == [
        ("User", True),
        ("Agent", True),
        ("User", True),
        ("Agent", True),
        ("User", False),
    ]
    assert "".join(piece["text"] for piece in source["messages"][0]["pieces"]) == SESSION.messages[0].content
    assert marks == [
        (1, "the *levels* of the DAX and ", ["goal"]),
        (1, "the FTSE", ["goal", "facts[0]"]),
        (2, "stands at 18,000 now", ["withheld[0].after"]),
        (3, "It is Saturday", ["facts[1]"]),
        (3, "the markets are closed", ["withheld[0].fact"]),
    ]
    assert source["lost"] == []


def test_a_quote_that_stands_nowhere_is_said(page):
    """It is not dropped in silence."""
    quotes = [{"field": "goal", "message": 0, "text": "no such words"}, {"field": "goal", "message": 77, "text": "x"}]
    page.grid.cases = [MARKET.edited(source={**SOURCE, "quotes": quotes})]
    source = page.ask("source", key=page.grid.rows[0].key)["result"]

    assert [one["text"] for one in source["lost"]] == ["no such words", "x"]


def test_a_case_of_no_session_says_so(page):
    """And a row that another page deleted, too."""
    assert page.ask("source", key=page.grid.rows[1].key)["problem"] == "the session that it came from is not at hand"
    assert page.ask("source", key="gone")["problem"] == "the row is gone"


def test_quotes_follow_the_items_that_an_edit_moves(page):
    """An item taken out takes its quotes along; those behind it keep theirs under their new number."""
    page.type(0, "facts", "The day is Saturday")
    quotes = {one.field: one.text for one in page.grid.cases["market"].source.quotes if one.field.startswith("facts")}
    assert quotes == {"facts[0]": "it is saturday"}
    page.type(0, "facts", "The FTSE is of interest\nThe day is a Saturday in May")
    quotes = {one.field: one.text for one in page.grid.cases["market"].source.quotes if one.field.startswith("facts")}
    assert quotes == {"facts[0]": "the FTSE", "facts[1]": "it is saturday"}
    page.type(0, "withheld", "")
    assert not [one for one in page.grid.cases["market"].source.quotes if one.field.startswith("withheld")]


# --- distilling again ----------------------------------------------------------------


def test_a_cell_is_distilled_again_from_its_session(page):
    """By a model that is named; other cells stay, and the old text is a step away."""
    page.type(0, "goal", "Mine")
    page.type(0, "persona", "My persona")
    page.ask("again", key=page.grid.rows[0].key, column="goal", model="demo:/rules")
    said = page.wait(lambda: next((b["said"] for b in page.comm.of("batch") if "said" in b), None))
    case = page.grid.cases["market"]

    assert said == {"words": "Distilled goal again; Ctrl+Z takes it back", "bad": False}
    assert "DAX" in case.goal
    assert case.persona == "My persona"
    assert [one.field for one in case.source.quotes if one.field == "goal"] == ["goal"]
    assert page.grid.rows[0].edited == ("persona",)
    assert page.state()["head"]["model"] == "demo:/rules"
    assert page.grid.undo() == "Distill goal again"
    assert page.goals[0] == "Mine"


def test_a_way_of_ones_own_to_distill_again():
    """It gets the case and the field, and gives a value or a whole case."""
    asked = []

    def again(case, field):
        asked.append((case.case_id, field))
        return ["New fact"] if field == "facts" else cs.TestCase(goal="Whole", persona="not taken")

    shown = Page(MARKET, distill_again=again)
    assert shown.state()["head"]["asks"] is False
    for column in ("facts", "goal"):
        shown.ask("again", key="k1", column=column)
        shown.wait(lambda: shown.state()["head"]["busy"] is None)
    case = shown.grid.cases[0]

    assert asked == [("market", "facts"), ("market", "goal")]
    assert (case.facts, case.goal, case.persona) == (("New fact",), "Whole", None)


def test_distilling_again_can_be_stopped_and_one_waits_for_another():
    """What comes after the stop is not taken; the head says what is being done."""
    goes_on, begun = threading.Event(), threading.Event()

    def again(case, field):
        begun.set()
        goes_on.wait(20)
        return "Too late"

    shown = Page(MARKET, KETTLE, distill_again=again)
    shown.ask("again", key="k1", column="goal")
    begun.wait(20)
    busy = shown.state()["head"]["busy"]
    second = shown.ask("again", key="k2", column="goal")
    shown.ask("stop_again")
    goes_on.set()
    said = shown.wait(lambda: next((b["said"] for b in shown.comm.of("batch") if "said" in b), None))

    assert busy == {"key": "k1", "column": "goal", "words": "Distilling goal of row 1 again"}
    assert second["problem"] == "Distilling goal of row 1 again: wait for it, or stop it"
    assert said == {"words": "Stopped: goal stays as it was", "bad": False}
    assert shown.goals == [MARKET.goal, KETTLE.goal]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"key": "k2", "column": "goal", "model": "demo:/rules"}, "case kettle came from no session"),
        ({"key": "k1", "column": "goal", "model": "nobody:/x"}, "nobody:/x"),
        ({"key": "k1", "column": "goal", "model": ""}, "is no model URI"),
        ({"key": "k1", "column": "case_id", "model": "demo:/rules"}, "case_id of row 1 cannot be distilled"),
        ({"key": "gone", "column": "goal", "model": "demo:/rules"}, "the row is gone"),
        ({"key": "k1"}, "reload the page"),
    ],
)
def test_what_cannot_be_distilled_again_is_said(page, given, said):
    """Before any model is called, in a line."""
    assert said in page.ask("again", **given)["problem"]


def test_a_model_that_fails_leaves_the_cell(page):
    """The line says why."""
    shown = Page(MARKET, distill_again=lambda case, field: 1 / 0)
    shown.ask("again", key="k1", column="goal")
    said = shown.wait(lambda: next((b["said"] for b in shown.comm.of("batch") if "said" in b), None))

    assert said == {"words": "Goal was not distilled: ZeroDivisionError: division by zero", "bad": True}
    assert shown.goals == [MARKET.goal]


def test_a_wish_that_is_not_known_is_refused(page):
    """Pages may be newer than the kernel."""
    assert page.ask("dance")["problem"] == "this kernel does not know 'dance': reload the page"


def test_the_errors_of_the_house():
    """What is no case at all is refused as everywhere."""
    with pytest.raises(NotFoundError):
        CaseGrid("nowhere.yaml")
