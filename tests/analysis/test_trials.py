"""pass@k and pass^k, against a table made by hand."""

import pytest

from convsim_nb.analysis.trials import passed_at, passed_hat, passes
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError

BY_HAND = {
    # good of 4: pass@1..4, pass^1..4
    0: ([0, 0, 0, 0], [0, 0, 0, 0]),
    1: ([1 / 4, 1 / 2, 3 / 4, 1], [1 / 4, 0, 0, 0]),
    2: ([1 / 2, 5 / 6, 1, 1], [1 / 2, 1 / 6, 0, 0]),
    3: ([3 / 4, 1, 1, 1], [3 / 4, 1 / 2, 1 / 4, 0]),
    4: ([1, 1, 1, 1], [1, 1, 1, 1]),
}


@pytest.mark.parametrize("good", BY_HAND)
def test_the_table_by_hand(good):
    """For 0 to 4 good ones of 4, every k."""
    at, hat = BY_HAND[good]

    assert [passed_at(good, of=4, k=k) for k in (1, 2, 3, 4)] == pytest.approx(at)
    assert [passed_hat(good, of=4, k=k) for k in (1, 2, 3, 4)] == pytest.approx(hat)


def played(case_id, *verdicts):
    return [
        Conversation(key=f"{case_id}:{n}", case_id=case_id, agent="a", trial=n, stop="max_turns", verdict=verdict)
        for n, verdict in enumerate(verdicts, 1)
    ]


def test_void_trials_are_left_out_and_counted():
    """A case with too few trials that count is left out, and said so; the others make the mean."""
    yes, no, void = "reached", "not_reached", "void"
    found = passes(
        [*played("a", yes, no, yes, yes), *played("b", yes, void, yes, no), *played("c", void, void, void, no)], k=2
    )

    assert (found.cases, found.left_out) == (2, 1)
    assert found.every == pytest.approx((3 / 6 + 1 / 3) / 2)
    assert found.at_least_one == pytest.approx((1 + 1) / 2)


def test_more_than_the_trials_is_refused():
    """k above the trials that were run can't be known; the line says what to run."""
    with pytest.raises(UsageError, match=r"k=3: this run has 2 trials a case; run it with trials=3"):
        passes(played("a", "reached", "reached"), k=3)
