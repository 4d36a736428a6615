"""Two conversations side by side: paired by exchange, and where they part."""

from inline_snapshot import snapshot

from convsim_nb.analysis.alignment import align, telling_trials
from tests.notebook.alignments import FIXTURE, PAIRS, as_text, talk


def test_where_each_pair_parts():
    """The turn and the side of the first difference, of every kind; None where there is none yet."""
    found = {name: align(*pair) for name, pair in PAIRS.items()}
    told = {name: each.how and (each.pairs[each.parts].turn, each.how) for name, each in found.items()}
    assert told == snapshot(
        {
            "the same": None,
            "the same but for spaces": None,
            "the user says something else": (2, "user"),
            "the agent answers otherwise": (2, "agent"),
            "other tools": (1, "tools"),
            "the same tools, asked otherwise": (1, "tools"),
            "what a tool gave back is not compared": None,
            "the first is over": (2, "first_ends"),
            "the second is over within a turn": (2, "second_ends"),
            "the second plays on": None,
            "a fork, whose history its origin played": (2, "user"),
            "history that ends with the user": (1, "agent"),
            "one has not begun": None,
            "both are empty": None,
        }
    )


def test_what_a_fork_was_given_stands_beside_what_its_origin_played():
    """Exchanges are paired by where they stand, and counted as the origin counts them."""
    found = align(*PAIRS["a fork, whose history its origin played"])
    assert [(pair.turn, pair.first, pair.second) for pair in found.pairs] == [
        (0, (0, 1), (0, 1)),
        (1, (2, 3), (2, 3)),
        (2, (4, 5), (4, 5)),
    ]


def test_the_trials_that_show_best_what_changed():
    """The same trial of both, if one reached the goal and the other did not; else any two; else the first."""
    good, bad, void = talk("Hi", stop="goal_reached"), talk("Hi"), talk("Hi").model_copy(update={"verdict": "void"})
    assert telling_trials([good, good], [good, bad]) == (1, 1)
    assert telling_trials([bad, good], [bad, void]) == (1, 0)
    assert telling_trials([good, void], [void, good]) == (0, 0)


def test_the_browser_is_tested_with_the_same_pairs():
    """What node aligns is what Python aligned; `python -m tests.notebook.alignments` writes it anew."""
    assert FIXTURE.read_text(encoding="utf-8") == as_text()
