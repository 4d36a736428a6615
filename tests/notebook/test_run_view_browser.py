"""The live view in a real JupyterLab: what a person sees and does."""

import re
from pathlib import Path

import pytest

from tests.notebook import run_events

pytestmark = pytest.mark.full

HERE = Path(__file__).parent
START = """
import playback, run_events
from IPython.display import display
play = playback.Playback({events}, speed={speed})
display(play.view)
play.start();
"""
AFTER = """
import asyncio
while play.is_alive():
    await asyncio.sleep(.05)
print('stops', play.stops)
"""
CLASSES = "all => all.map((each) => each.className)"
HIDDEN = "script, img, svg, iframe, form, input, style, link, base, meta, object, embed, math, video, audio"


class Viewed:
    """The view in a tab: what stands in it, in words."""

    def __init__(self, tab, place=0):
        self.tab, self.page = tab, tab.page
        self.root = tab.page.locator(".cs-run").nth(place)

    def wait_until(self, condition, *arguments):
        """Wait for a condition on the view's node: JavaScript of `node`."""
        self.page.wait_for_function(f"([node, ...given]) => {condition}", arg=[self.root.element_handle(), *arguments])

    def wait_for_bubbles(self, number):
        """Wait until so many bubbles are there."""
        self.wait_until("node.querySelectorAll('.cs-bubble').length >= given[0]", number)

    def wait_for_end(self):
        """Wait until the run has ended."""
        self.wait_until("['ended', 'stopped'].includes(node.querySelector('.cs-count:last-child')?.textContent)")

    def texts(self, selector):
        """The texts of what is found."""
        return self.root.locator(selector).all_inner_texts()

    def text(self, selector):
        """The text of the one that is found."""
        return self.root.locator(selector).inner_text()

    def shown(self):
        """The goal of the conversation that is shown."""
        return self.text(".cs-subject .cs-goal")

    def choose(self, number):
        """Click a square."""
        self.root.locator(f".cs-square:nth-child({number})").click()
        self.wait_until(f"node.querySelector('.cs-square:nth-child({number})').ariaPressed === 'true'")


@pytest.fixture
def play(tab):
    """Begin a run in a notebook, and see it."""

    def begin(events, *, speed=1.0, then=()):
        for name in ("playback.py", "run_events.py"):
            (tab.lab.root / name).write_text((HERE / name).read_text(encoding="utf-8"), encoding="utf-8")
        name = tab.lab.write("run.ipynb", START.format(events=events, speed=speed), *then)
        tab.open(name).run_all()
        tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
        return Viewed(tab)

    yield begin
    assert tab.errors == []


def test_bubbles_fill_in_while_the_run_runs(play):
    """Nobody clicks: the first running conversation is there, its text streams, and becomes formatted at its end."""
    view = play("run_events.mixed()", speed=2)
    view.wait_until("node.querySelector('.cs-streaming')?.textContent.length > 5")
    streaming = view.text(".cs-streaming")
    view.wait_until("node.querySelector('.cs-streaming')?.textContent.length > given[0]", len(streaming))
    first = view.shown()
    view.wait_for_bubbles(4)
    running = view.text(".cs-counts")
    view.wait_for_end()
    view.choose(1)
    view.wait_until("node.querySelector('.cs-end') !== null")

    assert first == run_events.OSLO.goal
    assert "running" in running
    assert view.texts(".cs-meta")[:2] == ["Simulated user\nturn 1", "Agent\n1.2 s"]
    assert view.root.locator(".cs-bubble ol li").all_inner_texts() == [
        "The 18:05 has seats",
        "The fare difference is €84",
    ]
    assert view.text(".cs-end") == "✗ not reached\nEnd: out of turns"
    verdicts = ["✓7 reached", "✗3 not reached", "○2 void", "70% reached, 95% interval 40% to 89%", "1 correction"]
    spent = ["user 23,652 tokens, $0.011", "judge 23,652 tokens, $0.011"]
    assert view.texts(".cs-count") == [*verdicts, *spent, "ended"]
    assert view.texts(".cs-tool summary") == ["lookup_booking140 ms", "quote_change30 s✗ error"]
    assert view.root.locator(".cs-tool[open] pre").all_inner_texts()[1:] == ["upstream timed out after 30 s"]


def test_stop_calls_the_kernel_and_then_does_nothing(play, tab):
    """The button named exactly `Stop` ends the run, says so, and stays."""
    view = play("run_events.mixed()", then=[AFTER])
    view.wait_for_bubbles(1)
    stop = tab.page.get_by_role("button", name="Stop", exact=True)
    stop.click()
    view.wait_for_end()
    stop.click(force=True)
    tab.page.wait_for_selector(".jp-OutputArea-output >> text=stops 1")

    assert stop.get_attribute("aria-disabled") == "true"
    assert view.texts(".cs-count")[-1] == "stopped"
    assert "waiting" not in view.text(".cs-counts")


def test_a_reload_in_mid_run_comes_back_whole(play, tab):
    """The page forgets everything; the view asks, gets the state, and hears what comes next."""
    view = play("run_events.mixed()", speed=0.6)
    view.wait_for_bubbles(3)
    tab.save()
    tab.page.reload()
    view = Viewed(tab)
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)", timeout=60_000)
    view.wait_for_bubbles(3)
    assert view.shown() == run_events.OSLO.goal
    assert "running" in view.text(".cs-counts")
    view.wait_until("node.querySelector('.cs-bubble p') !== null")  # the HTML of what was said before
    view.wait_for_end()
    for number, bubbles in enumerate([6, 6, 8, 4], start=1):
        view.choose(number)
        view.wait_until("node.querySelectorAll('.cs-bubble').length === given[0]", bubbles)
        view.wait_until("node.querySelectorAll('.cs-plain').length === 0")


def test_two_views_of_one_run_live_side_by_side(play, tab):
    """Each shows what its person chose, and both hear everything."""
    one = play("run_events.mixed()", speed=2, then=["display(play.view)"])
    tab.page.wait_for_selector(".cs-run >> nth=1")
    two = Viewed(tab, 1)
    two.wait_for_bubbles(1)
    two.choose(2)
    one.wait_for_end()
    two.wait_for_end()
    one.choose(1)

    assert (one.shown(), two.shown()) == (run_events.OSLO.goal, run_events.MARKET.goal)
    assert one.texts(".cs-count") == two.texts(".cs-count")
    assert [len(view.texts("[data-place]")) for view in (one, two)] == [6, 6]


def test_hostile_text_does_nothing(play, tab):
    """Names, goals, tools, quotes and messages that attack are shown as text; nothing runs, nothing is fetched."""
    asked = []
    tab.page.on("request", lambda request: asked.append(request.url))
    view = play("run_events.hostile()", speed=100)
    view.wait_for_end()
    view.wait_until("node.querySelectorAll('[data-place]').length === given[0]", 2 * len(run_events.HOSTILE))
    view.root.evaluate("node => node.querySelectorAll('details').forEach((each) => { each.open = true; })")
    for bubble in view.root.locator(".cs-bubble").all():
        bubble.hover()
    tab.page.wait_for_timeout(300)

    assert tab.page.evaluate("window.hit") is None
    ours = ["cs-search", "cs-composer"]  # and the number of conversations at once
    assert [each for each in view.root.locator(HIDDEN).evaluate_all(CLASSES) if each] == ours
    assert view.root.locator(HIDDEN).count() == len(ours) + 1
    assert [url for url in asked if "example.invalid" in url] == []
    assert view.root.locator("a:not([href^='http']):not([href^='mailto'])").count() == 0
    assert tab.page.get_by_role("button", name="Stop", exact=True).count() == 1
    assert view.text(".cs-title").startswith("<script>window.hit = 1</script> <img")
    assert "⟨U+202E⟩" in view.text(".cs-log")


def test_a_click_on_a_quote_jumps_to_the_message(play):
    """Evidence is a link to the agent's words."""
    view = play("run_events.mixed()", speed=60)
    view.wait_for_end()
    view.choose(2)
    view.root.locator("button.cs-quote", has_text="both live").click()
    view.wait_until("node.querySelector('.cs-flash')?.dataset.place === '1'")
    assert view.root.evaluate("node => node.querySelector('.cs-flash') === document.activeElement")
    assert view.texts(".cs-release") == [
        "✗ correction\nThe user now knows: Markets are closed on Saturday\n“both live”",
        "afterthought\nThe user now knows: He also needs the Hang Seng\n“At Friday's close”",
    ]


def test_the_keyboard_is_the_views_while_it_has_the_focus(play, tab):
    """Single keys move and fold; they do not reach the notebook, where `dd` would delete the cell."""
    view = play("run_events.mixed()", speed=60)
    view.wait_for_end()
    view.root.locator(".cs-scroller").focus()
    seen = []
    for key in ("f", "n", "p", "f", "f"):
        tab.page.keyboard.press(key)
        tab.page.wait_for_timeout(120)
        seen.append(view.root.locator(".cs-square[aria-pressed=true]").inner_text())
    for key in ("d", "d", "x", "a"):
        tab.page.keyboard.press(key)
    view.choose(1)
    view.root.locator(".cs-scroller").focus()
    tab.page.keyboard.press("j")
    tab.page.keyboard.press("j")
    at = view.root.evaluate("() => document.activeElement.dataset.place")
    tab.page.keyboard.press("k")
    tab.page.keyboard.press(" ")
    unfolded = view.root.locator(".cs-tool[open]").count()
    tab.page.keyboard.press("?")
    help_there = view.root.get_by_role("dialog").is_visible()
    tab.page.keyboard.press("Escape")

    assert seen == ["6", "7", "6", "7", "1"]
    assert tab.page.locator(".jp-CodeCell").count() == 1
    assert (at, unfolded) == ("1", 1)
    assert (help_there, view.root.get_by_role("dialog").is_visible()) == (True, False)


def test_new_turns_do_not_pull_a_reader_away(play, tab):
    """Who scrolled up stays there, and is told that there is more."""
    tab.page.set_viewport_size({"width": 1200, "height": 500})
    view = play("run_events.mixed()")
    view.wait_for_bubbles(4)
    view.root.locator(".cs-scroller").evaluate("node => { node.scrollTop = 0; }")
    pill = view.root.locator(".cs-pill")
    pill.wait_for(state="visible")
    assert view.root.locator(".cs-scroller").evaluate("node => node.scrollTop") == 0
    pill.click()
    view.wait_until(
        "(({scrollHeight: all, scrollTop: top, clientHeight: seen}) => all - top - seen < 3)"
        "(node.querySelector('.cs-scroller'))"
    )
    pill.wait_for(state="hidden")


def test_every_text_reads_in_both_themes(play, tab):
    """Contrast of 4.5 : 1 or better for all text, light and dark, in each kind of conversation."""
    view = play("run_events.mixed(model='demo:/rules')", speed=60)
    view.wait_for_end()
    faint = {}
    for dark in (False, True):
        tab.theme(dark=dark)
        for number in (1, 2, 3, 8):
            view.choose(number)
            tab.page.wait_for_timeout(100)
            faint |= view.root.evaluate(FAINT)
    tab.theme(dark=False)
    assert faint == {}


def test_the_view_fits_its_place(play, tab):
    """List and conversation when wide, one of them under 700 px, flush under 480 px, never wider than its cell."""
    view = play("run_events.mixed()", speed=60)
    view.wait_for_end()
    view.choose(1)
    seen = []
    for width in (1920, 1200, 800, 700, 560):
        tab.page.set_viewport_size({"width": width, "height": 900})
        tab.page.wait_for_timeout(200)
        seen.append(view.root.evaluate(LAYOUT))
    assert seen == [
        {"list": True, "flush": False, "over": 0},
        {"list": True, "flush": False, "over": 0},
        {"list": False, "flush": False, "over": 0},
        {"list": False, "flush": False, "over": 0},
        {"list": False, "flush": True, "over": 0},
    ]


def test_closing_a_view_leaves_nothing_behind(play, tab):
    """A cleared output takes the node and its clock with it."""
    tab.page.add_init_script(CLOCKS)
    view = play("run_events.mixed()", speed=0.5)
    view.wait_for_bubbles(1)
    ticking = tab.page.evaluate("window.clocks.size")
    tab.command("notebook:clear-all-cell-outputs")
    tab.page.wait_for_selector(".cs-run", state="detached")
    tab.page.wait_for_function("() => window.clocks.size === 0")
    assert ticking == 1


REAL = """
import asyncio, convsim_nb as cs
from convsim_nb.testing import ScriptedChat
async def agent(messages):
    for word in "I have **found** the order and will look into it now .".split():
        await asyncio.sleep(.05)
        yield word + " "
chat = ScriptedChat(user=[f"Please help me, {n}." for n in range(30)])
run = cs.simulate([{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)], agent, user_model=chat,
                  max_turns=20, mlflow=False).wait()
"""


def test_a_real_run_fills_in_stops_within_a_second_and_leaves_static_html(tab):
    """The whole way, with nothing of ours between the person and the engine."""
    tab.open(tab.lab.write("real.ipynb", REAL)).run_all()
    tab.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    view = Viewed(tab)
    view.wait_until("node.querySelector('.cs-streaming')?.textContent.length > 5")
    view.wait_until("node.querySelector('.cs-bubble strong')?.textContent === 'found'")
    tab.page.get_by_role("button", name="Stop", exact=True).click()
    tab.page.wait_for_selector(".cs-run", state="detached", timeout=1500)
    text = tab.page.inner_text(".jp-OutputArea-output")

    assert re.search(r"3 void|void.*3", text)
    assert "cancelled" in text
    assert tab.errors == []


CLOCKS = """
window.clocks = new Set();
const [set, clear] = [window.setInterval, window.clearInterval];
window.setInterval = (act, ...rest) => {
    const clock = set(act, ...rest);
    if (String(act).includes('header.tick')) window.clocks.add(clock);
    return clock;
};
window.clearInterval = (clock) => { clear(clock); window.clocks.delete(clock); };
"""
LAYOUT = """(node) => {
    const box = (selector) => node.querySelector(selector).getBoundingClientRect();
    const parts = ['.cs-header', '.cs-panes', '.cs-subject', '.cs-scroller', '.cs-log'];
    const wider = (each) => each.scrollWidth - each.clientWidth;
    return {
        list: node.querySelector('.cs-list').checkVisibility(),
        flush: Math.abs(box('.cs-from-user').left - box('.cs-log').left - 14) < 2,
        over: Math.max(
            0,
            wider(node),
            ...parts.map((each) => wider(node.querySelector(each))),
            node.offsetWidth - node.parentElement.clientWidth,
        ),
    };
}"""
FAINT = """(node) => {
    const numbers = (color) => {
        const found = color.match(/[\\d.]+(e-?\\d+)?/g).map(Number);
        const [r, g, b] = color.startsWith('color(') ? found.slice(0, 3) : found.slice(0, 3).map((each) => each / 255);
        return [r, g, b, found[3] ?? 1];
    };
    const over = ([r, g, b, a], under) => [r, g, b].map((each, n) => each * a + under[n] * (1 - a));
    const ground = (element) => {
        const layers = [];
        for (let each = element; each; each = each.parentElement) {
            layers.unshift(getComputedStyle(each).backgroundColor);
        }
        return layers.reduce((under, color) => over(numbers(color), under), [1, 1, 1]);
    };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const faint = {};
    for (const element of node.querySelectorAll('*')) {
        const own = [...element.childNodes].some((each) => each.nodeType === 3 && each.data.trim());
        if (!own || !element.checkVisibility({ visibilityProperty: true })) continue;
        const under = ground(element);
        const [one, other] = [light(over(numbers(getComputedStyle(element).color), under)), light(under)];
        const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (ratio < 4.5) faint[`${element.className || element.tagName}: ${element.textContent.slice(0, 30)}`] = ratio;
    }
    return faint;
}"""
