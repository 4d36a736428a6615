"""The live view in Notebook 7: the same run, watched, stepped into, forked, labelled and kept."""

import pytest

from tests.notebook.test_stepping_browser import ASKED, RUN, SHOW, START, Cell

pytestmark = [pytest.mark.full, pytest.mark.parametrize("tab", ["notebook7"], indirect=True)]


def test_a_run_is_watched_and_stepped_into(tab):
    """Text streams; a person speaks, forks, labels, keeps a case and stops; static HTML is left, and `show` works."""
    tab.open(tab.lab.write("seven.ipynb", RUN, START % (20, False) + "; run.pause()")).run_all(wait=True)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.choose(1)
    view.wait_until("node.querySelector('.cs-composer .cs-why')?.textContent === 'It waits for you.'")
    view.say("I want my money back.")
    view.wait_until("node.querySelectorAll('.cs-from-assistant .cs-bubble strong').length === 1")
    view.menu(0, "Edit and fork")
    form = view.root.locator(".cs-panel")
    form.locator("textarea").fill("And the refund?")
    form.get_by_label("Agent").fill("mended")
    form.get_by_role("button", name="Fork", exact=True).click()
    view.wait_until("node.querySelector('.cs-log').textContent.includes('Mended 1')")
    view.menu(0, "Make a test case of this")
    form.locator("summary").click()
    form.locator(".cs-yaml").wait_for()
    view.button("Close").click()
    view.button("Stop").click()
    tab.page.wait_for_selector(".cs-run", state="detached")
    told = view.ask("run.wait(10)" + ASKED)
    tab.cell(SHOW)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.choose(1)
    view.button("Label").click()
    view.root.locator(".cs-panel").get_by_label("Reached", exact=True).check()
    view.root.locator(".cs-panel").get_by_role("button", name="Label", exact=True).click()
    view.wait_until("node.querySelector('.cs-row[aria-selected=true]').textContent.includes('you: reached')")

    assert told["case-0/support/1"][2] is True
    assert told["case-0/support/1~1"][3:] == ["mended", [["operator", "And the refund?"]]]
    # Notebook 7's own settings page stumbles over a plugin that only JupyterLab has.
    assert [each for each in tab.errors if "reading 'schema'" not in each] == []
