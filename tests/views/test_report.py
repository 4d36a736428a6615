"""The report: one file, in words, that needs nothing else."""
# ruff: noqa: E501 - whole lines as snapshots

import re
from itertools import pairwise
from typing import get_args

import pytest
from inline_snapshot import snapshot

from convsim_nb.domain.case import Source
from convsim_nb.domain.conversation import Stop, verdict_of
from convsim_nb.domain.events import ConversationEnded
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState
from convsim_nb.views.hidden import visible
from convsim_nb.views.markup import TAGS
from convsim_nb.views.report import report_html, report_markdown
from convsim_nb.views.words import STOPS
from tests.views.page import Page
from tests.views.scene import AGENT, HOSTILE, KETTLE, MARKET, OSLO, Script, whole_run

FRAME = {"html", "head", "meta", "title", "style", "body", "header", "main", "section", "footer"}
FRAME |= {"h1", "h2", "h3", "div", "p", "span", "dl", "dt", "dd", "details", "summary"}
ATTRIBUTES = {
    *{"lang", "charset", "name", "content", "http-equiv", "class", "id", "href", "rel", "title", "role", "aria-label"},
    *{"style", "scope", "data-name", "open", "start"},
}


@pytest.fixture(scope="module")
def html(state):
    """The report of a run, with scores and links, all of it as hostile as can be."""
    scores = [Score(key=key, name="<b>polite", value=False, rationale=HOSTILE) for key in state.by_key]
    links = {"Run <b>": "https://mlflow.example/#/runs/1", "Journal": ".convsim/runs/1", "bad": "javascript:alert(1)"}
    return report_html(state, scores=scores, links=links, title=f"v1 {HOSTILE}")


@pytest.fixture(scope="module")
def page(html):
    """It, parsed."""
    return Page(html.replace("<!doctype html>", ""))


def test_no_tag_attribute_or_address_comes_from_the_conversations(page):
    """No script, no picture, nothing from elsewhere: an address is a place in the report, or a link that was given."""
    assert page.tags <= FRAME | TAGS
    assert page.attributes <= ATTRIBUTES
    assert {address for address in page.values("href") if not re.fullmatch(r"#c\d+", address)} == {
        "https://mlflow.example/#/runs/1"
    }
    assert all(re.fullmatch(r"left: [\d.]+%(; width: [\d.]+%)?", style) for style in page.values("style"))
    assert page.values("content") >= {"default-src 'none'; style-src 'unsafe-inline'"}


def test_hostile_text_is_there_to_be_read(page):
    """A finding is not swallowed."""
    for written in ("<img src=x onerror=alert(0)>", "<script>alert(11)</script>", "⟨U+202E⟩evil", "<b>polite"):
        assert written in page.text
    assert "javascript:alert(1)" in page.text


def test_nothing_hides_in_the_file(html):
    """No hidden character is left anywhere, be it in a goal, a title or a score."""
    assert visible(html) == html


def test_every_link_leads_to_a_place_in_the_report(page):
    """Each number in a table opens its transcript: the target lies inside the fold, so browsers open it."""
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}

    assert {address[1:] for address in page.values("href") if address.startswith("#")} == targets
    assert len(targets) == 12


def test_it_says_in_words_what_happened(page):
    """The rate, its interval and its void count, the stops, the corrections with the agent's words, the models."""
    for said in (
        "3 of 9 conversations reached the goal: 33% (95% interval 12% to 65%).",
        "Outside the rate: 3 void",
        "the agent shows prices of a closed market as live",
        "“both live”",
        "Markets are closed on Saturday",
        "1 of 1 conversation",
        "openai:/gpt-5-mini",
        "MlflowSink heard no more of this run",
        "0123456789ab",
    ):
        assert said in page.text
    assert "stand-in" not in page.text


def test_headings_go_down_one_at_a_time_and_tables_have_heads(page):
    """What a screen reader walks by."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h\d", tag)]
    heads = [attributes for tag, attributes in page.elements if tag == "th" and attributes]

    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(attributes["scope"] == "col" for attributes in heads)
    assert ("html", {"lang": "en"}) in page.elements


@pytest.mark.parametrize("stop", get_args(Stop))
def test_each_stop_and_verdict_is_said_in_words(stop):
    """By sign and word, in the table, in the list of stops and in the transcript."""
    script = Script([MARKET])
    key = f"{MARKET.case_id}/{AGENT}/1"
    script.tell(ConversationEnded, key=key, stop=stop, verdict=verdict_of(stop))
    text = Page(report_html(RunState.replay(script.events)).replace("<!doctype html>", "")).text

    assert text.count(STOPS[stop]) >= 3
    assert {"reached": "✓ reached", "not_reached": "✗ not reached", "void": "○ void"}[verdict_of(stop)] in text


def test_a_stand_in_is_named_in_a_banner():
    """A report of a demo does not pass for one of a language model."""
    html = report_html(RunState.replay(whole_run(models="demo:/rules")))

    assert (
        '<p class="banner" role="note">Simulated user and judge: a rule-based stand-in, not a language model.</p>'
        in html
    )


def test_a_run_in_its_middle_and_one_that_was_stopped_say_so():
    """Nobody takes half the numbers for the whole."""
    script = Script([MARKET, OSLO, KETTLE])
    script.play(OSLO, "max_turns", [("a", "b")])

    assert "This run has not ended" in report_html(RunState.replay(script.events))
    assert "No reach rate" in report_html(RunState())


def test_faults_of_many_trials_stand_in_one_row():
    """The same withheld fact of a case is one fault, with every wording once."""
    script = Script([MARKET], trials=3)
    for trial, quote in enumerate(["both live", "both live", "right now"], start=1):
        released = [(1, 0, quote)]
        script.play(MARKET, "goal_reached", [("a", quote)], trial=trial, reached=quote, released=released)
    text = Page(report_html(RunState.replay(script.events)).replace("<!doctype html>", "")).text

    assert "3 of 3 conversations" in text
    assert text.count("“both live”") - text.count("– after “both live”") - text.count("reached, “both live”") == 1


def corrected_on(case, *, quote):
    """The cells of the one fault that the report names, and the Markdown's line."""
    script = Script([case], trials=2)
    script.play(case, "goal_reached", [("a", "Both live")], reached="Both live", released=[(1, 0, quote)])
    state = RunState.replay(script.events)
    section = re.search(r"had to be corrected on</h2>.*?</section>", report_html(state), re.DOTALL)[0]
    (line,) = re.findall(r"corrected on\n\n- (.*)", report_markdown(state))
    return re.findall(r"<td[^>]*>(.*?)</td>", section, re.DOTALL), line


def test_what_the_agent_was_corrected_on_is_told_in_words_of_people():
    """Goal, what the agent did and said, what put it right; a condition that rules wrote for themselves is left out."""
    (goal, did, right, seen), line = corrected_on(MARKET, quote="Both live")
    after = MARKET.withheld[0].after
    assert goal == f'{MARKET.goal}<span class="quiet">{MARKET.case_id}</span>'
    assert did == f"{after}<blockquote>“Both live”</blockquote>"
    assert right == MARKET.withheld[0].fact
    assert re.sub(r"<[^>]+>", " ", seen).split() == ["1", "of", "2", "conversations", "#1"]
    assert line == f"**{MARKET.goal}** ({MARKET.case_id}), in 1 of 2 conversations: {after}: “Both live”"

    by_rules = MARKET.model_copy(update={"source": Source(session_id="s", model="demo:/rules")})
    (_, did, *_), line = corrected_on(by_rules, quote="Both live")
    assert did == "<blockquote>“Both live”</blockquote>"
    assert line.endswith("in 1 of 2 conversations: “Both live”")
    assert corrected_on(by_rules, quote="")[0][1] == after


def luminance(colour):
    """Of `#rrggbb`, as WCAG 2 has it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_contrast_is_high_enough_in_light_dark_and_print(html):
    """At least 4.5 to 1 for every text on every ground that it stands on."""
    themes = [
        dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", html, re.DOTALL)
    ]
    grounds = {"ink": ["page", "panel", "user", "agent", "void-tint"], "quiet": ["page", "panel"], "accent": ["page"]}
    grounds |= {tone: [f"{tone}-tint"] for tone in ("good", "bad", "void", "live")}

    assert len(themes) == 3
    for theme in themes:
        for text, under in grounds.items():
            for ground in under:
                light, dark = sorted((luminance(theme[text]), luminance(theme[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def test_the_markdown_report_is_a_table_with_the_failures_in_full(state):
    """For a pull request: the sentences, the conversations with the failures first, the faults, the transcripts."""
    lines = report_markdown(state).splitlines()

    assert lines[:36] == snapshot(
        [
            "# v1",
            "",
            "- 3 of 9 conversations reached the goal: 33% (95% interval 12% to 65%).",
            "- Outside the rate: 3 void (the simulation failed or was cut off: that says nothing about the agent).",
            "- The simulated user had to correct the agent once, in 1 conversation.",
            "- Why they ended: 3 goal reached, 1 out of turns, 1 agent error, 1 ended by the user, 1 agent timed out, 1 went in circles, 1 agent said nothing, 1 simulator broke, 1 model error, 1 over budget.",
            "- Whose part it is that some fell short: agent 6, user 1, infrastructure 2.",
            "- Ended after 0:41: 2.2 turns a conversation; the agent took 1.4 s for a reply (95% within 1.8 s); 42 model calls, 36,792 tokens, \\$0.018.",
            "- MlflowSink heard no more of this run after 0:41: StoreError: connection refused",
            "",
            "## Why conversations fell short, and what to do next",
            "",
            "| Whose part | Why | Conversations | Such as | Next |",
            "|---|---|---|---|---|",
            "| agent | not done in 3 turns | 1 | rebook-to-oslo/support\\_agent\\_v1/1 | read one: on the way (raise max\\_turns), or lost? |",
            "| agent | it raised AgentDown: &lt;script\\>alert(13)&lt;/script\\> 500 | 1 | &lt;img src=x onerror=alert(0)\\>/support\\_agent\\_v1/1 | mend it: its trace is the last |",
            "| agent | the user gave up | 1 | invoice-too-high/support\\_agent\\_v1/1 | read the last turns: what was missing? |",
            "| agent | it took longer than agent\\_timeout | 1 | lost-loyalty-points/support\\_agent\\_v1/1 | see what it waits for, or give it more seconds |",
            "| agent | agent and user went in circles | 1 | asked-for-a-human/support\\_agent\\_v1/1 | read where it begins to repeat itself |",
            "| agent | it gave an empty answer | 1 | late-parcel-moved-house/support\\_agent\\_v1/1 | see what it does with the last message |",
            "| user | the simulated user fell out of its part: guard invented: AB-… is in nothing the user knows | 1 | change-seat/support\\_agent\\_v1/1 | take a stronger user\\_model, or reword the case |",
            "| infrastructure | the user's or the judge's model gave no usable answer: ModelError: openai:/gpt-5-mini: 429 in 5 tries | 1 | cancel-plan/support\\_agent\\_v1/1 | see that the model answers, or take another, and resume the run |",
            "| infrastructure | the budget was used up | 1 | voucher-refused/support\\_agent\\_v1/1 | raise max\\_cost, max\\_tokens or max\\_seconds, and resume the run |",
            "",
            "## Conversations",
            "",
            "| Verdict | Test case | Why it ended | Turns | Corrections | Time |",
            "|---|---|---|--:|--:|--:|",
            "| ✗ not reached | rebook-to-oslo | out of turns | 3 | 0 | 4.8 s |",
            "| ✗ not reached | &lt;img src=x onerror=alert(0)\\> | agent error: AgentDown: &lt;script\\>alert(13)&lt;/script\\> 500 | 2 | 0 | 2.1 s |",
            "| ✗ not reached | invoice-too-high | ended by the user | 2 | 0 | 3.3 s |",
            "| ✗ not reached | lost-loyalty-points | agent timed out: no reply within 300 s | 1 | 0 | 600 ms |",
            "| ✗ not reached | asked-for-a-human | went in circles | 3 | 0 | 4.8 s |",
            "| ✗ not reached | late-parcel-moved-house | agent said nothing | 1 | 0 | 1.8 s |",
            "| ✓ reached | closed-market | goal reached | 3 | 1 | 5.4 s |",
            "| ✓ reached | refund-damaged-kettle | goal reached | 3 | 0 | 5.4 s |",
        ]
    )
    assert sum(line == "<details>" for line in lines) == 6


def test_hostile_text_forges_nothing_in_markdown(state):
    """No HTML, no cell and no fence of its own: what is not ours is escaped, or fenced in."""
    fences = 0
    for line in report_markdown(state).splitlines():
        if line.startswith("```"):
            fences += 1
        elif fences % 2 == 0 and line not in ("<details>", "</details>"):
            assert "<" not in line.removeprefix("<summary>").removesuffix("</summary>")
            assert "](" not in line.replace("\\]", "")
    assert fences == 12
    script = Script([MARKET])
    script.play(MARKET, "max_turns", [("a | b", "```\n</details><script>\n````")])
    assert "`````text" in report_markdown(RunState.replay(script.events))
