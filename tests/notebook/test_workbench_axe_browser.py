"""What axe-core finds in the workbench: its states, both themes, wide and narrow."""

import pytest

from tests.notebook.test_axe_browser import FOUND
from tests.notebook.test_workbench_browser import OPEN, SESSIONS, SETUP, Bench

pytestmark = pytest.mark.full
BOTH = OPEN.replace("cases=cases", "cases=cases, sessions=sessions")


@pytest.mark.parametrize("dark", [False, True])
def test_the_workbench_has_no_serious_finding(tab, installed, dark):
    """Opened, with its settings, refused, while it plays, ended, compared; three panes, and each step."""
    axe = (installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    tab.page.set_viewport_size({"width": 1500, "height": 950})
    tab.open(tab.lab.write("axe_bench.ipynb", SETUP + SESSIONS, BOTH % 1)).run_all(wait=True)
    tab.theme(dark=dark)
    view = Bench(tab).ready()
    tab.page.evaluate(axe)
    serious = {}

    def look(state):
        serious[state] = view.root.evaluate(FOUND)

    look("opened")
    view.root.get_by_role("button", name="Settings").click()
    look("settings")
    view.root.get_by_label("Agent", exact=True).fill("nobody")
    view.run_button.click()
    view.root.get_by_role("alert").filter(has_text="nobody").wait_for()
    look("refused")
    view.root.get_by_label("Agent", exact=True).fill("support")
    for _ in range(2):
        view.run_button.click()
        view.page.wait_for_selector(".cs-wb-run[aria-disabled]")
        view.wait_for_end()
    look("ended")
    view.root.get_by_role("button", name="Compare", exact=True).click()
    view.root.get_by_text("reached the goal in").first.wait_for()
    look("compared")
    view.root.get_by_role("button", name="Back to the run").click()
    tab.page.set_viewport_size({"width": 800, "height": 950})
    for step in ("Sessions", "Cases", "Runs"):
        view.root.get_by_role("navigation", name="Steps").get_by_role("button", name=step).click()
        look(step)

    assert {state: each for state, each in serious.items() if each} == {}
