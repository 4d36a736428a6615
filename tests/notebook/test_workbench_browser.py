"""The workbench in a real JupyterLab: the whole way by hand, by mouse and by keyboard, wide and narrow."""

import re

import pytest

from tests.notebook.test_stepping_browser import Cell

pytestmark = pytest.mark.full

SETUP = """
%load_ext convsim_nb
import asyncio, convsim_nb as cs
from convsim_nb.testing import ScriptedChat

async def support(messages):
    for word in f"Answer {len(messages)}: I have **found** the order .".split():
        await asyncio.sleep(.03)
        yield word + " "

chat = ScriptedChat(user=[f"Please help me, {n}." for n in range(30)])
HOSTILE = "<img src=x onerror='window.hacked=1'>"
cases = [{"goal": f"Goal {n} {HOSTILE}", "case_id": f"case-{n}", "persona": "Terse"} for n in range(4)]
"""
OPEN = "bench = cs.Workbench(support, cases=cases, user_model=chat, max_turns=%d, mlflow=False, concurrency=2); bench"
SESSIONS = """
from convsim_nb.domain.session import Message, Session
said = ["My kettle arrived broken. My order is A-1893, and I want a refund.", "Where is parcel P-77123?"]
done = Message(role="assistant", content="Done.")
sessions = [Session(id=f"s-{n}", messages=(Message(role="user", content=text), done)) for n, text in enumerate(said)]
"""
RUN_SECOND_CELL = """async () => {
    window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1;
    await window.jupyterapp.commands.execute('notebook:run-cell');
}"""
TWO_RUNS = "() => document.querySelectorAll('.cs-wb-which select:first-child [label=Here] option').length === 2"


class Bench(Cell):
    """A workbench in a tab."""

    def __init__(self, tab):
        super().__init__(tab)
        self.root = tab.page.locator(".convsim-workbench").last

    def ready(self):
        """Wait until all its parts have heard from the kernel."""
        self.page.wait_for_selector(".cs-wb-bar:not(.cs-unknown)")
        self.page.wait_for_selector(".cs-cases:not(.cs-unknown)", state="attached")
        return self

    @property
    def run_button(self):
        return self.page.get_by_role("button", name="Run", exact=True)

    @property
    def stop_button(self):
        return self.page.get_by_role("button", name="Stop", exact=True)

    def goals(self):
        """What stands in the grid's rows."""
        return [text.strip() for text in self.root.locator(".cs-g-body [data-column=goal]").all_inner_texts()]

    def step(self, name):
        """Go to a step, where the workbench is narrow."""
        self.root.get_by_role("navigation", name="Steps").get_by_role("button", name=name).click()

    def select_and_distill(self, text):
        """Select the session of a text, and distill it; then the grid has its case."""
        self.root.locator(".cs-picker").get_by_text(text).first.click()
        self.root.get_by_role("button", name=re.compile("^Distill .*selected$")).click()
        self.root.get_by_role("button", name="Distill", exact=True).click()
        self.page.wait_for_function("() => document.querySelector('.cs-wb-steps').textContent.includes('Cases 1')")

    def wait_for_end(self):
        """Wait until Run may be pressed again."""
        self.page.wait_for_function(
            "() => !document.querySelector('.cs-wb-run[aria-disabled]') && document.querySelector('.cs-run')"
        )


@pytest.fixture
def opened(tab):
    """Open a workbench in the second cell."""

    def opened(*, turns=2, cell=None, setup="", width=1500):
        tab.page.set_viewport_size({"width": width, "height": 950})
        tab.open(tab.lab.write("bench.ipynb", SETUP + setup, cell or OPEN % turns)).run_all(wait=True)
        return Bench(tab).ready()

    yield opened
    assert [each for each in tab.errors if "reading 'schema'" not in each] == []
    assert tab.page.evaluate("() => window.hacked") is None


def test_run_shows_the_first_conversation_without_a_click_and_stop_stays(opened):
    """One Run, one Stop; bubbles fill in; Stop ends it, stays, and does nothing afterwards."""
    view = opened(turns=30)
    rows = view.root.get_by_role("grid").get_by_role("row").count()
    before = (view.run_button.count(), view.stop_button.count())
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    during = (view.run_button.count(), view.stop_button.count(), view.run_button.get_attribute("aria-disabled"))
    goal = view.root.locator(".cs-run .cs-subject .cs-goal").inner_text()
    view.stop_button.click()
    view.wait_for_end()
    view.stop_button.click(force=True)
    told = view.ask('import json\nprint("told", json.dumps([bench.run.state.stopped, len(bench.runs)]), "end")')

    assert rows >= 5  # a head and four cases
    assert before == (1, 0)
    assert during == (1, 1, "true")
    assert goal.startswith("Goal 0 <img")
    assert view.stop_button.get_attribute("aria-disabled") == "true"
    assert told == [True, 1]


def test_a_second_version_is_one_click_and_the_two_are_compared(opened):
    """The agent is defined anew in another cell; Run plays it; the earlier run stays, a comparison is a click away."""
    view = opened(turns=1)
    view.run_button.click()
    view.wait_for_end()
    first = view.root.locator(".cs-wb-plays").inner_text()
    view.ask("async def support(messages):\n    return 'Mended'\nprint('told', 1, 'end')")
    view.page.wait_for_function(
        "before => !document.querySelector('.cs-wb-plays').textContent.includes(before)", arg=first[:40]
    )
    view.run_button.click()
    view.page.wait_for_function("() => document.querySelector('.cs-run .cs-log')?.textContent.includes('Mended')")
    view.wait_for_end()
    shelf = view.root.get_by_role("combobox", name="Run that is shown")
    options = shelf.locator("optgroup[label=Here] option").all_inner_texts()
    view.root.get_by_role("button", name="Compare", exact=True).click()
    view.root.get_by_text("reached the goal in").first.wait_for()
    compared = view.root.get_by_label("Comparison").inner_text()
    view.root.get_by_role("button", name="Back to the run").click()
    shelf.select_option(index=1)
    view.page.wait_for_function("() => document.querySelector('.cs-run .cs-log')?.textContent.includes('Answer 1')")

    assert len(options) == 2
    assert options[0] != options[1]
    assert "no difference is shown" in compared
    assert view.run_button.count() == view.stop_button.count() == 1


def test_what_failed_leads_to_the_case_and_to_the_conversation(opened):
    """A click on a failed case shows its conversation, and points at its row."""
    view = opened(turns=1)
    view.run_button.click()
    view.wait_for_end()
    view.root.get_by_role("button", name="case-2", exact=True).click()
    view.page.wait_for_selector(".cs-g-row.cs-g-pointed")
    view.page.wait_for_function("() => document.querySelector('.cs-subject .cs-goal').textContent.startsWith('Goal 2')")
    pointed = view.root.locator(".cs-g-pointed").inner_text()
    view.root.locator(".cs-square:nth-child(4)").click()
    view.page.wait_for_function("() => document.querySelector('.cs-g-pointed').textContent.includes('Goal 3')")
    view.root.get_by_role("button", name="Run these again").click()
    view.page.wait_for_function(
        "() => document.querySelectorAll('.cs-wb-which select')[0].querySelectorAll('[label=Here] option').length === 2"
    )
    view.wait_for_end()
    told = view.ask('import json\nprint("told", json.dumps([[c.case_id for c in r.cases] for r in bench.runs]), "end")')

    assert "Goal 2" in pointed
    assert told == [["case-0", "case-1", "case-2", "case-3"]] * 2


def test_pick_distill_edit_run_back(opened):
    """Sessions are picked and distilled, a case is edited, and run; going back finds all as it was."""
    cell = (
        "bench = cs.Workbench(support, sessions=sessions, user_model='demo:/rules', max_turns=1, mlflow=False); bench"
    )
    view = opened(setup=SESSIONS, cell=cell, width=900)
    view.page.wait_for_selector(".cs-picker:not(.cs-unknown)")
    listed = view.root.locator(".cs-picker").inner_text()
    view.select_and_distill("My kettle arrived broken")
    view.step("Cases")
    cell = view.root.locator(".cs-g-body [data-column=goal]").first
    cell.dblclick()
    view.page.keyboard.press("ControlOrMeta+A")
    view.page.keyboard.type("Get the kettle replaced")
    view.page.keyboard.press("Tab")
    view.page.keyboard.press("Escape")
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble", state="visible")
    view.wait_for_end()
    view.step("Sessions")
    again = view.root.locator(".cs-picker").inner_text()
    view.step("Cases")
    goals = view.goals()
    told = view.ask('import json\nprint("told", json.dumps([c.goal for c in bench.run.cases]), "end")')

    assert "Where is parcel P-77123?" in listed
    assert "Where is parcel P-77123?" in again
    assert goals == ["Get the kettle replaced"]
    assert told == ["Get the kettle replaced"]


def test_what_cannot_run_is_said_in_place(opened):
    """No agent: one line in the bar, the settings open, and no run; with a name typed in, it runs."""
    view = opened(cell="bench = cs.Workbench(cases=cases, user_model=chat, max_turns=1, mlflow=False); bench")
    view.run_button.click()
    problem = view.root.get_by_role("alert").filter(has_text="there is no agent")
    problem.wait_for()
    view.page.wait_for_function("() => document.activeElement.labels?.[0]?.textContent === 'Agent'")
    view.page.keyboard.type("support")
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    view.wait_for_end()

    assert "Run plays 4 cases against support (" in view.root.locator(".cs-wb-plays").inner_text()


def test_the_kernel_stays_free_and_an_interrupt_breaks_nothing(opened, tab):
    """While a run plays other cells run; an interrupt of the kernel ends a cell and not the run."""
    view = opened(turns=30)
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    free = view.ask('print("told", int(not bench.run.ended.is_set()), "end")')
    tab.command("notebook:interrupt-kernel")
    after = view.ask('print("told", int(not bench.run.ended.is_set()), "end")')
    view.stop_button.click()
    view.wait_for_end()
    view.run_button.click()
    view.page.wait_for_function(TWO_RUNS)
    view.stop_button.click()
    view.wait_for_end()

    assert (free, after) == (1, 1)


def test_by_keyboard_alone(opened):
    """F6 goes from pane to pane; Enter on Run plays, Shift+Tab comes to Stop; the settings close with Escape."""
    view = opened(turns=30)
    key = view.page.keyboard.press
    view.root.get_by_role("button", name="Settings").focus()
    key("Enter")
    view.root.get_by_label("Agent", exact=True).wait_for()
    key("Escape")
    focused = "() => document.activeElement.textContent"
    after_escape = view.page.evaluate(focused)
    key("Tab")
    on_run = view.page.evaluate(focused)
    key("Enter")
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    key("Shift+Tab")
    key("Shift+Tab")
    on_stop = view.page.evaluate(focused)
    panes = []
    for _ in range(3):
        key("F6")
        panes.append(
            view.page.evaluate("() => document.activeElement.closest('[class*=-pane], .cs-wb-bar')?.className")
        )
    view.stop_button.focus()
    key("Enter")
    view.wait_for_end()

    assert (after_escape, on_run, on_stop) == ("Settings", "Run", "Stop")
    assert ["cases" in panes[0], "runs" in panes[1], "bar" in panes[2]] == [True, True, True]


def test_a_reload_in_mid_run_and_a_cell_run_again_lose_nothing(opened, tab):
    """The page forgets all, the kernel nothing: the run goes on, the edit stands, also when the cell is run again."""
    view = opened(turns=30)
    view.ask("bench.grid.cases = bench.grid.cases.with_edit('case-0', goal='Edited'); print('told', 1, 'end')")
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    tab.save()
    tab.page.reload()
    view = Bench(tab).ready()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble", timeout=60_000)
    view.page.wait_for_function("() => document.querySelector('.cs-g-body').textContent.includes('Edited')")
    view.stop_button.click()
    view.wait_for_end()
    view.ask("before = bench.grid; print('told', 1, 'end')")
    view.page.evaluate(RUN_SECOND_CELL)
    same = view.ask("print('told', int(bench.grid is before), 'end')")

    assert same == 1
    assert view.goals()[0] == "Edited"
    view.page.get_by_text("This is the workbench as you left it").first.wait_for()


def test_the_saved_notebook_has_cases_and_run_as_html(opened, tab):
    """Below the live workbench stands, folded, what a page without a kernel shows; hostile text is text."""
    view = opened(turns=1)
    view.run_button.click()
    view.wait_for_end()
    view.page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea-output > details, .jp-RenderedHTMLCommon details')]"
        ".some((each) => each.textContent.includes('out of turns'))"
    )
    tab.save()
    saved = tab.lab.read("bench.ipynb")
    outputs = saved["cells"][1]["outputs"]
    (html,) = ["".join(each["data"]["text/html"]) for each in outputs if "text/html" in each.get("data", {})]

    assert "Goal 3 &lt;img" in html
    assert "<img" not in html
    assert "out of turns" in html
