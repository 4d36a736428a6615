"""The picker in a real JupyterLab: search, select, read, load more, distill, stop; by mouse and by keyboard."""

import re

import pytest

from tests.notebook.test_axe_browser import FOUND
from tests.notebook.test_stepping_browser import Cell

pytestmark = pytest.mark.full

HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script> [x](javascript:window.hacked=1)"
GIVEN = f"""
import asyncio, json
import convsim_nb as cs
from convsim_nb.testing import ScriptedChat

class Slow:
    name = "slow"
    calls = 0
    async def __call__(self, request):
        Slow.calls += 1
        if "parcel 5" in "".join(message.content for message in request.messages):
            raise RuntimeError("the provider is down")
        await asyncio.sleep(1.5)
        goal = {{"goal": {{"text": "Find the parcel", "message": 0, "quote": "parcel"}}}}
        return await ScriptedChat(distill=(goal,))(request)

def session(n, text):
    answer = cs.Message(role="assistant", content="**On its way**, " + str(n))
    return cs.Session(id=f"s{{n:03}}", messages=[cs.Message(role="user", content=text), answer])

given = [session(n, f"Where is parcel {{n}}?") for n in range(150)] + [session(900, {HOSTILE!r})]
got = []
"""
SHOW = "picker = cs.SessionPicker(sessions=given, model=Slow())\npicker.on_distilled(got.append)\npicker"
TOLD = """
print("told", json.dumps([list(picker.selected), len(picker.listed), [c.case_id for c in picker.cases], len(got),
                          list(picker.cases.problems)]), "end")
"""


class Picker(Cell):
    """One view of the picker."""

    def __init__(self, tab, place=0):
        self.tab, self.page = tab, tab.page
        self.root = tab.page.locator(".cs-picker").nth(place)
        self.root.locator(".cs-session").first.wait_for()

    def row(self, name):
        return self.root.get_by_role("option", name=re.compile(name))

    def wait_for(self, script):
        self.root.locator(".cs-foot").wait_for()
        self.page.wait_for_function(f"() => {{ const node = document.querySelector('.cs-picker'); return {script}; }}")

    def come_to(self, words):
        self.root.locator(".cs-words", has_text=words).wait_for()

    @property
    def selected(self):
        return self.root.locator(".cs-session[aria-selected=true] .cs-first").all_inner_texts()

    def told(self):
        names = ("selected", "listed", "cases", "got", "problems")
        return dict(zip(names, self.ask(TOLD), strict=True))


@pytest.fixture
def shown(tab):
    """A picker over sessions at hand, in a cell; no script error at the end."""

    def show(*cells):
        tab.open(tab.lab.write("picker.ipynb", GIVEN, SHOW, *cells)).run_all(wait=True)
        return Picker(tab)

    yield show
    own = [error for error in tab.errors if "'schema'" not in error]  # Notebook 7's own, on a cold start
    assert own == []
    assert tab.page.evaluate("() => window.hacked") is None


def test_select_by_click_shift_and_keyboard(shown):
    """Every way gives what Python then has; keys of the notebook do nothing meanwhile."""
    view = shown()
    view.row("parcel 2[?]").click()
    view.row("parcel 5[?]").click(modifiers=["Shift"])
    view.row("parcel 3[?]").click()
    assert view.selected == ["Where is parcel 2?", "Where is parcel 4?", "Where is parcel 5?"]
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Space", "d", "Escape"):
        view.page.keyboard.press(key)
    view.row("parcel 7[?]").and_(view.root.locator("[aria-selected=true]")).wait_for()
    view.root.get_by_role("listbox", name="Sessions").focus()
    view.page.keyboard.press("Shift+ArrowDown")
    view.page.keyboard.press("Shift+ArrowDown")
    view.page.keyboard.press("Shift+ArrowUp")
    by_keys = view.told()["selected"]
    view.root.get_by_role("listbox", name="Sessions").focus()
    view.page.keyboard.press("Control+a")
    view.wait_for("node.querySelector('.cs-picked').textContent === '100 selected'")
    everything = view.told()["selected"]
    view.root.get_by_role("button", name="None", exact=True).click()
    view.wait_for("node.querySelector('.cs-picked').textContent === ''")

    assert by_keys == ["s002", "s004", "s005", "s007", "s008"]
    assert len(everything) == 100
    assert view.told()["selected"] == []


def test_search_order_and_load_more(shown):
    """The search says over how much it goes; more is loaded on demand; what is cut away stays selected."""
    view = shown()
    tally = view.root.locator(".cs-loaded")
    assert tally.inner_text() == "100 loaded so far"
    search = view.root.get_by_label("Search the loaded sessions")
    assert search.get_attribute("placeholder") == "Search in the 100 loaded so far"
    view.row("parcel 1[?]").click()
    search.fill("parcel 14")
    view.wait_for("node.querySelector('.cs-loaded').textContent === '1 of 100 loaded so far'")
    marked = view.root.locator("mark").all_inner_texts()
    view.root.get_by_role("button", name="Load all").click()
    view.wait_for("node.querySelector('.cs-loaded').textContent === '12 of 151 sessions'")
    view.root.get_by_role("checkbox", name="All 12 shown").click()
    search.fill("nothing like it")
    view.root.get_by_text("No session that is loaded fits.").wait_for()
    view.root.get_by_role("button", name="Clear the search").click()
    view.root.get_by_label("Show", exact=True).select_option("picked")
    view.wait_for("node.querySelectorAll('.cs-session').length === 13")
    view.root.get_by_label("Order").select_option("text")
    second = "node.querySelector(\".cs-session[aria-posinset='2'] .cs-first\").textContent"
    view.wait_for(f"{second} === 'Where is parcel 114?'")  # the list is drawn with the next frame

    assert marked == ["parcel", "14"]
    assert len(view.told()["selected"]) == 13


def test_a_transcript_opens_beside_the_list_and_text_stays_text(shown):
    """By its arrow, by Enter, by keys from one to the next; hostile text is text, Markdown is sanitised."""
    view = shown()
    view.row("parcel 3[?]").locator(".cs-read").click()
    view.root.locator(".cs-preview .cs-bubble strong").wait_for()
    said = view.root.locator(".cs-preview .cs-bubble").all_inner_texts()
    view.page.keyboard.press("Escape")
    closed = view.root.locator(".cs-preview").is_hidden()
    view.root.get_by_role("listbox", name="Sessions").focus()
    view.page.keyboard.press("Enter")
    view.page.keyboard.press("ArrowDown")
    view.root.locator(".cs-preview").get_by_text("On its way, 4").wait_for()
    unselected = view.told()["selected"]
    view.root.get_by_role("button", name="Next session").click()
    view.root.locator(".cs-preview").get_by_text("On its way, 5").wait_for()
    view.root.get_by_role("button", name="Select", exact=True).click()
    view.root.get_by_role("button", name="Load all").click()
    view.root.get_by_label("Search the loaded sessions").fill("onerror")
    view.row("img src").locator(".cs-read").click()
    view.root.locator(".cs-preview .cs-bubble", has_text="<script>").wait_for()

    assert said == ["Where is parcel 3?", "On its way, 3"]
    assert (closed, unselected) == (True, [])
    assert view.told()["selected"] == ["s005"]
    assert view.root.locator("img, script, .cs-preview a").count() == 0


def test_distill_selected_with_progress_problems_and_stop(shown, tab):
    """The estimate, each session on its way, a problem by its name; a second time what was stopped, and no more."""
    view = shown()
    view.row("parcel 4[?]").click()
    view.row("parcel 6[?]").click(modifiers=["Shift"])
    view.root.get_by_role("button", name="Distill 3 selected").click()
    view.root.get_by_text(re.compile(r"About \d+ calls?, .* tokens")).wait_for()
    view.root.get_by_role("button", name="Distill", exact=True).click()
    view.root.get_by_role("button", name="Stop distilling").wait_for()
    view.root.locator(".cs-outcome.cs-is-reading").first.wait_for()
    view.come_to("2 of 3 sessions distilled, 2 test cases")
    problem = view.root.locator(".cs-problems li").inner_text()
    view.root.get_by_role("button", name="s005").click()
    view.root.locator(".cs-preview .cs-name", has_text="s005").wait_for()
    view.page.keyboard.press("Escape")
    outcomes = view.root.locator(".cs-outcome:not(:empty)").all_inner_texts()
    first = view.told()

    view.root.get_by_role("button", name="None", exact=True).click()
    view.row("parcel 6[?]").click()
    view.row("parcel 9[?]").click(modifiers=["Shift"])
    view.root.get_by_role("button", name="Distill 4 selected").click()
    view.root.get_by_text("1 of 4 was distilled by this model already").wait_for()
    view.root.get_by_role("button", name="Distill", exact=True).click()
    view.root.get_by_role("button", name="Stop distilling").click()
    view.come_to("Stopped: 0 of 3 sessions distilled")
    after = view.told()

    assert "the provider is down" in problem
    assert outcomes == ["✓ 1 case", "✗ no case", "✓ 1 case"]
    assert (first["cases"], first["got"]) == (["s004", "s006"], 1)
    assert first["problems"][0] == "session s005: the model raised RuntimeError: the provider is down"
    assert after["cases"] == ["s004", "s006"]


def test_a_theme_that_is_changed_leaves_all_rows_and_an_error_takes_its_own_room(tab):
    """While the theme changes nothing has a height; an error of Distill is as high as its words."""
    tab.open(tab.lab.write("picker.ipynb", GIVEN, "cs.SessionPicker(sessions=given)")).run_all(wait=True)
    view = Picker(tab)
    before = view.root.locator(".cs-session").count()
    for dark in (True, False):
        tab.theme(dark=dark)
        tab.page.wait_for_timeout(500)
    after = view.root.locator(".cs-session").count()
    view.row("parcel 3").first.click()
    view.root.get_by_role("button", name=re.compile("^Distill .*selected$")).click()
    view.root.get_by_label("Model that distills").fill("nonsense")
    view.root.get_by_role("button", name="Distill", exact=True).click()
    problem = view.root.locator(".cs-form .cs-problem:not(:empty)")
    problem.wait_for()

    assert before == after > 8
    assert problem.bounding_box()["height"] < 60


def test_two_views_a_reload_and_a_restart(shown, tab):
    """What is selected here is selected there; a reload in mid-work shows it all; a lost kernel is said."""
    view = shown("picker")
    other = Picker(tab, 1)
    view.row("parcel 1[?]").click()
    other.row("parcel 2[?]").click()
    view.row("parcel 2[?]").and_(view.root.locator("[aria-selected=true]")).wait_for()
    assert view.selected == other.selected == ["Where is parcel 1?", "Where is parcel 2?"]
    view.root.get_by_role("button", name="Distill 2 selected").click()
    view.root.get_by_role("button", name="Distill", exact=True).click()
    other.come_to("2 sessions distilled, 2 test cases")
    words = "Sessions given: 2 selected of 100 sessions loaded so far, 2 test cases"
    tab.page.locator("details h4", has_text=words).first.wait_for(state="attached")
    tab.save()
    tab.page.reload()
    again = Picker(tab)
    again.come_to("2 sessions distilled, 2 test cases")
    assert again.selected == ["Where is parcel 1?", "Where is parcel 2?"]
    saved = "".join(
        "".join(output["data"].get("text/html", ""))
        for cell in tab.lab.read("picker.ipynb")["cells"]
        for output in cell["outputs"]
        if "data" in output
    )
    tab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    again.root.locator(".cs-note", has_text="Run the cell again").wait_for(timeout=60_000)

    assert words in saved
    assert "Find the parcel" in saved


STORE = """
import os
os.environ["MLFLOW_ENABLE_ASYNC_TRACE_LOGGING"] = "false"
import mlflow, json, convsim_nb as cs
mlflow.set_tracking_uri("sqlite:///picker.db")

@mlflow.trace(name="agent")
def agent(messages):
    if "break" in messages[0]["content"]:
        raise ValueError("broken")
    return "Answer"

def record(experiment, *texts):
    mlflow.set_experiment(experiment)
    for number, text in enumerate(texts):
        with mlflow.tracing.context(session_id=f"{experiment}-{number}"):
            try:
                agent([{"role": "user", "content": text}])
            except ValueError:
                pass

record("support", "Where is my parcel?", "break it")
record("sales", "What does it cost?")
record("nothing")
picker = cs.SessionPicker("support")
picker
"""


def test_choose_an_experiment_and_a_filter(tab):
    """Names are found as one types; a filter that is none is said; the model is asked for where none is named."""
    tab.open(tab.lab.write("store.ipynb", STORE)).run_all()
    tab.page.locator(".cs-session").first.wait_for(timeout=120_000)
    view = Picker(tab)
    texts = view.root.locator(".cs-first").all_inner_texts()
    marks = view.root.locator(".cs-marks .cs-chip").all_inner_texts()
    box = view.root.get_by_role("combobox", name="Experiment")
    box.click()
    view.root.locator(".cs-popup [role=option]").first.wait_for()
    offered = view.root.locator(".cs-popup [role=option]").all_inner_texts()
    box.fill("sal")
    view.page.wait_for_function("() => document.querySelectorAll('.cs-popup [role=option]').length === 1")
    view.page.keyboard.press("Enter")
    view.row("What does it cost").wait_for()
    box.fill("nothing")
    view.page.wait_for_function("() => document.querySelector('.cs-popup [role=option]')?.textContent === 'nothing'")
    view.page.keyboard.press("Enter")
    view.root.get_by_text("No traces in nothing: record some, or choose another experiment.").wait_for()
    box.fill("support")
    view.page.keyboard.press("Enter")
    view.row("parcel").wait_for()
    view.root.get_by_role("searchbox").fill("deep in the conversation")
    view.root.get_by_text("No session that is loaded fits. The search goes through the beginning of").wait_for()
    view.root.get_by_role("button", name="Clear the search").click()
    view.root.get_by_role("button", name="Filter", exact=True).click()
    view.root.get_by_label("MLflow filter").fill("nonsense =")
    view.page.keyboard.press("Enter")
    view.root.get_by_role("alert").get_by_text("where='nonsense =' is not a filter").wait_for()
    view.root.get_by_label("MLflow filter").fill("attributes.status = 'ERROR'")
    view.page.keyboard.press("Enter")
    view.row("break it").click()
    view.root.get_by_role("button", name="Distill 1 selected").click()
    view.root.get_by_label("Model that distills").fill("nonsense:/x")
    view.page.keyboard.press("Enter")
    view.root.locator(".cs-distill .cs-problem", has_text="nonsense").wait_for()

    assert texts == ["break it", "Where is my parcel?"]
    assert marks == ["! 1 error"]
    assert offered == ["nothing", "sales", "support", "Default"]
    assert tab.errors == []


SILENT = """
import threading
import convsim_nb.notebook.picker.picking as picking
picking.SLOW_SECONDS = 0.5
picker = cs.SessionPicker(sessions=given)
picker.wait()
lists, held = picker._picking.shelf.list, threading.Event()

def hanging(query):
    found = lists(query)
    more = found.more
    def never(sessions):
        if len(found):
            held.wait(60)
        return more(sessions)
    found.more = never
    return found

picker._picking.shelf.list = hanging
picker._picking.ask()
picker.wait()
picker._picking.shelf.list = lists
picker
"""


def test_a_store_that_went_silent_is_tried_again_below_the_rows_that_are_there(tab):
    """The line and its button stand below them; what was selected stays selected."""
    tab.open(tab.lab.write("silent.ipynb", GIVEN, SILENT)).run_all()
    view = Picker(tab)
    view.row("parcel 2").first.click()
    view.root.get_by_role("button", name="Load 100 more").click()
    view.root.get_by_text("has not answered for").wait_for()
    view.root.get_by_role("button", name="Try again").click()
    view.root.get_by_text("has not answered for").wait_for(state="hidden")
    view.wait_for("node.textContent.includes('151 sessions')")
    selected = view.root.locator(".cs-tally").inner_text()
    view.ask("held.set(); print('told 1 end')")

    assert "1 selected" in selected
    assert tab.errors == []


@pytest.mark.parametrize("tab", ["notebook7"], indirect=True)
def test_in_notebook_7(shown):
    """The same view: select, read, distill."""
    view = shown()
    view.row("parcel 2[?]").click()
    view.row("parcel 3[?]").locator(".cs-read").click()
    view.root.locator(".cs-preview").get_by_text("On its way, 3").wait_for()
    view.root.get_by_role("button", name="Distill 1 selected").click()
    view.root.get_by_role("button", name="Distill", exact=True).click()
    view.come_to("1 session distilled, 1 test case")
    assert view.told()["cases"] == ["s002"]


def test_plain_widgets_where_ours_do_not_show(tab):
    """By the switch: a list, a transcript, distilling; the same selection."""
    switch = "import os; os.environ['CONVSIM_VIEW'] = 'plain'\n"
    tab.open(tab.lab.write("plain.ipynb", switch + GIVEN, SHOW)).run_all(wait=True)
    page = tab.page
    page.wait_for_function("() => document.querySelectorAll('.widget-select-multiple option').length === 100")
    page.locator(".widget-select-multiple select").select_option(index=[2, 4])
    page.get_by_text("100 loaded so far, 2 selected").wait_for()
    page.get_by_role("button", name="Read", exact=True).click()
    page.get_by_text("On its way, 2").wait_for()
    page.get_by_role("button", name="Distill selected", exact=True).click()
    page.get_by_text("2 of 2 sessions, 2 test cases, ended").wait_for()
    told = Picker.told(Cell(tab))

    assert (told["selected"], told["cases"]) == (["s002", "s004"], ["s002", "s004"])
    assert page.locator(".cs-picker").count() == 0


@pytest.mark.parametrize("dark", [False, True])
def test_no_serious_finding_of_axe(shown, tab, installed, dark):
    """The list, a transcript, the form, what came of it, the filter, the help, and nothing found."""
    view = shown()
    tab.theme(dark=dark)
    tab.page.evaluate((installed / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = {}

    def look(state):
        found[state] = view.root.evaluate(FOUND)

    look("list")
    view.row("parcel 5[?]").click()
    view.row("parcel 6[?]").click()
    view.row("parcel 6[?]").locator(".cs-read").click()
    view.root.locator(".cs-preview .cs-bubble strong").wait_for()
    look("transcript")
    view.root.get_by_role("button", name="Distill 2 selected").click()
    view.root.get_by_text(re.compile(r"About \d+ call")).wait_for()
    look("form")
    view.root.get_by_role("button", name="Distill", exact=True).click()
    view.root.get_by_role("button", name="Stop distilling").wait_for()
    look("at work")
    view.come_to("1 of 2 sessions distilled")
    look("done")
    view.root.get_by_label("Search the loaded sessions").fill("parcel 4")
    view.root.locator("mark").first.wait_for()
    look("search")
    view.root.get_by_label("Search the loaded sessions").fill("nothing like it")
    view.root.get_by_text("No session that is loaded fits.").wait_for()
    look("nothing")
    view.root.get_by_label("Search the loaded sessions").fill("")
    view.root.get_by_role("listbox", name="Sessions").focus()
    view.page.keyboard.press("?")
    look("help")

    assert {state: each for state, each in found.items() if each} == {}
