"""Two transcripts side by side, as static HTML."""

import re

from inline_snapshot import snapshot

from convsim_nb.analysis.compare import CaseChange
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import GoalCheck
from convsim_nb.domain.score import Score
from convsim_nb.views.side_by_side import changed_cases, side_by_side, sided
from tests.notebook.alignments import PAIRS, talk
from tests.views.page import Page

V1, V2 = "v1", "v2"
SAID = "^Word for word|^The same so far"


def words(html):
    """The pieces of text, in order; every tag is closed."""
    return Page(html).pieces


def test_what_they_share_is_folded_and_where_they_part_is_said():
    """Shared turns once, closed; a line that names turn and side; then turn beside turn, and both ends."""
    first, second = PAIRS["the agent answers otherwise"]
    html = side_by_side(first, second, names=(V1, V2))
    assert words(html) == snapshot(
        [
            "The same in both: turn 1, 2 messages",
            "Simulated user",
            "Hi",
            "Agent",
            "Hello",
            "First difference, turn 2: the agent answers otherwise",
            "v1",
            "v2",
            "turn 2",
            "Simulated user",
            "Kettle",
            "Agent",
            "Yes?",
            "turn 2",
            "Simulated user",
            "Kettle",
            "Agent",
            "No.",
            "turn 3",
            "(over)",
            "turn 3",
            "Simulated user",
            "Oh",
            "End: out of turns",
            "✗ not reached",
            "End: out of turns",
            "✗ not reached",
        ]
    )
    assert html.count("<details") == 1
    assert "<details open" not in html


def test_what_the_judge_and_the_scorers_said_stands_under_the_turn():
    """Goal checks and scores of single turns under their message, those of the whole at its end."""
    first = talk("Hi", "Hello").model_copy(update={"checks": (GoalCheck(reached=False, why="no refund", turn=1),)})
    second = talk("Hi", "Hello there")
    scores = [Score(key=first.key, name="polite", value=True, turn=1), Score(key=first.key, name="fast", value=False)]
    found = "\n".join(words(side_by_side(first, second, names=(V1, V2), scores=(scores, ()))))
    assert re.findall("✓ polite: yes|✗ fast: no|no refund", found) == [
        *("no refund", "✓ polite: yes"),
        *("✓ polite: yes", "✗ fast: no"),  # the turn's score is the whole's too
    ]


def test_two_that_say_the_same_say_so():
    """Nothing parts: said in words, also where the judge saw them otherwise, or one still plays."""
    same = talk("Hi", "Hello")
    told = {
        other.stop: next(each for each in words(side_by_side(same, other, names=(V1, V2))) if re.search(SAID, each))
        for other in (same, talk("Hi", "Hello", stop="goal_reached"), talk("Hi", stop=None))
    }
    assert told == snapshot(
        {
            "max_turns": "Word for word the same throughout",
            "goal_reached": "Word for word the same, and judged otherwise",
            None: "The same so far",
        }
    )


def test_a_changed_case_opens_at_the_trials_that_show_it():
    """The pair that reached and did not is open, its like trials are folded, a case that did not change is left out."""
    good, bad = talk("Hi", "Done.", stop="goal_reached"), talk("Hi", "No.")
    trials = ([good, good], [good, bad])
    sides = [
        [each.model_copy(update={"trial": n, "key": f"kettle/support/{n}"}) for n, each in enumerate(side, start=1)]
        for side in trials
    ]
    changes = [
        CaseChange(case_id="kettle", goal="Get a refund", first=(True, True), second=(True, False)),
        CaseChange(case_id="pot", goal="Get a pot", first=(True,), second=(True,)),
    ]
    cases = {"kettle": TestCase(case_id="kettle", goal="Get a refund <b>now</b>")}
    html = "".join(changed_cases(changes, sides=(sided(V1, sides[0]), sided(V2, sides[1])), cases=cases))
    assert re.findall("trial [^<]*", html) == ["trial 2 ", "trial 1 "]
    assert html.index("<details open") < html.index("trial 2") < html.index("trial 1")
    assert html.count("<details open") == 1
    assert "&lt;b&gt;now" in html
    assert "Get a pot" not in html


def test_hostile_words_and_names_do_nothing():
    """Names of runs and messages are text, on both sides and in the line that marks the difference."""
    evil = "<img src=x onerror=alert(1)> **b**"
    html = side_by_side(talk("Hi", evil), talk("Hi", evil, "more", evil), names=("<script>", "v2</td>"))
    assert "<img" not in html
    assert "<script" not in html
    assert html.count("&lt;img src=x") == 2


def test_long_comparisons_are_cut_and_say_so():
    """What does not fit the room is counted, and how to see it is said."""
    sides = [
        sided(name, [talk("Hi", text * 400).model_copy(update={"case_id": f"c{n}"}) for n in range(6)])
        for name, text in ((V1, "yes "), (V2, "no "))
    ]
    changes = [CaseChange(case_id=f"c{n}", goal="x", first=(True,), second=(False,)) for n in range(6)]
    html = "".join(changed_cases(changes, sides=tuple(sides), cases={}, room=15_000))
    assert len(html.encode()) < 15_000
    assert re.search(r"[1-5] of 6 are shown", html)
