"""Reading a run in a real JupyterLab: side by side, scores, one pane at a time, traces on a server, keys that act."""

import json
import re

import pytest

from tests.adapters.mlflow.test_outage import Server
from tests.notebook.test_axe_browser import FOUND
from tests.notebook.test_run_view_browser import FAINT
from tests.notebook.test_stepping_browser import RUN, SHOW, START, Cell

pytestmark = pytest.mark.full
FORKED = """
run.wait()
key = run.fork("case-0/support/1", 2, "And what of the refund?", agent=mended)
run.wait()
print("told", json.dumps(key), "end")
"""
SCORED = """
from convsim_nb.domain.score import Score
run.evaluate(["turns_to_goal", "agent_repeats"])
polite = Score(key="case-0/support/1", name="polite", value=False, turn=2, rationale="no <b>please</b>")
run.scores = (*run.scores, polite)
run.tell_hearers()
print("told", 1, "end")
"""
PANES = (
    """(node) => ['.cs-side', '.cs-transcript', '.cs-back'].map((each) => node.querySelector(each).checkVisibility())"""
)


@pytest.fixture
def ended(tab):
    """A run that has ended, in a view to step into."""

    def show(*, turns=2, before="", mlflow=False):
        tab.open(tab.lab.write("reading.ipynb", before + RUN + "import json", START % (turns, mlflow))).run_all(
            wait=True
        )
        tab.page.wait_for_selector(".cs-run", state="detached", timeout=60_000)
        tab.cell(SHOW)
        tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
        view = Cell(tab)
        view.choose(1)
        return view

    yield show
    assert [each for each in tab.errors if "reading 'schema'" not in each] == []


@pytest.mark.parametrize("tab", ["lab", "notebook7"], indirect=True)
def test_a_fork_stands_beside_its_origin(ended):
    """What both share is folded, the first difference is said, then turn beside turn; `b` goes back to one."""
    view = ended()
    view.ask(FORKED)
    view.wait_until("node.querySelectorAll('.cs-square').length === 4")
    view.choose(4)
    view.root.locator(".cs-scroller").focus()
    view.page.keyboard.press("b")
    view.root.locator(".cs-mark").wait_for()
    shared, mark = view.text(".cs-shared > summary"), view.text(".cs-mark")
    heads = [" ".join(each.split()) for each in view.texts(".cs-pair-head .cs-half")]
    view.wait_until("node.querySelectorAll('.cs-two .cs-bubble p').length >= 4")
    says = [view.texts(f".cs-pair [data-side='{side}'] .cs-from-assistant .cs-bubble")[0] for side in (0, 1)]
    asks = [view.texts(f".cs-pair [data-side='{side}'] .cs-from-user .cs-bubble")[0] for side in (0, 1)]
    view.page.keyboard.press("b")
    view.wait_until("!node.querySelector('.cs-two')")
    view.choose(1)
    view.root.get_by_label("Side by side with").select_option(index=1)
    view.root.locator(".cs-mark").wait_for()

    assert shared == "The same in both: turn 1, 2 messages"
    assert mark == "First difference, turn 2: the user says something else"
    assert heads == ["trial 1 ✗ not reached", "fork of turn 2, by mended (1) ✗ not reached"]
    assert asks == ["Please help me, 1.", "And what of the refund?"]
    assert says == ["Answer 3: I have found the order .", "Mended 3"]


@pytest.mark.parametrize("dark", [False, True])
def test_side_by_side_has_no_serious_finding(ended, tab, installed, dark):
    """axe-core and the contrast of all text: both beside each other, one under the other, and the list alone."""
    view = ended()
    view.ask(FORKED)
    view.wait_until("node.querySelectorAll('.cs-square').length === 4")
    view.choose(4)
    view.root.get_by_label("Side by side with").select_option(index=1)
    view.root.locator(".cs-mark").wait_for()
    view.root.locator(".cs-shared > summary").click()
    tab.theme(dark=dark)
    tab.page.evaluate((installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = {}
    for width in (1200, 640):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.wait_for_timeout(300)
        found[width] = view.root.evaluate(FOUND), view.root.evaluate(FAINT)
    view.root.get_by_role("button", name="Back to the list").click()
    found["list"] = view.root.evaluate(FOUND), view.root.evaluate(FAINT)
    tab.theme(dark=False)
    assert found == dict.fromkeys((1200, 640, "list"), ([], {}))


def test_a_fork_is_compared_while_it_plays(ended, tab):
    """The two are aligned anew with each message; nothing is called a difference that may still come."""
    view = ended(turns=6)
    view.ask('key = run.fork("case-0/support/1", 1); print("told", json.dumps(key), "end")')
    view.choose(4)
    view.wait_until("node.querySelector('[aria-label=\"Side by side with\"]').options.length > 1")
    view.root.get_by_label("Side by side with").select_option(index=1)
    view.wait_until("node.querySelector('.cs-mark')?.textContent === 'The same so far'")
    view.wait_until("node.querySelector('.cs-mark')?.textContent === 'Word for word the same throughout'")
    assert view.text(".cs-shared > summary") == "The same in both: turns 1 to 6, 12 messages"


def test_scores_stand_on_their_turns_as_soon_as_there_are_some(ended):
    """`run.evaluate` in another cell: chips under the turn and at the end, and in the static form below."""
    view = ended()
    before = view.root.locator(".cs-scores").count()
    view.ask(SCORED)
    view.wait_until("node.querySelectorAll('.cs-scores').length === 2")
    turn = view.texts(".cs-scores")[0]
    end = view.texts(".cs-end .cs-scores .cs-chip")
    below = view.page.locator("details", has_text="As the saved notebook shows it").last.text_content()

    assert before == 0
    assert turn == "✗ polite: no\nno <b>please</b>"
    assert end == ["agent_repeats: 0", "✗ polite: no"]
    assert "✗ polite: no" in below


@pytest.mark.parametrize("tab", ["lab", "notebook7"], indirect=True)
def test_where_there_is_little_room_the_list_is_one_step_back(ended, tab):
    """The conversation, or the list of all: a button, a choice and `/` go between them."""
    view = ended()
    wide = view.root.evaluate(PANES)
    tab.page.set_viewport_size({"width": 700, "height": 900})
    tab.page.wait_for_timeout(200)
    narrow = view.root.evaluate(PANES)
    view.root.get_by_role("button", name="Back to the list").click()
    listed = view.root.evaluate(PANES)
    view.root.locator(".cs-row").nth(1).click()
    chosen = view.root.evaluate(PANES)
    view.root.locator(".cs-scroller").focus()
    tab.page.keyboard.press("/")
    searched = view.root.evaluate(PANES)
    view.root.locator(".cs-row").first.focus()
    tab.page.keyboard.press("ArrowDown")
    walked = view.root.evaluate(PANES)
    tab.page.keyboard.press("Enter")

    assert wide == [True, True, False]
    assert narrow == [False, True, True]
    assert (listed, chosen) == ([True, False, False], [False, True, True])
    assert (searched, walked) == ([True, False, False], [True, False, False])
    assert view.root.evaluate(PANES) == [False, True, True]


@pytest.mark.parametrize("tab", ["lab", "notebook7"], indirect=True)
def test_keys_act_on_the_message_that_has_the_focus(ended, tab):
    """Copy, edit and fork, label, the trace; a label is taken back; the focus never falls to the notebook."""
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    view = ended()
    view.root.locator(".cs-turn[data-place='1']").focus()
    tab.page.keyboard.press("c")
    tab.page.wait_for_timeout(200)
    copied = tab.page.evaluate("() => navigator.clipboard.readText()")
    tab.page.keyboard.press("e")
    form = view.root.locator(".cs-panel")
    forking = (form.get_attribute("aria-label"), form.locator("textarea").input_value())
    tab.page.keyboard.press("Escape")
    tab.page.keyboard.press("l")
    form.get_by_label("Not reached").check()
    form.get_by_role("button", name="Label", exact=True).click()
    view.button("Label …").click()
    form.get_by_role("button", name="Take the label back").click()
    view.wait_until("!node.querySelector('.cs-row[aria-selected=true]').textContent.includes('you:')")
    view.root.locator(".cs-turn[data-place='1']").focus()
    tab.page.keyboard.press("n")
    for key in ("d", "d"):
        tab.page.keyboard.press(key)
    labels = view.ask("print('told', json.dumps(run.labels), 'end')")

    assert copied == "Answer 1: I have **found** the order . "
    assert forking == ("Fork from turn 1", "Please help me, 0.")
    assert labels == {}
    assert tab.page.locator(".jp-CodeCell").count() == 4


def test_trials_of_a_case_stand_together_and_findings_cut_the_list(tab):
    """By case: all trials and forks next to each other; by guard: those in which one found something."""
    leaky = (
        RUN
        + """
chat = ScriptedChat(user=lambda request: "How can I help you?" if "Goal 1" in str(request.messages) else "Help!")
"""
    )
    name = tab.lab.write(
        "order.ipynb", leaky, START % (1, False) + "; run.wait()\nrun.again('case-0/support/1'); run.wait();"
    )
    tab.open(name).run_all(wait=True)
    tab.cell(SHOW)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.wait_until("node.querySelectorAll('.cs-row').length === 4")
    view.root.get_by_label("Order").select_option("case")
    view.wait_until("/run again/.test(node.querySelectorAll('.cs-row')[1].textContent)")
    view.root.get_by_label("Guard finding").select_option("role")
    view.wait_until("node.querySelectorAll('.cs-row').length === 1")
    assert "3 stopped" in view.text(".cs-row .cs-facts")


@pytest.fixture
def server(tmp_path):
    """A real tracking server."""
    running = Server(tmp_path)
    running.start()
    yield running
    running.kill()


def test_the_trace_of_a_turn_opens_on_a_real_server(ended, tab, server):
    """A click on the menu's link opens MLflow's own page, on the trace of that very turn."""
    view = ended(before=f"import mlflow\nmlflow.set_tracking_uri({server.url!r})\n", mlflow=True)
    ids = view.ask("print('told', json.dumps(run['case-0'][0].trace_ids), 'end')")
    view.root.get_by_role("button", name="Actions on message 4").click()
    link = view.root.get_by_role("menuitem", name="Trace in MLflow")
    target = link.get_attribute("href")
    with tab.page.context.expect_page() as opened:
        link.click()
    page = opened.value
    page.get_by_text("I have **found** the order").or_(page.get_by_text("Answer 3")).first.wait_for(timeout=60_000)
    address = page.url
    page.close()

    assert target.startswith(server.url)
    assert re.search(rf"traces.*{ids[1]}", address)
    assert json.dumps(ids[0]) not in address
