"""What axe-core finds in the live view: in each state, in both themes."""

import pytest

from tests.notebook.test_run_view_browser import HERE, START, Viewed
from tests.notebook.test_stepping_browser import RUN, Cell
from tests.notebook.test_stepping_browser import START as BEGIN

pytestmark = pytest.mark.full
FOUND = """async (node) => {
    const { violations, passes } = await window.axe.run(node, { resultTypes: ['violations'] });
    if (passes.length < 10) return ['axe looked at next to nothing'];
    return violations
        .filter((each) => ['serious', 'critical'].includes(each.impact))
        .flatMap((each) => each.nodes.map((one) => `${each.id}: ${one.html.slice(0, 120)} ${one.failureSummary}`));
}"""


@pytest.fixture
def found(tab, installed):
    """What is serious or critical in the last view now."""
    axe = (installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")

    def look():
        if not tab.page.evaluate("() => 'axe' in window"):
            tab.page.evaluate(axe)
        return tab.page.locator(".cs-run").last.evaluate(FOUND)

    return look


@pytest.mark.parametrize("dark", [False, True])
def test_stepping_in_has_no_serious_finding(tab, found, dark):
    """While it plays, held, with the composer, each form, the menu, the filters and the help."""
    tab.open(tab.lab.write("axe.ipynb", RUN, BEGIN % (20, False) + "; run.pause()")).run_all(wait=True)
    tab.theme(dark=dark)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.choose(1)
    for text in ("I want my money back.", "And now?"):
        view.wait_until("node.querySelector('.cs-composer .cs-why')?.textContent === 'It waits for you.'")
        view.say(text)
    view.wait_until("node.querySelectorAll('.cs-from-assistant .cs-bubble strong').length === 2")
    serious = {"held": found()}
    view.root.get_by_role("button", name="Actions on message 1", exact=True).click()
    serious["menu"] = found()
    view.root.get_by_role("menuitem", name="Edit and fork").click()
    serious["fork"] = found()
    view.button("Close").click()
    view.button("Run again").click()
    serious["again"] = found()
    view.button("Close").click()
    view.button("Label").click()
    serious["label"] = found()
    view.button("Close").click()
    view.menu(0, "Make a test case of this")
    view.root.locator(".cs-panel summary").click()
    view.root.locator(".cs-yaml").wait_for()
    serious["case"] = found()
    view.button("Close").click()
    view.root.get_by_label("Search conversations").fill("nothing like it")
    view.root.locator(".cs-nobody").wait_for()
    serious["filtered"] = found()
    view.root.locator(".cs-scroller").focus()
    tab.page.keyboard.press("?")
    serious["help"] = found()
    view.ask("run.stop(); print('told', 1, 'end')")

    assert {state: each for state, each in serious.items() if each} == {}


@pytest.mark.parametrize("dark", [False, True])
def test_every_kind_of_conversation_has_no_serious_finding(tab, found, dark):
    """Verdicts, tools with errors, quotes, guards, history, Chinese; wide and narrow."""
    for name in ("playback.py", "run_events.py"):
        source = HERE / name
        (tab.lab.root / name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    cell = START.format(events="run_events.mixed(model='demo:/rules')", speed=60)
    tab.open(tab.lab.write("axe.ipynb", cell)).run_all()
    tab.theme(dark=dark)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Viewed(tab)
    view.wait_for_end()
    serious = {}
    for width in (1200, 600):
        tab.page.set_viewport_size({"width": width, "height": 900})
        for number in (1, 2, 3, 4, 8):
            view.choose(number)
            view.wait_until("node.querySelector('.cs-end') !== null")
            if each := found():
                serious[width, number] = each

    assert serious == {}
