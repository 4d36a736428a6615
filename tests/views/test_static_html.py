"""What a saved notebook shows."""
# ruff: noqa: E501 - whole lines as snapshots

import re
from typing import get_args

import nh3
import pytest
from inline_snapshot import snapshot

from convsim_nb.domain.conversation import Conversation, Origin, Stop, verdict_of
from convsim_nb.domain.score import Score
from convsim_nb.domain.session import Message, Session
from convsim_nb.domain.state import RunState
from convsim_nb.views.hidden import visible
from convsim_nb.views.markup import TAGS
from convsim_nb.views.static_html import cases_html, conversation_html, run_html, session_html, sessions_html
from convsim_nb.views.words import STOPS
from tests.views.page import Page
from tests.views.scene import CASES, HOSTILE, HOSTILE_CASE, SESSION, agent, whole_run

OURS = {"div", "h4", "p", "span", "strong", "details", "summary", "code", "s"}
ATTRIBUTES = {"style", "open", "href", "rel", "start"}
LENGTH = r"-?\d+(\.\d+)?(px|%)|0|auto"
COLOUR = r"rgba\(\d+, \d+, \d+, 0\.\d+\)|transparent"
# What JupyterLab's sanitiser lets through, of what we use: anything else would be gone in a notebook not trusted.
STYLES = {
    "background-color": COLOUR,
    "border": rf"none|1px solid ({COLOUR})",
    "border-bottom": rf"1px solid ({COLOUR})",
    "border-top": rf"1px solid ({COLOUR})",
    "border-left": rf"3px (solid|dashed) ({COLOUR})",
    "border-collapse": "collapse",
    "border-radius": LENGTH,
    "cursor": "pointer",
    "font-size": LENGTH,
    "font-weight": "600",
    "line-height": r"1\.5",
    "margin": rf"(({LENGTH})\s?){{1,4}}",
    "padding": rf"(({LENGTH})\s?){{1,4}}",
    "max-height": LENGTH,
    "max-width": LENGTH,
    "width": LENGTH,
    "padding-left": LENGTH,
    "opacity": r"0\.\d+",
    "overflow": "auto",
    "overflow-wrap": "break-word",
    "overflow-x": "auto",
    "table-layout": "auto",
    "text-align": "left",
    "vertical-align": "top",
    "white-space": "nowrap|pre-wrap",
}


def styles(page):
    """Each property with each of its values."""
    pairs = {pair.strip() for style in page.values("style") for pair in style.split(";") if pair.strip()}
    return {tuple(part.strip() for part in pair.split(":", 1)) for pair in pairs}


@pytest.fixture(scope="module")
def views(state, large_state):
    """Each static form, of hostile content."""
    scores = [Score(key=key, name="<b>polite", value=False, rationale=HOSTILE) for key in state.by_key]
    return {
        "run": run_html(state, scores=scores),
        "large run": run_html(large_state, max_bytes=40_000),
        "conversation": conversation_html(state.conversations[4], case=HOSTILE_CASE, scores=scores),
        "session": session_html(SESSION),
        "sessions": sessions_html([SESSION, Session(id=HOSTILE, messages=(agent(HOSTILE),))]),
        "cases": cases_html(CASES, [HOSTILE]),
        "nothing": run_html(RunState()) + cases_html([]) + sessions_html([]),
    }


def test_only_listed_tags_attributes_and_styles_come_out(views):
    """No script, no style sheet, no class, no handler; every style is one that JupyterLab's sanitiser keeps."""
    for name, html in views.items():
        page = Page(html)
        assert page.tags <= OURS | TAGS, name
        assert page.attributes <= ATTRIBUTES, name
        assert not page.values("href"), name
        for each, value in styles(page):
            assert re.fullmatch(STYLES[each], value), (name, each, value)


def test_hostile_text_is_there_to_be_read(views):
    """Goals, case ids, tools, errors, scores: what was written is shown as text."""
    text = Page(views["run"]).text

    for written in (
        "<img src=x onerror=alert(0)>",
        "<script>alert(11)</script>",
        "AgentDown: <script>alert(13)</script>",
    ):
        assert written in text
    assert "⟨U+202E⟩evil" in text
    assert '"<b>": ' in text
    assert "<iframe src=//x.example>" in Page(views["cases"]).text


def test_nothing_hides_in_the_output(views):
    """No hidden character is left anywhere."""
    assert all(visible(html) == html for html in views.values())


def test_where_styles_are_dropped_every_word_is_left(views):
    """A host that keeps tags but no style, as GitHub does, keeps all of the text."""
    for html in views.values():
        page = Page(html)
        assert Page(nh3.clean(html, tags=page.tags, attributes={"details": {"open"}}, link_rel=None)).text == page.text


def test_failures_come_first_and_stand_open(state):
    """The reader meets what went wrong without a click; what went well is folded."""
    html = run_html(state)
    folds = re.findall(r'<details( open)? style="margin: 0; padding[^>]*><summary[^>]*><span[^>]*>(\S+ [a-z ]+)<', html)

    assert [(sign, bool(opened)) for opened, sign in folds] == [
        *[("✗ not reached", True)] * 6,
        *[("○ void", False)] * 3,
        *[("✓ reached", False)] * 3,
    ]


def test_a_tool_that_failed_stands_open(state):
    """The others are folded."""
    html = conversation_html(state.conversations[2])

    assert re.findall(r"<details( open)? style=\"margin: 0 0 4px\">", html) == ["", " open"]


def test_the_head_of_a_run_says_what_happened(state):
    """The title, who took part, the numbers, the rate with its interval and its void count, what failed."""
    pieces = Page(run_html(state)).pieces

    assert pieces[: pieces.index("rebook-to-oslo") - 1] == snapshot(
        [
            "v1: 3 of 9 reached the goal",
            "agent support_agent_v1 · user openai:/gpt-5-mini · judge openai:/gpt-5-mini · 2026-07-04 10:15 UTC · run 20260704-101500-ab12",
            "Reach rate",
            "✓ reached",
            "✗ not reached",
            "○ void",
            "Corrections",
            "Turns, mean",
            "Tokens",
            "Cost",
            "33%",
            "3",
            "6",
            "3",
            "1",
            "2.2",
            "36,792",
            "$0.018",
            "3 of 9 conversations reached the goal: 33% (95% interval 12% to 65%).",
            "Outside the rate: 3 void (the simulation failed or was cut off: that says nothing about the agent).",
            "The simulated user had to correct the agent once, in 1 conversation.",
            "Why they ended: 3 goal reached, 1 out of turns, 1 agent error, 1 ended by the user, 1 agent timed out, 1 went in circles, 1 agent said nothing, 1 simulator broke, 1 model error, 1 over budget.",
            "Whose part it is that some fell short: agent 6, user 1, infrastructure 2.",
            "MlflowSink heard no more of this run after 0:41: StoreError: connection refused",
        ]
    )


@pytest.mark.parametrize("stop", get_args(Stop))
def test_each_stop_and_verdict_is_said_in_words(stop):
    """By sign and word, not by colour."""
    verdict = verdict_of(stop)
    text = Page(conversation_html(Conversation(key="k", case_id="c", agent="a", stop=stop, verdict=verdict))).text

    assert STOPS[stop] in text
    assert {"reached": "✓ reached", "not_reached": "✗ not reached", "void": "○ void"}[verdict] in text


def test_assisted_and_forked_conversations_say_that_they_do_not_count():
    """Who reads one knows that it is in no rate."""
    said = (Message(role="user", content="I will take over", source="operator"),)
    told = {"key": "k", "case_id": "c", "agent": "a", "messages": said, "origin": Origin(key="k", turn=2)}
    text = Page(conversation_html(Conversation(**told))).text

    assert "assisted: outside the rate" in text
    assert "forked at turn 2" in text
    assert "You" in text


def test_a_stand_in_is_named_in_a_banner():
    """A demo's saved notebook does not pass for one of a language model."""
    html = run_html(RunState.replay(whole_run(models="demo:/rules")))

    assert "Simulated user and judge: a rule-based stand-in, not a language model." in Page(html).text


@pytest.mark.parametrize("most", [20_000, 40_000, 80_000])
def test_a_run_is_cut_to_its_size_and_says_so(large_state, most):
    """Failures before the rest, counts that add up, and the way to see the rest."""
    html = run_html(large_state, max_bytes=most)
    text = Page(html).text

    assert len(html.encode()) <= most
    assert f"To stay under {most / 1e6:g} MB" in text
    assert 'cs.load_run("20260704-101500-ab12")' in text
    shown, failed = text.count("End: "), text.count("✗ not reached ") - 1
    told = re.search(r"this shows (.*), evenly picked", text)[1]
    assert sum(int(count) for count in re.findall(r"(\d+)(?: of \d+)? (?:that|void)", told)) == shown
    assert failed > 0


def test_a_run_that_fits_is_whole(large_state):
    """No sentence about a cut, and every conversation."""
    text = Page(run_html(large_state)).text

    assert "To stay under" not in text
    assert text.count("End: ") == 48


def test_many_sessions_and_cases_are_cut_too():
    """A notebook with thousands of them can still be opened."""
    sessions = sessions_html(
        [SESSION.model_copy(update={"id": f"s{number}"}) for number in range(500)], max_bytes=50_000
    )
    cases = cases_html(CASES * 100, max_bytes=50_000)

    assert len(sessions.encode()) <= 50_000
    assert len(cases.encode()) <= 50_000
    assert "of 500 sessions, evenly picked" in Page(sessions).text
    assert "of 1,200 test cases, evenly picked" in Page(cases).text


def test_a_case_shows_all_that_it_is_made_of():
    """Goal, persona, guidelines, facts, what is withheld until when and why, the source, and the rest folded."""
    assert Page(cases_html(CASES[:1], ["session b: no goal"])).pieces == snapshot(
        [
            "1 test case",
            "#",
            "Goal and persona",
            "Guidelines",
            "Facts, and ⊘ what is withheld",
            "1",
            "Find out how far the DAX and the Nikkei stand from where they closed on Friday",
            "Day trader; terse, checks every number",
            "closed-market · from prod-2026-06-13-0042, messages 1 to 8",
            "1 expectation, 1 tag",
            """\
{
  "names_close": "says that the figures are Friday's close"
}\
""",
            """\
{
  "topic": "markets"
}\
""",
            "Ask on a Saturday",
            "Ask for both indices in one message",
            "Today is Saturday",
            "He trades from Frankfurt",
            "⊘ Markets are closed on Saturday",
            "correction, known after: the agent shows prices of a closed market as live",
            "⊘ He also needs the Hang Seng",
            "afterthought, known after: both indices were given",
            "! 1 problem",
            "session b: no goal",
        ]
    )


def test_a_session_shows_who_said_what():
    """Roles in words, tools, and the words as Markdown."""
    assert Page(session_html(SESSION)).pieces == snapshot(
        [
            "prod-2026-06-13-0042",
            "4 messages · 2026-06-13 09:30",
            "User",
            "DAX?",
            "Agent",
            "tool",
            "get_price",
            """\
{
  "symbol": "DAX"
}\
""",
            "18432.0",
            "18,432",
            "User",
            "It is Saturday.",
            "Agent",
            "Then that was Friday's close.",
        ]
    )


def test_a_running_conversation_has_no_verdict():
    """What is still going on is said as such."""
    text = Page(conversation_html(Conversation(key="k", case_id="c", agent="a", status="running"))).text

    assert "▸ running" in text
    assert "End:" not in text
