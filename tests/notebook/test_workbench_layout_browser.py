"""Where things stand in a workbench, in a real JupyterLab: nothing moves under a person's hands."""

import pytest

from tests.notebook.test_workbench_browser import OPEN, SESSIONS, opened  # noqa: F401 - a fixture

pytestmark = pytest.mark.full

PLACES = """() => [...document.querySelectorAll(`.cs-wb-panes > .jupyter-widgets, .cs-wb-bar .cs-wb-run, .cs-g-body,
    .cs-wb-bar [aria-expanded]`)].filter((each) => each.checkVisibility()).map((each) => {
        const { left, top, width } = each.getBoundingClientRect();
        return [each.className.replace(/.*(cs-wb-[a-z]+-pane).*/, '$1'), ...[left, top, width].map(Math.round)];
    })"""
WIDTH = "() => document.querySelector('.convsim-workbench').getBoundingClientRect().width"
TOOLBAR = """() => [...document.querySelectorAll('.cs-g-tools > .cs-g-line')].map((line) => {
    const { right } = line.getBoundingClientRect();
    const boxes = [...line.querySelectorAll(':scope > :not(.cs-g-space)')]
        .filter((each) => each.checkVisibility()).map((each) => each.getBoundingClientRect());
    const middles = boxes.map(({ top, bottom }) => (top + bottom) / 2);
    const spread = Math.max(...middles) - Math.min(...middles);
    return [spread < 4 ? 'one line' : 'wrapped', boxes.every((each) => each.right <= right) ? 'inside' : 'cut off'];
})"""


def narrow(page, wanted):
    """Make the workbench itself as wide as that."""
    for _ in range(3):
        viewport = page.viewport_size
        page.set_viewport_size({**viewport, "width": viewport["width"] + round(wanted - page.evaluate(WIDTH))})
        page.wait_for_timeout(300)
    assert abs(page.evaluate(WIDTH) - wanted) < 3


@pytest.mark.parametrize("sessions", [False, True])
def test_the_first_run_moves_nothing_that_was_there(opened, sessions):  # noqa: F811
    """Panes, grid, Settings and Run stand where they stood, while it plays and at its end."""
    cell = OPEN.replace("cases=cases", "cases=cases, sessions=sessions") if sessions else OPEN
    view = opened(cell=cell % 2, setup=SESSIONS)
    before = view.page.evaluate(PLACES)
    empty = view.root.locator(".cs-wb-runs-pane").inner_text()
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    during = view.page.evaluate(PLACES)
    log = view.root.locator(".cs-run .cs-panes").bounding_box()
    view.wait_for_end()
    view.root.get_by_role("button", name="case-3", exact=True).wait_for()

    assert "No run yet" in empty
    assert "Run plays 4 cases against support (" in empty
    assert "That takes 4 conversations, about " in empty
    assert len(before) == (6 if sessions else 5)
    assert during == before
    assert view.page.evaluate(PLACES) == before
    assert abs(view.root.locator(".cs-run .cs-panes").bounding_box()["y"] - log["y"]) < 45


def test_a_run_that_is_begun_beside_open_settings_leaves_them_open(opened):  # noqa: F811
    """They would pull the panes up with them; where a step is shown in place of another, they go."""
    view = opened(turns=1)
    view.root.get_by_role("button", name="Settings").click()
    before = view.page.evaluate(PLACES)
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")
    wide = view.page.evaluate(PLACES)
    view.wait_for_end()
    narrow(view.page, 700)
    view.run_button.click()
    view.page.wait_for_selector(".cs-wb-settings", state="hidden")
    view.wait_for_end()

    assert wide == before


@pytest.mark.parametrize("width", [620, 515, 420])
def test_the_grids_tools_are_two_tidy_lines_where_it_is_narrow(opened, width):  # noqa: F811
    """Nothing wraps and nothing is cut off, with unsaved edits, drafts and findings to tell of, too."""
    view = opened()
    narrow(view.page, width)
    before = view.page.evaluate(TOOLBAR)
    view.root.get_by_role("button", name="Add case").click()
    view.page.keyboard.press("Escape")
    counts = view.root.locator(".cs-g-counts")
    view.page.wait_for_function("() => document.querySelector('.cs-g-counts').textContent.includes('1 to fix')")

    assert before == view.page.evaluate(TOOLBAR) == [["one line", "inside"]] * 2
    assert counts.get_attribute("title").startswith("5 cases · 1 to fix")
