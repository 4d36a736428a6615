"""Where widgets of one's own do not show: by the switch, and where no page asks for the live view."""

import pytest

from tests.notebook.test_stepping_browser import ASKED, RUN, START, Cell

pytestmark = pytest.mark.full
PLAIN = "import os; os.environ['CONVSIM_VIEW'] = 'plain'\n"


def test_the_switch_gives_plain_widgets(tab):
    """Numbers, a line a conversation, one in full; its buttons hold, speak and stop; static HTML at the end."""
    source = START % (20, False) + "; run.pause()"
    tab.open(tab.lab.write("plain.ipynb", PLAIN + RUN, source)).run_all(wait=True)
    page = tab.page
    page.get_by_role("button", name="Take over").wait_for()
    page.wait_for_function("() => document.querySelectorAll('.jp-OutputArea-output select option').length === 3")
    page.get_by_placeholder("Your words as the user").fill("I want my money back.")
    page.get_by_placeholder("Your words as the user").press("Tab")
    page.get_by_role("button", name="Send").click()
    page.locator(".jp-OutputArea-output >> text=I want my money back.").first.wait_for()
    page.get_by_role("button", name="Resume all").click()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Take over").wait_for(state="detached")
    told = Cell(tab).ask("run.wait(10)" + ASKED)

    assert page.locator(".cs-run").count() == 0
    assert ["operator", "I want my money back."] in told["case-0/support/1"][4]
    assert page.locator(".jp-OutputArea-output details").count() == 3
    assert tab.errors == []


BLOCKED = """
from convsim_nb.notebook.live.run_view import RunView
RunView._esm = "export default { render() {} }"  # a page that shows nothing of ours
import convsim_nb.notebook.display as display
display.PROBE_SECONDS = 1.0
"""


def test_plain_widgets_stand_in_where_no_page_shows_the_view(tab):
    """Nobody asked for the live view's state: after a while there are plain buttons, and the run can be stopped."""
    source = START % (400, False) + "\nrun.wait()"
    tab.open(tab.lab.write("blocked.ipynb", RUN + BLOCKED, source)).run_all()
    tab.page.get_by_role("button", name="Stop", exact=True).click()
    tab.page.get_by_role("button", name="Take over").wait_for(state="detached")
    told = Cell(tab).ask(ASKED)

    assert {stop for stop, *_ in told.values()} == {"cancelled"}
    assert tab.errors == []
