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
    view.page.wait_for_selector(".cs-wb-plays.cs-wb-wrong:has-text('restarted: run the cell again')", timeout=8000)
    view.page.wait_for_selector(".convsim-workbench.jupyter-widgets-disconnected", state="attached")

    assert view.page.evaluate(PANES) == before
    assert len(set(before)) == 1


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
