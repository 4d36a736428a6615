"""The grid in a real JupyterLab: every kind of edit, paste, undo, save, two views, reloads, hostile text."""

import json
import os
import re

import pytest

from tests.notebook.test_axe_browser import FOUND
from tests.notebook.test_case_grid import XSS

pytestmark = pytest.mark.full

SETUP = """
%load_ext convsim_nb
import json
import convsim_nb as cs
session = cs.Session(id="market", messages=[
    cs.Message(role="user", content="What are the levels of the DAX and the FTSE?"),
    cs.Message(role="assistant", content="The DAX stands at 18,000 now. " * 30),
    cs.Message(role="user", content="It is Saturday and the markets are closed."),
    cs.Message(role="assistant", content="You are right."),
])
quotes = [
    {"field": "goal", "message": 0, "text": "the levels of the DAX and the FTSE"},
    {"field": "withheld[0].fact", "message": 2, "text": "the markets are closed"},
]
cases = cs.CaseSet([
    {"case_id": "market", "goal": "Learn the levels of the DAX", "persona": "An investor", "facts": ["One", "Two"],
     "withheld": [{"fact": "The markets are closed", "after": "the agent says that levels are current"}],
     "expectations": {"guidelines": ["Says that the markets are closed"]}, "proposed": ["guidelines"],
     "source": {"session_id": "market", "last": 3, "quotes": quotes}},
    {"case_id": "kettle", "goal": "Get a refund for a kettle", "simulation_guidelines": ["Insists"]},
    {"case_id": "table", "goal": "Book a table for four people on Friday"},
], sessions=[session])
def told(value):
    print("told", json.dumps(value), "end")
"""
EDIT = "%convsim edit cases"
GOALS = "told([case.goal for case in cases])"
CASES = "told({case.case_id: case.as_mapping() for case in cases})"


class Grid:
    """The grid in the page, and what Python says of it."""

    def __init__(self, tab):
        self.tab, self.page = tab, tab.page

    @property
    def root(self):
        """The last view of a grid."""
        return self.page.locator(".cs-cases").last

    def shown(self):
        """Wait until the kernel has told the view what there is."""
        self.page.wait_for_selector(".cs-cases:not(.cs-unknown)")
        return self

    def cell(self, row, column):
        """A cell, by the row's number on the screen and the field."""
        return self.root.locator(f".cs-g-row:not([hidden]) >> nth={row - 1}").locator(f"[data-column='{column}']")

    def goals(self):
        """The goals as they are shown."""
        return [
            text.strip() for text in self.root.locator(".cs-g-row:not([hidden]) [data-column=goal]").all_inner_texts()
        ]

    def button(self, name):
        """A button by its name."""
        return self.root.get_by_role("button", name=name, exact=True)

    def press(self, *keys):
        """Press keys where the focus is."""
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text):
        """Type letters where the focus is."""
        self.page.keyboard.type(text)

    def status(self):
        """What was announced last."""
        return self.root.locator(".cs-status").inner_text()

    def counts(self):
        """What stands beside the search."""
        return self.root.locator(".cs-g-counts").inner_text()

    def ask(self, code):
        """Run a cell once Python has all edits, and give what it told: cells and widgets come in on two channels."""
        self.until("(node?.dataset.waiting ?? '0') === '0'")
        self.tab.cell(code)
        printed = self.page.locator(".jp-Cell").last.locator(".jp-OutputArea-output").last
        printed.wait_for()
        return json.loads(re.search(r"told (.*) end", printed.inner_text(), re.DOTALL)[1])

    def until(self, what):
        """Wait until something is true of the last view: JavaScript, in which it is `node`."""
        self.page.wait_for_function(
            f"() => {{ const node = [...document.querySelectorAll('.cs-cases')].at(-1); return {what}; }}"
        )

    def copied(self):
        """What is in the clipboard."""
        return self.page.evaluate("() => navigator.clipboard.readText()")

    def copy(self, text):
        """Put a text into the clipboard, as another program would."""
        self.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)

    def picture(self, name):
        """Keep a picture of the view, where these are wanted."""
        if folder := os.environ.get("CONVSIM_PICTURES"):
            self.root.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture
def grid(tab):
    """The grid of three cases, opened by the magic."""
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.open(tab.lab.write("grid.ipynb", SETUP, EDIT)).run_all(wait=True)
    yield Grid(tab).shown()
    # Notebook 7's own settings page stumbles over a plugin that only JupyterLab has.
    assert [each for each in tab.errors if "reading 'schema'" not in each] == []


def test_a_text_is_edited_in_its_place(grid):
    """Enter edits and keeps, Shift+Enter is a new line, Esc reverts, Tab goes on, a letter replaces; no cell goes."""
    cells = grid.page.locator(".jp-Cell").count()
    grid.cell(2, "goal").click()
    grid.press("Enter", "End", "Shift+Enter")
    grid.type("dd today")
    grid.press("Enter")
    grid.cell(2, "persona").dblclick()
    grid.type("Terse")
    grid.press("Tab")
    here = grid.root.locator(":focus").get_attribute("data-column")
    grid.press("ArrowUp", "ArrowLeft", "ArrowDown")
    grid.type("gone")
    grid.press("Escape", "d", "d", "Escape")
    grid.cell(3, "goal").click()
    grid.type("Anew")
    grid.press("Control+Enter")
    told = grid.ask(CASES)

    assert here == "simulation_guidelines"
    assert told["kettle"]["goal"] == "Get a refund for a kettle\ndd today"
    assert told["kettle"]["persona"] == "Terse"
    assert told["table"]["goal"] == "Anew"
    assert grid.cell(2, "goal").locator(".cs-g-edited").count() == 1
    assert grid.cell(1, "goal").locator(".cs-g-edited").count() == 0
    assert grid.page.locator(".jp-Cell").count() == cells + 1
    assert grid.root.locator(".cs-g-unsaved").is_visible()


def test_lists_are_lists_and_a_cell_says_what_is_wrong_with_it(grid):
    """Enter begins an item, Ctrl+Enter keeps; what cannot be read stays in the cell with the reason, as a draft."""
    grid.cell(1, "facts").click()
    grid.press("Enter", "Control+End", "Enter")
    grid.type("Three")
    grid.press("Enter")
    grid.type("  goes on")
    grid.press("Control+Enter")
    grid.cell(2, "expectations").dblclick()
    grid.type("plan: gold: x")
    grid.press("Control+Enter")
    problem = grid.cell(2, "expectations").locator(".cs-g-problem")
    problem.wait_for()
    said = problem.inner_text()
    invalid = grid.cell(2, "expectations").get_attribute("aria-invalid")
    drafts = grid.ask(
        "told([list(_following.problems) for _following in [_]] if False else [[c.case_id for c in cases]])"
    )
    counts = grid.counts()
    grid.picture("grid-draft")
    grid.root.get_by_label("Rows").select_option("To fix")
    grid.until("node.querySelectorAll('.cs-g-row:not([hidden])').length === 1")
    grid.cell(1, "expectations").dblclick()
    grid.press("Control+A")
    grid.type("plan: gold\nsteps: [1, 2]")
    grid.press("Control+Enter")
    grid.until("!node.querySelector('.cs-g-problem')")
    told = grid.ask(CASES)

    assert "is not YAML" in said
    assert invalid == "true"
    assert drafts == [["market", "table"]]
    assert counts.startswith("3 cases · 1 to fix")
    assert told["market"]["facts"] == ["One", "Two", "Three\ngoes on"]
    assert told["kettle"]["expectations"] == {"plan": "gold", "steps": [1, 2]}


def test_what_is_withheld_is_edited_as_fact_after_and_kind(grid):
    """A field each; Enter goes on; another is added, one is taken out; half an entry is a draft."""
    grid.cell(1, "withheld").click()
    grid.press("Enter")
    grid.page.get_by_label("Withheld 1, after").fill("the agent calls the levels live")
    grid.page.get_by_label("Withheld 1, kind").select_option("answer")
    grid.page.get_by_label("Withheld 1, after").press("Enter")
    grid.type("They hold shares")
    grid.press("Control+Enter")
    grid.cell(1, "withheld").locator(".cs-g-problem").wait_for()
    grid.cell(1, "withheld").dblclick()
    grid.picture("grid-withheld")
    grid.page.get_by_label("Withheld 2, after").fill("it asks why")
    grid.press("Control+Enter")
    grid.until("!node.querySelector('.cs-g-problem')")
    both = grid.ask(CASES)["market"]["withheld"]
    grid.cell(1, "withheld").dblclick()
    grid.page.get_by_label("Withheld 1, take out").click()
    grid.press("Control+Enter")
    one = grid.ask(CASES)["market"]["withheld"]

    assert both == [
        {"fact": "The markets are closed", "after": "the agent calls the levels live", "kind": "answer"},
        {"fact": "They hold shares", "after": "it asks why"},
    ]
    assert one == both[1:]


def test_rows_are_added_copied_moved_deleted_and_all_of_it_undone(grid):
    """By buttons and by keys; each is said; Ctrl+Z walks back to the start, Ctrl+Shift+Z and Ctrl+Y forth."""
    grid.cell(1, "goal").click()
    grid.press("Control+Enter")
    grid.page.locator(".cs-cases textarea").wait_for()
    grid.type("Find out what it costs")
    grid.press("Enter", "Alt+ArrowDown")
    grid.until("node.querySelectorAll('.cs-g-row')[2].textContent.includes('Find out what it costs')")
    moved = grid.goals()
    said = grid.status()
    grid.button("Duplicate").click()
    grid.until("node.querySelectorAll('.cs-g-row').length === 5")
    grid.cell(1, "#").locator(".cs-g-place").click()
    grid.cell(2, "#").locator(".cs-g-place").click(modifiers=["Shift"])
    grid.button("Delete").click()
    grid.until("node.querySelectorAll('.cs-g-row').length === 3")
    left = grid.goals()
    python = grid.ask(GOALS)
    grid.cell(1, "goal").click()
    for _ in range(5):
        grid.press("Control+z")
    grid.until("node.querySelectorAll('.cs-g-row').length === 3 && node.querySelector('.cs-g-unsaved').hidden")
    back = grid.ask(GOALS)
    grid.cell(1, "goal").click()
    grid.press("Control+Shift+z", "Control+y", "Control+y", "Control+Shift+z", "Control+y")
    grid.until("node.querySelectorAll('.cs-g-row').length === 3 && !node.querySelector('.cs-g-unsaved').hidden")

    assert moved == ["Learn the levels of the DAX", "Get a refund for a kettle", "Find out what it costs",
                     "Book a table for four people on Friday"]  # fmt: skip
    assert said == "Moved to row 3"
    assert left == python == ["Find out what it costs"] * 2 + ["Book a table for four people on Friday"]
    assert back == [
        "Learn the levels of the DAX",
        "Get a refund for a kettle",
        "Book a table for four people on Friday",
    ]
    assert grid.ask(GOALS) == left


def test_cells_go_to_a_spreadsheet_and_come_from_one(grid):
    """Two by two with a quoted newline, more lines than rows; one undo takes all back; copy gives quoted TSV."""
    grid.cell(2, "goal").click()
    grid.press("Shift+ArrowRight", "Shift+ArrowRight", "Control+c")
    copied = grid.copied()
    grid.copy('One\t"Two\nlines"\r\nThree\tFour\r\nFive\t\r\n')
    grid.cell(2, "goal").click()
    grid.press("Control+v")
    grid.until("node.querySelectorAll('.cs-g-row').length === 4")
    pasted = grid.ask("told([[case.goal, case.persona] for case in cases])")
    said = grid.status()
    grid.cell(1, "facts").click()
    grid.press("Control+c")
    facts = grid.copied()
    grid.press("Control+z")
    grid.until("node.querySelectorAll('.cs-g-row').length === 3")
    back = grid.ask(GOALS)
    grid.copy('goal\tfacts\nFrom a table\t"a\nb"')
    grid.cell(3, "#").locator(".cs-g-place").click()
    grid.press("Control+v")
    grid.until("node.querySelectorAll('.cs-g-row').length === 4")
    headed = grid.ask("told([cases[-1].goal, cases[-1].facts])")
    grid.cell(1, "facts").click()
    grid.press("Delete")
    grid.until("!node.querySelector('.cs-g-row [data-column=facts]').querySelector('.cs-g-item')")

    assert copied == "Get a refund for a kettle\t\tInsists"
    assert pasted == [
        ["Learn the levels of the DAX", "An investor"],
        ["One", "Two\nlines"],
        ["Three", "Four"],
        ["Five", None],
    ]
    assert said == "Pasted 6 cells, 1 new rows"
    assert facts == '"One\nTwo"'
    assert len(back) == 3
    assert headed == ["From a table", ["a", "b"]]


def test_search_filter_and_columns(grid):
    """What is looked for is shown, with the numbers as they are; columns come and go; a new row is always seen."""
    grid.cell(1, "goal").click()
    grid.press("/")
    grid.type("kettle refund")
    grid.until("node.querySelectorAll('.cs-g-row:not([hidden])').length === 1")
    counts, number = grid.counts(), grid.root.locator(".cs-g-row:not([hidden]) .cs-g-place").inner_text()
    grid.button("Add case").click()
    grid.page.locator(".cs-cases textarea").wait_for()
    grid.press("Escape")
    everyone = grid.root.locator(".cs-g-row:not([hidden])").count()
    grid.button("Columns ▾").click()
    grid.root.get_by_label("Persona", exact=True).uncheck()
    grid.root.get_by_label("Withheld", exact=True).uncheck()
    grid.root.get_by_label("Guidelines", exact=True).uncheck()
    grid.press("Escape")
    grid.until("getComputedStyle(node.querySelector('.cs-g-row [data-column=persona]')).display === 'none'")
    heads = [each for each in grid.root.get_by_role("columnheader").all_inner_texts() if each]

    assert (counts, number) == ("1 of 3 cases", "2")
    assert everyone == 4
    assert heads == ["#", "Goal", "Facts", "Expectations"]


def test_saving_asks_where_and_says_what_is_not_saved(grid):
    """To YAML once a path is known; what is wrong with a path is said where it was typed."""
    grid.button("Save").click()
    path = grid.root.get_by_label("Where to save")
    path.fill("cases.docx")
    path.press("Enter")
    grid.root.locator(".cs-g-box .cs-problem").wait_for()
    said = grid.root.locator(".cs-g-box .cs-problem").inner_text()
    path.fill("cases.yaml")
    path.press("Enter")
    grid.root.locator(".cs-g-toast >> text=Saved 3 cases to cases.yaml").wait_for()
    grid.cell(3, "goal").click()
    grid.type("Edited")
    grid.press("Enter")
    grid.until("!node.querySelector('.cs-g-unsaved').hidden")
    grid.button("Save").click()
    grid.until("node.querySelector('.cs-g-unsaved').hidden")
    saved = grid.ask("told([case.goal for case in cs.load_cases('cases.yaml')])")

    assert "not to '.docx'" in said
    assert saved == ["Learn the levels of the DAX", "Get a refund for a kettle", "Edited"]


def test_a_foreign_file_is_replaced_only_when_the_person_says_so(grid):
    """The question stands where the path was typed; the focus is never lost."""
    grid.ask("open('other.yaml', 'w').write('- goal: Of somebody else'); told(1)")
    saved = "told([case.goal for case in cs.load_cases('other.yaml')])"
    grid.button("Save").click()
    grid.root.get_by_label("Where to save").fill("other.yaml")
    grid.press("Enter")
    grid.root.get_by_text("other.yaml is there already: replace it?").wait_for()
    grid.button("Replace").click()
    grid.root.locator(".cs-g-toast >> text=Saved 3 cases to other.yaml").wait_for()
    focus = grid.page.evaluate("() => document.activeElement.tagName")

    assert focus == "BUTTON"
    assert len(grid.ask(saved)) == 3


def test_a_long_cell_shows_its_beginning_and_columns_stay_as_chosen(grid):
    """Twelve lines and how long it is; where it is shown anew the columns are those of before."""
    grid.tab.cell("grid = cases[:1].edit()")
    long = "{'op': 'set', 'key': grid.rows[0].key, 'column': 'goal', 'text': 'a b ' * 5000}"
    grid.ask(f"grid.edit('Edit', [{long}]); told(1)")
    grid.until("node.querySelector('.cs-g-whole')")
    height = grid.page.locator(".cs-g-row").last.bounding_box()["height"]
    said = grid.page.locator(".cs-g-whole").inner_text()
    grid.page.locator(".cs-cases").last.get_by_role("button", name="Columns ▾").click()
    grid.page.locator(".cs-cases").last.get_by_label("Facts", exact=True).uncheck()
    grid.press("Escape")
    grid.tab.cell("grid")
    grid.until("node.querySelector('.cs-g-table').dataset.hidden?.includes('facts')")

    assert height < 420
    assert said == "… 19,999 characters in all: Enter shows them"


def test_two_views_and_python_edit_at_once(grid):
    """Each shows what the others did; an open editor is left alone, and what is in it is kept."""
    grid.tab.cell(EDIT)
    grid.page.wait_for_function("() => document.querySelectorAll('.cs-cases:not(.cs-unknown)').length === 2")
    first, second = grid.page.locator(".cs-cases").first, grid.page.locator(".cs-cases").last
    row = ".cs-g-row >> nth=1"
    first.locator(row).locator("[data-column=goal]").dblclick()
    first.locator("textarea").fill("typed in the first")
    second.locator(row).locator("[data-column=persona]").dblclick()
    second.locator("textarea").fill("typed in the second")
    second.locator("textarea").press("Enter")
    first.locator(row).locator("[data-column=persona] >> text=typed in the second").wait_for()
    first.locator(row).locator("[data-column=goal]").dblclick()
    first.locator("textarea").fill("typed in the first")
    first.locator("textarea").press("Enter")
    second.locator(row).locator("[data-column=goal] >> text=typed in the first").wait_for()
    grid.tab.cell("grid = _\ngrid.cases = cases.with_edit('table', goal='from Python').without('market')")
    for view in (first, second):
        view.locator(".cs-g-row >> nth=1").locator("text=from Python").wait_for()
    told = grid.ask(CASES)

    assert list(told) == ["kettle", "table"]
    assert (told["kettle"]["goal"], told["kettle"]["persona"]) == ("typed in the first", "typed in the second")


def test_a_row_that_another_view_deletes_while_it_is_edited_loses_no_text(grid):
    """What was typed stands in a new row, and the person is told."""
    grid.tab.cell("grid = cases.edit()")
    grid.page.wait_for_function("() => document.querySelectorAll('.cs-cases:not(.cs-unknown)').length === 2")
    grid.cell(2, "goal").dblclick()
    grid.page.locator(".cs-cases textarea").fill("half a thought")
    grid.page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex")
    code = "grid.edit('Delete case', [{'op': 'delete', 'keys': [grid.rows[1].key]}])"
    execute = """(code) => {
        const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
        kernel.requestExecute({ code, silent: true });
    }"""
    grid.page.evaluate(execute, code)
    grid.root.locator(".cs-g-toast >> text=The row was deleted elsewhere").wait_for()
    grid.until("node.querySelectorAll('.cs-g-row').length === 3")
    grid.page.wait_for_function("() => document.activeElement.textContent === 'half a thought'")

    assert grid.goals() == ["Learn the levels of the DAX", "Book a table for four people on Friday", "half a thought"]


def test_a_reload_in_mid_edit_brings_the_text_back(grid):
    """What stood in the open editor is in it again; what was kept before is in Python."""
    grid.cell(3, "goal").click()
    grid.type("Kept")
    grid.press("Enter")
    grid.until("!node.querySelector('.cs-g-unsaved').hidden")
    grid.cell(2, "facts").dblclick()
    grid.type("never sent\nand more")
    grid.tab.save()
    grid.tab.open("grid.ipynb", reset=False)
    grid.shown()
    field = grid.page.locator(".cs-cases textarea")
    field.wait_for()
    text = field.input_value()
    field.press("Control+Enter")
    grid.until("node.querySelectorAll('.cs-g-row')[1].querySelectorAll('[data-column=facts] .cs-g-item').length === 2")
    told = grid.ask(CASES)

    assert text == "never sent\nand more"
    assert (told["table"]["goal"], told["kettle"]["facts"]) == ("Kept", ["never sent", "and more"])


def test_edits_come_back_after_a_kernel_restart(grid):
    """The page says that the kernel is gone; run again, the grid offers what was not saved."""
    grid.cell(3, "goal").click()
    grid.type("Not saved")
    grid.press("Enter")
    grid.until("!node.querySelector('.cs-g-unsaved').hidden")
    grid.page.wait_for_timeout(800)
    grid.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    grid.tab.run_all(wait=True)
    grid.page.wait_for_selector(".cs-cases:not(.cs-unknown) .cs-g-notice >> text=were never saved: 3 rows.")
    grid.picture("grid-offer")
    grid.button("Bring them back").click()
    grid.until("node.querySelectorAll('.cs-g-row')[2].textContent.includes('Not saved')")

    assert grid.ask(GOALS)[2] == "Not saved"
    assert grid.root.locator(".cs-g-notice").nth(2).is_hidden()


def test_the_source_stands_beside_and_a_cell_is_distilled_again(grid):
    """Bubbles with the quoted words, the field's own stand out; the model is asked for; an undo brings back."""
    grid.cell(1, "goal").click()
    grid.button("Source").click()
    panel = grid.root.locator(".cs-g-source")
    panel.locator("mark.cs-g-own").wait_for()
    own = panel.locator("mark.cs-g-own").all_inner_texts()
    grid.cell(1, "withheld").click()
    grid.until("node.querySelector('mark.cs-g-own')?.textContent === 'the markets are closed'")
    seen = panel.locator("mark.cs-g-own").evaluate(
        "(node) => { const a = node.getBoundingClientRect(), b = node.closest('.cs-g-log').getBoundingClientRect();"
        " return a.top >= b.top && a.bottom <= b.bottom; }"
    )
    grid.picture("grid-source")
    grid.cell(2, "goal").click()
    panel.locator("text=written by hand").wait_for()
    grid.cell(1, "goal").click()
    grid.press("Shift+F10")
    grid.root.get_by_role("menuitem", name="Distill goal again").click()
    model = grid.root.get_by_label("Model that distills again")
    model.fill("nobody:/x")
    model.press("Enter")
    grid.root.locator(".cs-g-toast.cs-g-bad").wait_for()
    refused = grid.root.locator(".cs-g-toast").inner_text()
    grid.press("Shift+F10")
    grid.root.get_by_role("menuitem", name="Distill goal again").click()
    model.fill("demo:/rules")
    model.press("Enter")
    grid.root.locator(".cs-g-toast >> text=Distilled goal again").wait_for()
    anew = grid.ask(GOALS)[0]
    grid.cell(1, "goal").click()
    grid.press("Control+z")
    grid.until("node.querySelector('.cs-g-row').textContent.includes('Learn the levels of the DAX')")

    assert own == ["the levels of the DAX and the FTSE"]
    assert seen
    assert "nobody:/x" in refused
    assert anew != "Learn the levels of the DAX"


def test_hostile_text_is_text_typed_and_pasted(grid):
    """In every field, in the source and in labels: nothing runs, nothing is fetched, hidden signs are named."""
    asked = []
    grid.page.on("request", lambda request: asked.append(request.url))
    line = "\t".join(f'"{text.replace(chr(34), chr(34) * 2)}"' for text in XSS)
    grid.copy("\n".join([line] * 2))
    grid.cell(1, "goal").click()
    grid.press("Control+v")
    grid.page.wait_for_timeout(700)
    for column in ("goal", "persona", "simulation_guidelines", "withheld", "facts", "expectations", "script", "tags"):
        for row, text in enumerate(XSS[:3], start=1):
            grid.copy(text)
            grid.cell(row, "goal").click()
            if grid.cell(row, column).count() and grid.cell(row, column).is_visible():
                grid.cell(row, column).click()
                grid.press("Control+v")
    grid.cell(1, "withheld").dblclick()
    grid.press("Control+Enter")
    code = f"hostile = cs.Session(id={XSS[0]!r}, messages=[cs.Message(role='user', content=t) for t in {XSS!r}])\n"
    source = {"session_id": XSS[0], "last": 1, "quotes": [{"field": XSS[1], "message": 0, "text": "script"}]}
    code += (
        f"_.add(cs.CaseSet([{{'goal': {XSS[0]!r}, 'persona': {XSS[7]!r}, 'source': {source!r}}}], sessions=[hostile]))"
    )
    grid.tab.cell(code)
    grid.until("node.querySelectorAll('.cs-g-row').length === 4")
    grid.cell(4, "persona").click()
    grid.button("Source").click()
    grid.root.locator(".cs-g-source .cs-bubble").first.wait_for()
    grid.page.wait_for_timeout(500)
    tags = grid.root.evaluate("(node) => node.querySelectorAll('script, img, svg, iframe, a[href]').length")

    assert grid.page.evaluate("() => window.pwned") is None
    assert tags == 0
    assert "⟨U+202E⟩" in grid.cell(4, "persona").inner_text()
    assert not [url for url in asked if "127.0.0.1" not in url and not url.startswith(("data:", "blob:"))]


def test_the_saved_notebook_holds_the_cases_without_a_kernel(grid):
    """Folded below the grid, as it stands after the last edit, with no script in it."""
    grid.cell(3, "goal").click()
    grid.type("As it stands")
    grid.press("Enter")
    grid.page.wait_for_selector("details:has-text('As it stands')", state="attached")
    grid.tab.save()
    outputs = grid.tab.lab.read("grid.ipynb")["cells"][1]["outputs"]
    html = "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)

    assert "As it stands" in html
    assert "<script" not in html


# --- where widgets of our own do not show --------------------------------------------

PLAIN = "import os; os.environ['CONVSIM_VIEW'] = 'plain'\n"
BLOCKED = """
from convsim_nb.notebook.grid.case_grid import CaseGrid
CaseGrid._esm = "export default { render() {} }"  # a page that shows nothing of ours
import convsim_nb.notebook.display as display
display.PROBE_SECONDS = 1.0
"""


@pytest.mark.parametrize("first", [PLAIN, BLOCKED])
def test_plain_widgets_stand_in(tab, first):
    """By the switch, and where no page asks for the grid: a form and a table; edits reach the name."""
    tab.open(tab.lab.write("plain.ipynb", first + SETUP, EDIT)).run_all(wait=True)
    page = tab.page
    goal = page.locator(".widget-textarea textarea").first
    goal.wait_for()
    goal.fill("Plainly edited")
    goal.press("Tab")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.locator(".jp-OutputArea-output table >> text=Plainly edited").first.wait_for()
    told = Grid(tab).ask(GOALS)

    assert told[0] == "Plainly edited"
    assert tab.errors == []


# --- Notebook 7 ----------------------------------------------------------------------


@pytest.mark.parametrize("tab", ["notebook7"], indirect=True)
def test_in_notebook_7(grid):
    """Each kind of edit, paste, undo and save."""
    grid.cell(2, "goal").click()
    grid.type("Typed")
    grid.press("Tab")
    grid.cell(2, "facts").dblclick()
    grid.type("one\ntwo")
    grid.press("Control+Enter")
    grid.cell(1, "withheld").dblclick()
    grid.page.get_by_label("Withheld 1, after").fill("it says so")
    grid.press("Control+Enter")
    grid.copy('A\t"B\nC"\nD\tE')
    grid.cell(3, "goal").click()
    grid.press("Control+v")
    grid.until("node.querySelectorAll('.cs-g-row').length === 4")
    grid.press("Control+z")
    grid.until("node.querySelectorAll('.cs-g-row').length === 3")
    grid.button("Duplicate").click()
    grid.until("node.querySelectorAll('.cs-g-row').length === 4")
    grid.press("Alt+ArrowUp")
    grid.button("Save").click()
    grid.root.get_by_label("Where to save").fill("seven.yaml")
    grid.press("Enter")
    grid.root.locator(".cs-g-toast >> text=Saved 4 cases").wait_for()
    told = grid.ask("told([case.as_mapping() for case in cs.load_cases('seven.yaml')])")

    assert [case["case_id"] for case in told] == ["market", "kettle", "table~2", "table"]
    assert (told[1]["goal"], told[1]["facts"], told[0]["withheld"][0]["after"]) == (
        "Typed",
        ["one", "two"],
        "it says so",
    )


# --- accessibility -------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious(grid, installed, dark):  # noqa: PLR0915 - one state after the other
    """As it opens, with drafts, findings and marks, in each editor, with panel, menus and boxes; wide and narrow."""
    grid.tab.theme(dark=dark)
    grid.page.evaluate((installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    serious = {}

    def look(state):
        if each := grid.root.evaluate(FOUND):
            serious[state] = each

    look("as it opens")
    grid.cell(2, "goal").click()
    grid.button("Duplicate").click()
    grid.root.locator("[data-column=findings]").first.wait_for()
    grid.cell(1, "persona").click()
    grid.type("Edited")
    grid.press("Enter")
    grid.cell(4, "goal").click()
    grid.press("Delete", "Space")
    grid.root.locator(".cs-g-problem").wait_for()
    look("drafts, findings, marks")
    grid.cell(1, "goal").dblclick()
    look("a text")
    grid.press("Escape")
    grid.cell(1, "withheld").dblclick()
    look("what is withheld")
    grid.press("Escape")
    grid.cell(1, "goal").click()
    grid.press("Shift+ArrowRight", "Shift+ArrowDown")
    look("a range")
    grid.cell(1, "goal").click()
    grid.button("Source").click()
    grid.root.locator(".cs-g-source mark").first.wait_for()
    look("the source")
    grid.cell(1, "goal").click()
    grid.press("Shift+F10")
    look("the menu")
    grid.root.get_by_role("menuitem", name="Distill goal again").click()
    look("the model")
    grid.button("Cancel").click()
    grid.button("Columns ▾").click()
    look("columns")
    grid.press("Escape")
    grid.button("Save elsewhere").click()
    look("saving")
    grid.press("Escape")
    grid.button("?").click()
    look("help")
    grid.press("Escape")
    grid.page.set_viewport_size({"width": 760, "height": 900})
    look("narrow")
    grid.root.get_by_label("Search the cases").fill("nothing like it")
    grid.root.locator(".cs-g-nobody").wait_for()
    look("nobody")

    assert serious == {}
