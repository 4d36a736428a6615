"""The comparison's view in a real JupyterLab, and in Notebook 7: cases, trials and transcripts side by side."""

import pytest

from tests.notebook.test_axe_browser import FOUND
from tests.notebook.test_run_view_browser import FAINT, HERE, Viewed

pytestmark = pytest.mark.full
RUNS = """
import logging, versions, convsim_nb as cs
logging.getLogger("convsim_nb").setLevel(logging.ERROR)
runs = [versions.play(name, trials=2) for name in ("v1", "v2", "v3")]
"""
COMPARED = "cs.compare(*runs)"
LAYOUT = """(node) => {
    const shown = (selector) => node.querySelector(selector).checkVisibility();
    const halves = [...node.querySelector('.cs-pair:not(.cs-pair-head)').children];
    const [one, other] = halves.map((each) => each.getBoundingClientRect());
    return {
        list: shown('.cs-side'), transcripts: shown('.cs-transcript'), beside: Math.abs(one.top - other.top) < 2,
        over: Math.max(0, node.scrollWidth - node.clientWidth, node.offsetWidth - node.parentElement.clientWidth),
    };
}"""


class Compared(Viewed):
    """The view of a comparison in a tab."""

    def __init__(self, tab):
        super().__init__(tab)
        self.root = tab.page.locator(".cs-compare")

    def wait_for_pair(self, case):
        """Wait for the transcripts of a case."""
        self.wait_until("node.querySelector('.cs-subject .cs-facts').textContent.startsWith(given[0] + ' ')", case)
        self.root.locator(".cs-mark").wait_for()


@pytest.fixture
def compared(tab):
    """Three versions compared in a notebook, and the view of it."""
    (tab.lab.root / "versions.py").write_text((HERE / "versions.py").read_text(encoding="utf-8"), encoding="utf-8")
    tab.open(tab.lab.write("compare.ipynb", RUNS, COMPARED)).run_all(wait=True)
    tab.page.wait_for_selector(".cs-compare:not(.cs-unknown)")
    view = Compared(tab)
    view.wait_for_pair("kettle")
    yield view
    # Notebook 7's own settings page stumbles over a plugin that only JupyterLab has.
    assert [each for each in tab.errors if "reading 'schema'" not in each] == []


EVERYWHERE = pytest.mark.parametrize("tab", ["lab", "notebook7"], indirect=True)


@EVERYWHERE
def test_cases_that_changed_open_side_by_side(compared):
    """The worst first; the first difference in words; another case, run and trial are a choice away."""
    answer = compared.text(".cs-answer")
    rows = compared.texts(".cs-row .cs-facts")
    mark = compared.text(".cs-mark")
    heads = compared.texts(".cs-pair-head .cs-half")
    says = compared.texts(".cs-pair:not(.cs-pair-head) .cs-from-assistant .cs-bubble p")
    compared.root.locator(".cs-row").nth(2).click()
    compared.wait_for_pair("cup")
    compared.root.get_by_label("Trial of v2").select_option(label="trial 2 ✓ reached")
    compared.wait_until("node.querySelector('.cs-pair-head .cs-half:last-child').textContent.includes('✓ reached')")
    compared.root.get_by_label("Compared run").select_option(label="v3")
    compared.wait_until("node.querySelector('.cs-answer').textContent.startsWith('v3 reached')")
    compared.wait_for_pair("cup")
    changed = compared.texts(".cs-row .cs-facts")
    compared.root.get_by_label("Which cases").select_option("all")
    compared.wait_until("node.querySelectorAll('.cs-row').length === 3")

    assert answer.startswith("v2 reached the goal in 33 %, v1 in 67 %")
    assert rows == [
        "worse · 2 of 2 → 0 of 2 · kettle",
        "worse · 2 of 2 → 0 of 2 · pot",
        "better · 0 of 2 → 2 of 2 · cup",
    ]
    assert mark == "First difference, turn 1: the agent answers otherwise"
    assert [" ".join(each.split()) for each in heads] == ["v1 ✓ reached", "v2 ✗ not reached"]
    assert says[1] == "It is not to be had."
    assert changed == ["better · 0 of 2 → 2 of 2 · cup"]
    assert compared.root.locator(".cs-row b").count() == 0  # a goal is text, whatever stands in it


@EVERYWHERE
def test_the_keyboard_goes_through_cases_messages_and_trials(compared, tab):
    """Keys are the view's while it has the focus: none reaches the notebook."""
    compared.root.locator(".cs-scroller").focus()
    tab.page.keyboard.press("n")
    compared.wait_for_pair("pot")
    tab.page.keyboard.press("p")
    compared.wait_for_pair("kettle")
    tab.page.keyboard.press("t")
    compared.wait_until("node.querySelectorAll('.cs-trials select')[1].selectedIndex === 1")
    compared.root.locator(".cs-scroller").focus()
    tab.page.keyboard.press("j")
    at = compared.root.evaluate("() => document.activeElement.dataset.place")
    for key in ("d", "d"):
        tab.page.keyboard.press(key)
    tab.page.keyboard.press("?")
    helped = compared.root.get_by_role("dialog").is_visible()
    tab.page.keyboard.press("Escape")
    compared.root.locator(".cs-row[aria-selected=true]").focus()
    tab.page.keyboard.press("ArrowDown")
    compared.wait_for_pair("pot")

    assert (at, helped) == ("0", True)
    assert tab.page.locator(".jp-CodeCell").count() == 2


def test_it_fits_its_place(compared, tab):
    """List and both transcripts when wide, one of the two when narrow, one under the other when narrower still."""
    seen = []
    for width in (1300, 800, 640):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.wait_for_timeout(200)
        seen.append(compared.root.evaluate(LAYOUT))
    compared.root.get_by_role("button", name="Back to the list").click()
    listed = compared.root.evaluate(LAYOUT)
    compared.root.locator(".cs-row").nth(1).click()
    compared.wait_for_pair("pot")

    assert [(each["list"], each["transcripts"], each["beside"]) for each in seen] == [
        *((True, True, True), (False, True, True), (False, True, False)),
    ]
    assert [each["over"] for each in seen] == [0, 0, 0]
    assert (listed["list"], listed["transcripts"]) == (True, False)
    assert compared.root.evaluate(LAYOUT)["transcripts"]


@pytest.mark.parametrize("dark", [False, True])
def test_it_reads_and_is_named_in_both_themes(compared, tab, installed, dark):
    """No serious finding of axe-core, and contrast of 4.5 : 1 for all text; with numbers and transcripts open."""
    tab.theme(dark=dark)
    compared.root.locator(".cs-numbers > summary").click()
    tab.page.wait_for_timeout(200)
    tab.page.evaluate((installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = {"wide": compared.root.evaluate(FOUND), "faint": compared.root.evaluate(FAINT)}
    tab.page.set_viewport_size({"width": 640, "height": 900})
    tab.page.wait_for_timeout(200)
    found["narrow"] = compared.root.evaluate(FOUND)
    tab.theme(dark=False)
    assert found == {"wide": [], "faint": {}, "narrow": []}


def test_the_saved_notebook_holds_the_static_form(compared, tab):
    """Below the view, folded: the same answer and transcripts as HTML, and as text; nothing of them in the widget."""
    tab.save()
    tab.page.wait_for_timeout(500)
    outputs = tab.lab.read("compare.ipynb")["cells"][1]["outputs"]
    html = "".join(outputs[-1]["data"]["text/html"])
    assert "As the saved notebook shows it" in html
    assert "First difference, turn 1: the agent answers otherwise" in html
    assert "reach rate" in "".join(outputs[-1]["data"]["text/plain"])
    assert "not to be had" not in str(outputs[0])
