"""Opening a grid: `CaseSet.edit()`, `%convsim edit`, the name that follows, and what stands in the cell."""

import sys
from pathlib import Path

import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook import display as places
from convsim_nb.notebook.grid.case_grid import CaseGrid
from convsim_nb.notebook.grid.plain import PlainGrid
from convsim_nb.notebook.grid.shown import bundle_of
from convsim_nb.notebook.magics.case_verbs import follow
from tests.notebook.kernels.page import Page
from tests.notebook.test_case_grid import KETTLE, MARKET, XSS

SETUP = """
%load_ext convsim_nb
import convsim_nb as cs
cases = cs.CaseSet([{"case_id": "kettle", "goal": "Get a refund"}, {"case_id": "toaster", "goal": "Get it repaired"}])
def typed(grid, place, text):
    grid.edit("Edit", [{"op": "set", "key": grid.rows[place].key, "column": "goal", "text": text}])
"""
FOLLOWS = "cases follows the grid: each edit rebinds it; rows to fix are left out until they are whole\n"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A live kernel with cases."""
    page = Page(Path(sys.executable), tmp_path_factory.mktemp("kernel"))
    page.run(SETUP)
    yield page
    page.close()


def said(kernel, code):
    """What a cell prints."""
    cell = kernel.run(code)
    assert cell.status == "ok", cell.reply
    return cell.text("stdout")


def test_a_script_is_told_what_to_do_instead():
    """One line, and no widget is loaded for it."""
    with pytest.raises(UsageError, match=r"edited in a notebook: elsewhere save them with \.save\('cases\.yaml'\)"):
        cs.CaseSet([KETTLE]).edit()


def test_the_name_follows_what_is_edited(kernel):
    """It is said once; a draft is left out; an undo is followed too; the grid is the cell's value."""
    cell = kernel.run("%convsim edit cases")
    again = kernel.run("%convsim edit cases")

    assert cell.text("stdout") == FOLLOWS
    view = "display_data application/vnd.jupyter.widget-view+json"
    assert cell.kinds() == [view, view, "display_data text/html"]  # the grid, room for plain widgets, the saved form
    assert again.text("stdout") == ""
    assert said(kernel, "grid = _; print(type(grid).__name__, grid.cases == cases)") == "CaseGrid True\n"
    assert said(kernel, "typed(grid, 0, 'Get the money'); print([c.goal for c in cases])") == (
        "['Get the money', 'Get it repaired']\n"
    )
    assert said(kernel, "typed(grid, 1, ''); print([c.case_id for c in cases])") == "['kettle']\n"
    assert said(kernel, "grid.undo(); grid.undo(); print([c.goal for c in cases])") == (
        "['Get a refund', 'Get it repaired']\n"
    )


def test_a_name_that_somebody_takes_is_theirs(kernel):
    """An edit does not write over what was meant anew; editing it again lets it follow again."""
    kernel.run("mine = cases[:1]\n%convsim edit mine")
    kernel.run("grid = _; mine = 'something else'")
    assert said(kernel, "typed(grid, 0, 'Other'); print(mine)") == "something else\n"


def test_another_name_may_follow(kernel):
    """With `-o` the set that was given stays; without any name the grid is all there is."""
    kernel.run("%convsim edit cases -o edited")
    told = said(kernel, "grid = _; typed(grid, 0, 'Other'); print(edited[0].goal, '|', cases[0].goal)")
    alone = kernel.run("%convsim edit cases[:1]")

    assert told == "Other | Get a refund\n"
    assert alone.text("stdout") == "the edited cases are the grid's .cases; with -o NAME a name follows them\n"
    kernel.run("grid.undo()")


def test_a_file_is_edited_and_saved_to(kernel):
    """What came from a file is saved there; the name behind `-o` follows."""
    kernel.run("cases.save('some.yaml')\n%convsim edit some.yaml -o loaded")
    told = said(
        kernel, "grid = _; typed(grid, 0, 'In the file'); grid.save(); print(cs.load_cases('some.yaml')[0].goal)"
    )

    assert told == "In the file\n"
    assert said(kernel, "print(loaded[0].goal, grid.path, grid.unsaved)") == "In the file some.yaml False\n"


def test_edit_shows_the_grid_once_in_a_cell(kernel):
    """Whether it is the last expression or not; in another cell it is a second view."""
    once = kernel.run("grid = cases[:1].edit()\ngrid")
    view = "display_data application/vnd.jupyter.widget-view+json"

    assert once.kinds().count(view) == 2  # the other is the room for plain widgets
    assert kernel.run("grid").kinds().count(view) == 2
    assert said(kernel, "print(cs.CaseGrid(cases).cases == cases)") == "True\n"


def test_where_nobody_draws_the_cases_stand_as_a_table(kernel):
    """nbclient and consoles: no widget, and the table that a saved notebook keeps."""
    cell = kernel.run("grid = cases.edit()", draws=False)

    assert cell.kinds() == ["display_data text/html"]
    html = next(m["content"]["data"]["text/html"] for m in cell.messages if m["msg_type"] == "display_data")
    assert "Get it repaired" in html


def test_the_saved_form_is_drawn_anew_when_edits_settle(kernel):
    """What lies folded below the grid holds the edit, with no script in it."""
    kernel.run("grid = cases.edit()")
    cell = kernel.run("import time; typed(grid, 0, 'Settled <b>down</b>'); time.sleep(1.6)")
    updates = [m["content"]["data"]["text/html"] for m in cell.messages if m["msg_type"] == "update_display_data"]

    assert "Settled &lt;b&gt;down&lt;/b&gt;" in updates[-1]
    assert updates[-1].startswith("<details>")


def test_the_saved_form_names_what_is_to_be_fixed():
    """Drafts are in no table, but are said; hostile text is text."""
    grid = CaseGrid([MARKET, {"goal": XSS[0], "persona": XSS[1]}, KETTLE])
    grid.edit("Edit", [{"op": "set", "key": grid.rows[2].key, "column": "goal", "text": ""}])
    bundle = bundle_of(grid)

    assert bundle["text/plain"] == "CaseGrid of 2 test cases, 1 to fix"
    assert "row 3: goal: A goal is needed" in bundle["text/html"]
    assert "<script" not in bundle["text/html"]
    assert "<img" not in bundle["text/html"]


# --- plain widgets -------------------------------------------------------------------


class Plain(PlainGrid):
    """The plain form, and its parts by their names."""

    def press(self, name):
        """Press a button."""
        buttons = [each for part in self.box.children for each in getattr(part, "children", ())]
        next(each for each in buttons if getattr(each, "description", "") == name).click()

    def type(self, **texts):
        """Fill fields in."""
        for name, text in texts.items():
            self._fields[name].value = text


def test_one_case_at_a_time_is_edited_in_a_plain_form(tmp_path):
    """Choose, type, keep, add, copy, delete, undo, save; what is wrong is said under the fields."""
    grid = CaseGrid([MARKET, KETTLE])
    form = Plain(grid)
    assert [name for name, _ in form._choice.options] == [f"1  {MARKET.goal}", f"2  {KETTLE.goal}"]
    form._choice.value = grid.rows[1].key
    form.type(goal="Get the money", facts="one\ntwo")
    form.press("Keep")
    assert (grid.cases["kettle"].goal, grid.cases["kettle"].facts) == ("Get the money", ("one", "two"))
    form.press("Add case")
    assert "A goal is needed" in form._problem.value
    form.type(goal="Third")
    form.press("Keep")
    form.press("Duplicate")
    assert [case.goal for case in grid.cases] == [MARKET.goal, "Get the money", "Third", "Third"]
    form.press("Delete")
    form.press("Undo")
    form.press("Redo")
    form.press("Save")
    assert "needs a path" in form._problem.value
    form._path.value = str(tmp_path / "c.yaml")
    form.press("Save")
    assert form._problem.value == f"Saved 3 cases to {tmp_path / 'c.yaml'}"
    assert len(cs.load_cases(tmp_path / "c.yaml")) == 3
    assert "Get the money" in form._table.value


def test_the_plain_form_follows_other_edits_and_shows_hostile_text_as_text():
    """What another page or Python changed stands in its fields."""
    grid = CaseGrid([{"goal": XSS[0]}])
    form = Plain(grid)
    grid.cases = [grid.cases[0].edited(persona=XSS[1])]

    assert form._fields["persona"].value == XSS[1]
    assert "<script" not in form._table.value + form._problem.value
    grid.edit("Edit", [{"op": "set", "key": grid.rows[0].key, "column": "tags", "text": "<img src=x>"}])
    assert "<img" not in form._table.value + form._problem.value


def test_a_name_follows_the_last_grid_it_was_given_to():
    """Two grids do not fight over one name."""
    first, second, names = CaseGrid([KETTLE]), CaseGrid([MARKET]), {}
    follow(first, "cases", names)
    follow(second, "cases", names)
    first.add([{"goal": "x"}])
    assert names["cases"] == cs.CaseSet([MARKET])
    second.add([{"goal": "x"}])
    assert len(names["cases"]) == 2


def test_the_probe_waits_as_long_as_for_a_run():
    """One figure for all views."""
    assert places.PROBE_SECONDS > 1
