"""Scores in words."""

from inline_snapshot import snapshot

from convsim_nb.domain.score import Score
from convsim_nb.views.scores import by_key, score_tone, score_totals, score_words


def test_yes_and_no_have_a_sign_and_numbers_are_left_as_they_are():
    """Only what says yes or no is coloured as good or bad."""
    values = [True, False, "yes", "No", 0.12345, 3, "calm"]
    scores = [Score(key="k", name="s", value=value) for value in values]

    assert [(score_words(score), score_tone(score)) for score in scores] == snapshot(
        [
            ("✓ s: yes", "good"),
            ("✗ s: no", "bad"),
            ("✓ s: yes", "good"),
            ("✗ s: no", "bad"),
            ("s: 0.123", "live"),
            ("s: 3", "live"),
            ("s: calm", "live"),
        ]
    )


def test_a_scorer_is_summed_over_what_it_applies_to():
    """A score of None counts nowhere."""
    values = {
        "polite": [True, False, True, None],
        "latency": [1.0, 2.5, None, 4],
        "mood": ["calm", "sour", "yes", None],
    }
    scores = [
        Score(key=f"k{place}", name=name, value=value)
        for name, row in values.items()
        for place, value in enumerate(row)
    ]

    assert score_totals(by_key(scores)) == snapshot(
        {"polite": "2 of 3 yes", "latency": "mean 2.5 of 3", "mood": "3 scored"}
    )
    assert [score.name for score in by_key(scores)["k3"]] == ["latency"]


def test_no_scores_are_no_trouble():
    """A run that was never scored."""
    assert by_key(None) == {}
    assert score_totals({}) == {}
