"""The first word of a reply is on its way to the page long before the reply is whole."""

from statistics import median

import pytest

from benchmarks.first_token import GOAL_MS, in_kernel


@pytest.mark.parametrize("kind", ["async", "plain"])
def test_the_first_piece_leaves_for_the_page_in_time(kind):
    """From the agent's first piece to the message that holds it, with several conversations at once."""
    took = in_kernel(kind, conversations=5, turns=3)

    assert len(took) == 15
    assert median(took) < GOAL_MS
