"""Stepping in, in a real JupyterLab: hold a conversation, speak in it, fork it, label it, keep it."""

import json
import re

import pytest

from tests.notebook.test_run_view_browser import Viewed

pytestmark = pytest.mark.full

RUN = """
%load_ext convsim_nb
import asyncio, convsim_nb as cs
from convsim_nb.testing import ScriptedChat

async def support(messages):
    for word in f"Answer {len(messages)}: I have **found** the order .".split():
        await asyncio.sleep(.02)
        yield word + " "

async def mended(messages):
    return f"Mended {len(messages)}"

async def not_an_agent(number):
    return number

async def slow(messages):
    await asyncio.sleep(1)
    return f"Slow answer {len(messages)}"

chat = ScriptedChat(user=[f"Please help me, {n}." for n in range(30)])
cases = [{"goal": f"Goal {n}", "case_id": f"case-{n}", "persona": "Terse"} for n in range(3)]
"""
START = "run = cs.simulate(cases, support, user_model=chat, max_turns=%d, mlflow=%s, concurrency=2)"
ASKED = """
import json
print("told", json.dumps({c.key: [c.stop, c.verdict, c.assisted, c.agent,
                                  [[m.source, m.content] for m in c.messages if m.role == "user"]]
                          for c in run.conversations}), "end")
"""
SHOW = "%convsim show run"


class Cell(Viewed):
    """A view, and what Python says of its run."""

    def ask(self, code):
        """Run one more cell, and give what it printed between `told` and `end`."""
        self.tab.cell(code)
        printed = self.page.locator(".jp-Cell").last.locator(".jp-OutputArea-output").last
        printed.wait_for()
        return json.loads(re.search(r"told (.*) end", printed.inner_text(), re.DOTALL)[1])

    def say(self, text):
        """Type the next user message, and press Enter."""
        self.page.get_by_label("The next user message").fill(text)
        self.page.get_by_label("The next user message").press("Enter")

    def button(self, name):
        """A button of the view."""
        return self.root.get_by_role("button", name=name, exact=True)

    def menu(self, place, choice):
        """Choose from a message's menu."""
        self.root.get_by_role("button", name=f"Actions on message {place + 1}").click()
        self.root.get_by_role("menuitem", name=choice).click()


@pytest.fixture
def began(tab):
    """Begin a run whose conversations are all held before their first message."""

    def begin(*, turns=20, mlflow=False, held=True):
        name = tab.lab.write("stepping.ipynb", RUN, START % (turns, mlflow) + ("; run.pause()" if held else ""))
        tab.open(name).run_all(wait=True)
        tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
        return Cell(tab)

    yield begin
    assert tab.errors == []


def test_take_over_speak_and_hand_back(began):
    """A person speaks, lets the simulated user speak, and goes: the conversation is assisted, and says so."""
    view = began()
    view.choose(1)
    view.wait_until("node.querySelector('.cs-composer .cs-why')?.textContent === 'It waits for you.'")
    view.say("I want my money back.")
    view.wait_until("node.querySelectorAll('.cs-from-assistant .cs-bubble strong').length === 1")
    view.wait_until("node.querySelector('.cs-composer .cs-why')?.textContent === 'It waits for you.'")
    view.say("")
    view.wait_until("node.querySelectorAll('.cs-from-assistant .cs-bubble strong').length === 2")
    view.wait_until("node.querySelector('.cs-composer .cs-why')?.textContent === 'It waits for you.'")
    who = view.texts(".cs-from-user .cs-who")
    view.button("Stop this one").click()
    view.wait_until("node.querySelector('.cs-end')?.textContent.includes('cancelled')")
    facts = view.text(".cs-subject .cs-facts")
    view.choose(2)
    view.button("Hand back").click()
    view.wait_until("node.querySelectorAll('.cs-from-user').length > 2")
    told = view.ask("run.stop(); run.wait(10)" + ASKED)

    assert who == ["You", "Simulated user"]
    assert "assisted: outside the rate" in facts
    stop, verdict, assisted, _, said = told["case-0/support/1"]
    assert (stop, verdict, assisted) == ("cancelled", "void", True)
    assert said == [["operator", "I want my money back."], ["simulated", "Please help me, 1."]]
    assert len(told["case-1/support/1"][4]) > 2
    assert not told["case-1/support/1"][2]


@pytest.fixture
def slowly(tab):
    """Begin a run of three whose agent takes a second a turn; nobody chooses a conversation."""
    start = "run = cs.simulate(cases, slow, user_model=chat, max_turns=%d, mlflow=False, concurrency=3)"

    def begin(*, turns=20, held=False):
        cell = start % turns + ("; run.pause()" if held else "")
        tab.open(tab.lab.write("slowly.ipynb", RUN, cell)).run_all(wait=True)
        tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
        return Cell(tab)

    yield begin
    assert tab.errors == []


def test_what_is_typed_after_a_take_over_goes_into_its_field_and_stays_there(slowly):
    """The focus is in the field at once; while the person types on, no other conversation comes in its place."""
    view = slowly()
    view.wait_until("node.querySelector('.cs-from-user')")
    shown = view.shown()
    view.root.locator(".cs-scroller").focus()
    view.page.keyboard.press("t")
    at_once = view.root.evaluate("() => document.activeElement.ariaLabel")
    view.page.keyboard.type("Is it shipped?")
    early = view.root.get_by_label("The next user message").input_value()
    view.page.keyboard.press("Enter")
    view.wait_until("node.querySelector('.cs-log').textContent.includes('Is it shipped?')")
    view.page.keyboard.type("and what of the rest of my order, please", delay=100)  # 4 s: an answer and more
    view.wait_until("node.querySelector('.cs-composer .cs-why').textContent === 'It waits for you.'")
    view.page.wait_for_timeout(2000)
    field = view.root.get_by_label("The next user message")
    focused = view.root.evaluate("() => document.activeElement.ariaLabel")
    told = (view.shown(), field.input_value(), view.button("Follow the run").is_visible())
    view.ask("run.stop(); run.wait(10); print('told', 1, 'end')")

    assert (at_once, early) == ("The next user message", "Is it shipped?")
    assert focused == "The next user message"
    assert told == (shown, "and what of the rest of my order, please", True)


def test_a_conversation_that_ends_does_not_take_the_field_away_from_who_types(slowly):
    """The last turn is answered while the next words are typed: they stand, with the reason why they go nowhere."""
    view = slowly(turns=1, held=True)
    view.wait_until("node.querySelector('.cs-composer .cs-why')?.textContent === 'It waits for you.'")
    view.say("My last words")
    view.page.keyboard.type("too late")
    view.wait_until("node.querySelector('.cs-subject .cs-badge').textContent.includes('not reached')")
    view.wait_until("node.querySelector('.cs-composer .cs-why').textContent.includes('It has ended')")
    kept = view.page.evaluate("() => document.activeElement.value")
    view.page.keyboard.press("Enter")
    view.root.locator(".cs-scroller").focus()
    view.wait_until("node.querySelector('.cs-composer').hidden")
    told = view.ask("run.stop(); run.wait(10)" + ASKED)
    assert kept == "too late"
    assert [said for *_, said in told.values()] == [[["operator", "My last words"]], [], []]


def test_the_letter_s_asks_before_it_stops_and_the_button_does_not(slowly):
    """Whoever types a word means no; Enter stops; the Stop button needs no question."""
    view = slowly()
    scroller = view.root.locator(".cs-scroller")
    question = view.root.get_by_role("alertdialog")
    scroller.focus()
    view.page.keyboard.press("s")
    asked = question.inner_text()
    view.page.keyboard.press("o")
    after_a_letter = question.is_hidden()
    view.page.keyboard.press("s")
    view.page.keyboard.press("Escape")
    after_escape = (question.is_hidden(), view.root.evaluate("() => document.activeElement.className"))
    playing = view.ask("print('told', str(not run.is_stopping and not run.ended.is_set()).lower(), 'end')")
    stops = view.button("Stop").count()
    scroller.focus()
    view.page.keyboard.press("s")
    view.page.keyboard.press("Enter")
    stopped = view.ask("run.wait(10); print('told', str(run.state.stopped).lower(), 'end')")

    assert "Stop the run? 3 conversations are not over." in asked
    assert (after_a_letter, after_escape, playing) == (True, (True, "cs-scroller"), True)
    assert stops == 1
    assert stopped is True


def test_pause_all_and_go_on_with_more_at_once(began):
    """The header holds all and lets all go, and changes how many play while they do."""
    view = began(held=False)
    view.button("Pause").click()
    view.wait_until("node.querySelector('.cs-counts').textContent.includes('all held')")
    view.wait_until("!node.querySelector('.cs-count.cs-running')")
    view.root.get_by_label("Conversations at once").fill("3")
    view.root.get_by_label("Conversations at once").press("Tab")
    view.button("Resume").click()
    view.wait_until("node.querySelector('.cs-count.cs-running')?.textContent.includes('3 running')")
    at_once = view.ask('print("told", run.concurrency, "end"); run.stop()')
    assert at_once == 3


def test_edit_and_fork_and_the_same_turn_by_another_agent(began):
    """An edited message opens a fork, which is shown; the agents that are offered are those of the notebook."""
    view = began(held=False)  # long enough to be there when the fork is
    view.choose(1)
    view.wait_until("node.querySelectorAll('.cs-turn[data-place]').length >= 3")
    view.ask('run.pause("case-2/support/1"); print("told", 1, "end")')
    view.menu(2, "Edit and fork")
    form = view.root.locator(".cs-panel")
    box = form.locator("textarea")
    before = box.input_value()
    box.fill("And what of the refund?")
    form.locator("datalist option").first.wait_for(state="attached")
    offered = form.locator("datalist option").evaluate_all("all => all.map((each) => each.value)")
    form.get_by_label("Agent").fill("mended")
    form.get_by_role("button", name="Fork", exact=True).click()
    view.wait_until("node.querySelector('.cs-subject .cs-facts').textContent.includes('forked at turn 2')")
    view.wait_until("node.querySelector('.cs-log').textContent.includes('Mended 3')")
    named = [view.text(part) for part in (".cs-subject .cs-facts", ".cs-row[aria-selected=true]", ".cs-cast")]
    squares = view.root.locator(".cs-square").count()
    view.root.locator(".cs-scroller").focus()
    view.page.keyboard.press("b")
    view.wait_until("node.querySelector('.cs-pair:not(.cs-pair-head)')")
    turns = [view.texts(f".cs-pair [data-side='{side}'] .cs-from-user .cs-meta")[0] for side in (0, 1)]
    told = view.ask("run.stop(); run.wait(10)" + ASKED)

    assert before == "Please help me, 1."
    assert offered == ["mended", "slow", "support"]
    assert squares == 4
    assert all(", by mended" in each for each in named[:2])
    assert "agent support · forks by mended · " in named[2]
    assert ["turn 2" in each for each in turns] == [True, True]
    *_, agent, said = told["case-0/support/1~1"]
    assert agent == "mended"
    assert said[:2] == [["recorded", "Please help me, 0."], ["operator", "And what of the refund?"]]


def test_what_cannot_be_done_is_said_in_the_form(began):
    """A name that is no agent is refused in a line, and the form stays as it was."""
    view = began(turns=40, held=False)
    view.choose(1)
    view.wait_until("node.querySelectorAll('.cs-turn[data-place]').length >= 2")
    view.menu(0, "Fork here")
    form = view.root.locator(".cs-panel")
    form.get_by_label("Agent").fill("nobody_of_that_name")
    form.get_by_role("button", name="Fork", exact=True).click()
    form.locator(".cs-problem:not(:empty)").wait_for()
    assert "nobody_of_that_name" in form.locator(".cs-problem").inner_text()
    assert form.get_by_label("Agent").input_value() == "nobody_of_that_name"


def test_a_run_that_ended_is_shown_to_step_into(began, tab):
    """`%convsim show` gives a view that labels, keeps cases and plays repeats; the static form stands below it."""
    view = began(turns=1, held=False)
    tab.page.wait_for_selector(".cs-run", state="detached")
    tab.cell(SHOW)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.choose(2)
    view.button("Label").click()
    form = view.root.locator(".cs-panel")
    form.get_by_label("The simulator’s fault").check()
    form.get_by_label("Note").fill("spoke of Goal 9")
    form.get_by_role("button", name="Label", exact=True).click()
    view.wait_until("node.querySelector('.cs-row[aria-selected=true]').textContent.includes('you: simulator’s fault')")
    view.menu(0, "Make a test case of this")
    form.get_by_text("Kept: run.kept has it as").wait_for()
    view.button("Undo").click()
    form.get_by_text("Kept no more: run.kept has 0.").wait_for()
    view.menu(0, "Make a test case of this")
    form.locator("summary").click()
    form.locator(".cs-yaml").wait_for()
    yaml = form.locator(".cs-yaml").inner_text()
    view.button("Close").click()
    view.button("Run again").click()
    form.get_by_label("Times").fill("2")
    form.get_by_role("button", name="Run again", exact=True).click()
    view.wait_until("node.querySelectorAll('.cs-square.cs-apart.cs-not_reached').length === 2")
    view.wait_until("node.querySelector('.cs-count:last-child').textContent === 'ended'")
    told = view.ask(
        "import json\nlabel = run.labels['case-1/support/1']\n"
        "print('told', json.dumps([label.value, label.note, [list(case.script) for case in run.kept],"
        " len(run.conversations), run.summary.forked]), 'end')"
    )

    assert "script:" in yaml
    assert told == ["simulator_fault", "spoke of Goal 9", [["Please help me, 0."]], 5, 2]
    assert tab.page.locator("summary", has_text="As the saved notebook shows it").count() == 1


def test_filters_cut_the_list(began):
    """By status and by words; what is cut away is one click from coming back."""
    view = began()
    view.root.get_by_label("Search conversations").fill("goal 2")
    view.wait_until("node.querySelectorAll('.cs-row').length === 1")
    one = view.texts(".cs-row .cs-goal")
    view.root.get_by_label("Search conversations").fill("")
    view.root.get_by_label("Status").select_option("reached")
    view.root.locator(".cs-nobody").wait_for()
    view.button("Clear").click()
    view.wait_until("node.querySelectorAll('.cs-row').length === 3")
    view.root.locator(".cs-scroller").focus()
    view.page.keyboard.press("/")
    focused = view.root.evaluate("() => document.activeElement.className")
    view.page.keyboard.type("jk")
    typed = view.root.get_by_label("Search conversations").input_value()
    view.ask("run.stop(); print('told', 1, 'end')")

    assert one == ["Goal 2"]
    assert (focused, typed) == ("cs-search", "jk")


def test_a_turn_shows_its_spans_where_there_is_no_server(began, tab):
    """The trace of a turn, in place: the agent's span with what went in and came out."""
    view = began(turns=2, mlflow=True, held=False)
    tab.page.wait_for_selector(".cs-run", state="detached", timeout=60_000)
    tab.cell(SHOW)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.choose(1)
    view.menu(1, "Trace")
    view.root.locator(".cs-span").first.wait_for()
    assert view.root.locator(".cs-span summary code").first.inner_text() == "support"
    assert "I have **found** the order" in view.root.locator(".cs-span pre").last.inner_text()


def test_an_agent_that_raised_shows_its_trace_and_the_line_of_the_cell(tab):
    """The end note and the key `o` open the trace of the turn that has no answer: what was raised, and where."""
    broken = "def broken(messages):\n    accounts = {}\n    return accounts['account']\n\nimport convsim_nb as cs\n"
    run = "run = cs.simulate(cases[:1], broken, user_model=chat, mlflow=True).wait()"
    tab.open(tab.lab.write("broken.ipynb", RUN, broken + run, SHOW)).run_all(wait=True)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Cell(tab)
    view.button("Trace").click()
    view.root.locator(".cs-span pre").first.wait_for()
    by_button = view.texts(".cs-span pre")
    view.root.locator(".cs-scroller").focus()
    view.page.keyboard.press("Escape")
    view.page.keyboard.press("o")
    view.root.locator(".cs-span pre").first.wait_for()
    by_key = view.texts(".cs-span pre")
    view.button("Close").click()
    view.menu(0, "Trace")
    view.root.locator(".cs-span pre").first.wait_for()

    assert by_button[0].splitlines() == [
        "KeyError: 'account'",
        "cell 2, line 3, in broken: return accounts['account']",
    ]
    assert by_key == by_button
    assert tab.errors == []


def test_after_a_kernel_restart_the_view_says_so_and_the_run_comes_back(began, tab):
    """The clock stands, a line says what to do, and `%convsim show` has all that was done."""
    view = began(held=False)
    view.wait_until("node.querySelectorAll('.cs-from-assistant').length >= 2")
    run_id = view.ask("import json; print('told', json.dumps(run.run_id), 'end')")
    tab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()")
    view.wait_until("node.classList.contains('cs-lost')")
    clock = view.text(".cs-clock")
    note = view.text(".cs-notes")
    tab.page.wait_for_timeout(2500)
    later = view.text(".cs-clock")
    tab.cell(f"%load_ext convsim_nb\n%convsim show {run_id}")
    tab.page.wait_for_function("() => document.querySelectorAll('.cs-run:not(.cs-unknown)').length === 2")
    again = Cell(tab, 1)
    again.choose(1)
    again.wait_until("node.querySelectorAll('.cs-from-assistant').length >= 1")

    assert f"%convsim show {run_id}" in note
    assert clock == later
