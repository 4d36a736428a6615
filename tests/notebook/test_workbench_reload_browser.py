"""The workbench after a kernel's restart, after a reload, and twice in a notebook, in a real JupyterLab."""

import json

import pytest

from tests.notebook.test_workbench_browser import Bench, opened  # noqa: F401 - a fixture

pytestmark = pytest.mark.full

PANES = """() => [...document.querySelectorAll('.convsim-workbench .cs-wb-panes > .jupyter-widgets')]
    .filter((each) => each.checkVisibility()).map((each) => Math.round(each.getBoundingClientRect().top))"""
RESTART = """async () => {
    await window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.restart();
}"""


def test_a_restart_is_said_at_once_and_shifts_no_pane(opened):  # noqa: F811
    """The panes stay beside each other, and the bar says what to do, though no run plays."""
    view = opened()
    before = view.page.evaluate(PANES)
    view.page.evaluate(RESTART)
    view.page.wait_for_selector(".cs-wb-plays.cs-wb-wrong:has-text('restarted: run %load_ext')", timeout=8000)
    view.page.wait_for_selector(".convsim-workbench.jupyter-widgets-disconnected", state="attached")

    assert view.page.evaluate(PANES) == before
    assert len(set(before)) == 1


def test_a_run_that_a_restart_ended_is_shown_as_over(opened):  # noqa: F811
    """Nothing is said to run, to move, or to be stopped any more, and the grid says where its edits are."""
    view = opened(turns=30)
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    view.page.evaluate(RESTART)
    view.page.wait_for_selector(".cs-run.cs-gone")
    view.page.wait_for_function("() => document.querySelector('.cs-run .cs-counts').textContent.includes('cut short')")
    run = view.root.locator(".cs-run")

    assert " running" not in run.locator(".cs-counts").inner_text()
    assert run.locator(".cs-stop").get_attribute("aria-disabled") == "true"
    assert view.stop_button.get_attribute("aria-disabled") == "true"
    assert (
        run.evaluate(
            "node => node.getAnimations({subtree: true}).filter((each) => each.playState === 'running').length"
        )
        == 0
    )
    assert "the workbench offers it" in view.root.locator(".cs-cases .cs-note").first.inner_text()


def test_a_goal_that_was_emptied_comes_back_after_a_restart(opened, tab):  # noqa: F811
    """The row comes back as it stood, and as long as it is in no file, that is said, after a save too."""
    view = opened()
    goal = view.root.locator(".cs-g-body [data-column=goal]").nth(1)
    goal.click()
    view.page.keyboard.press("Delete")
    unsaved = view.root.locator(".cs-g-unsaved")
    view.page.wait_for_selector(".cs-g-counts:has-text('1 to fix')")
    view.ask('import time; time.sleep(1); bench.grid.save("four.yaml"); print("told", 1, "end")')
    view.page.wait_for_selector(".cs-g-unsaved:has-text('1 to fix is not saved')")
    view.page.evaluate(RESTART)
    view.page.wait_for_selector(".cs-wb-plays.cs-wb-wrong")
    tab.run_all(wait=True)
    view = Bench(tab).ready()
    before = len(view.goals())
    view.root.get_by_role("button", name="Bring them back").click()
    view.page.wait_for_selector(".cs-g-counts:has-text('1 to fix')")
    told = view.ask(
        "import json; rows = bench.grid.rows; told = [[row.case_id for row in rows], len(bench.grid.cases)]\n"
        'print("told", json.dumps([*told, bench.grid.problems[0]]), "end")'
    )

    assert before == 4
    assert told == [["case-0", "case-1", "case-2", "case-3"], 3, told[2]]
    assert told[2].startswith("row 2: goal:")
    assert unsaved.is_visible()


KEPT = "details:has-text('As the saved notebook'):has-text('Edited after the reload')"


def test_after_a_reload_what_is_saved_is_what_is_so_now(opened, tab):  # noqa: F811
    """No update of the kernel's reaches a page that was loaded later: the page puts the form in its place itself."""
    view = opened()
    tab.save()
    tab.page.reload()
    view = Bench(tab).ready()
    view.ask(
        'bench.grid.cases = bench.grid.cases.with_edit("case-0", goal="Edited after the reload"); print("told 1 end")'
    )
    view.page.wait_for_selector(KEPT, state="attached")
    said = view.root.locator(".cs-wb-behind").is_visible()
    tab.save()
    saved = json.dumps(tab.lab.read("bench.ipynb")["cells"][1]["outputs"])
    tab.page.reload()
    Bench(tab).ready()
    tab.page.wait_for_selector(KEPT, state="attached")

    assert said is False
    assert "Edited after the reload" in saved
    assert "widget-view" in saved


def test_a_copied_cell_leaves_the_saved_form_alone_and_the_bar_says_so(opened, tab):  # noqa: F811
    """Which of the two is meant nobody knows; run again, the cell shows what is so now."""
    view = opened()
    tab.save()
    tab.page.reload()
    Bench(tab).ready()
    tab.page.evaluate("() => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = 1; }")
    for name in ("copy-cell", "paste-cell-below"):
        tab.command(f"notebook:{name}")
    tab.cell('bench.grid.cases = bench.grid.cases.with_edit("case-0", goal="Edited after the reload")')
    view.page.wait_for_selector(".cs-wb-behind:has-text('before you save it, run this cell again')")


def test_two_cells_that_show_it_keep_the_same_form(opened, tab):  # noqa: F811
    """What changed in the cell that shows it again stands in the first one's saved form, too."""
    view = opened()
    tab.cell('bench.grid.cases = bench.grid.cases.with_edit("case-0", goal="Shown twice"); bench')
    view.page.wait_for_function(
        "() => [...document.querySelectorAll('.jp-OutputArea details')]"
        ".filter((each) => each.textContent.includes('Shown twice')).length === 2"
    )
    tab.save()
    saved = [json.dumps(cell["outputs"]) for cell in tab.lab.read("bench.ipynb")["cells"]]

    assert ["Shown twice" in each for each in saved] == [False, True, True]
    assert view.page.locator(".cs-wb-behind:visible").count() == 0


@pytest.mark.parametrize("first", ["run", "view"])
def test_a_second_view_shows_the_run_that_plays(opened, first):  # noqa: F811
    """The conversations stand in both, whether the view or the run came first."""
    view = opened(turns=30)
    root = view.page.locator(".convsim-workbench").first
    run = root.get_by_role("button", name="Run", exact=True)
    if first == "run":
        run.click()
        view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    view.tab.cell("bench")
    view.page.locator(".convsim-workbench").nth(1).locator(".cs-wb-bar:not(.cs-unknown)").wait_for()
    if first == "view":
        run.click()
    for each in (0, 1):
        bench = view.page.locator(".convsim-workbench").nth(each)
        bench.locator(".cs-run .cs-bubble").first.wait_for()
    root.get_by_role("button", name="Stop", exact=True).click()
