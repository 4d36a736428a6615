"""The workbench in Notebook 7, and in plain widgets where those of our own do not show."""

import pytest

from tests.notebook.test_workbench_browser import OPEN, SESSIONS, SETUP, Bench

pytestmark = pytest.mark.full
PLAIN = "import os; os.environ['CONVSIM_VIEW'] = 'plain'\n"
TOLD = 'import json\nprint("told", json.dumps([[c.goal for c in r.cases] for r in bench.runs]), "end")'


@pytest.mark.parametrize("tab", ["notebook7"], indirect=True)
def test_distill_run_stop_and_back_in_notebook_7(tab):
    """The same workbench: sessions are distilled, the run shows itself, Stop ends it, and the steps lead back."""
    cell = OPEN.replace("cases=cases", "sessions=sessions").replace("user_model=chat", "user_model='demo:/rules'")
    tab.page.set_viewport_size({"width": 900, "height": 900})
    tab.open(tab.lab.write("seven_bench.ipynb", SETUP + SESSIONS, cell % 30)).run_all(wait=True)
    view = Bench(tab).ready()
    view.select_and_distill("My kettle arrived broken")
    view.run_button.click()
    view.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble", state="visible")
    counts = (view.run_button.count(), view.stop_button.count())
    view.stop_button.click()
    view.wait_for_end()
    view.step("Sessions")
    listed = view.root.locator(".cs-picker").inner_text()
    view.step("Cases")
    goals = view.goals()
    told = view.ask(TOLD)

    assert counts == (1, 1)
    assert "Where is parcel P-77123?" in listed
    assert told == [goals]
    # Notebook 7's own settings page stumbles over a plugin that only JupyterLab has.
    assert [each for each in tab.errors if "reading 'schema'" not in each] == []


def test_the_switch_gives_plain_widgets(tab):
    """Cases as YAML, an agent that is missing said in a line, Run and Stop; the run is drawn as HTML."""
    tab.open(tab.lab.write("plain_bench.ipynb", PLAIN + SETUP, OPEN % 30)).run_all(wait=True)
    page, view = tab.page, Bench(tab)
    page.get_by_label("Cases").wait_for()
    page.get_by_label("Agent").fill("nobody_of_that_name")
    page.get_by_label("Agent").press("Tab")
    view.run_button.click()
    page.get_by_text("the notebook has no such name").first.wait_for()
    page.get_by_label("Agent").fill("support")
    page.get_by_label("Cases").fill("- goal: Typed as YAML\n  case_id: typed\n")
    page.get_by_label("Cases").press("Tab")
    view.run_button.click()
    page.get_by_text("Please help me, 0.").first.wait_for()
    view.stop_button.click()
    page.get_by_text("cancelled").first.wait_for()
    told = view.ask(TOLD)

    assert page.locator(".cs-look").count() == 0
    assert told == [["Typed as YAML"]]
    assert tab.errors == []


BLOCKED = """
from convsim_nb.notebook.workbench.bar import WorkbenchPart
WorkbenchPart._esm = "export default { render() {} }"  # a page that shows nothing of ours
import convsim_nb.notebook.workbench.workbench as workbench
workbench.PROBE_SECONDS = 1.0
"""


def test_plain_widgets_stand_in_where_no_page_shows_the_workbench(tab):
    """Nobody asked for the state: after a while there are plain fields and buttons, and the cases can be run."""
    tab.open(tab.lab.write("blocked_bench.ipynb", SETUP + BLOCKED, OPEN % 1)).run_all(wait=True)
    page, view = tab.page, Bench(tab)
    view.run_button.click()
    page.locator(".convsim-plain").get_by_text("out of turns").first.wait_for()
    told = view.ask(TOLD)

    assert len(told) == 1
    assert tab.errors == []
