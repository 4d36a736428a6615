"""Pk and WindowDiff against the values that the literature's reference implementation documents."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from segmentation import pk, window_diff, window_of

S1, S2, S3 = "000100000010", "000010000100", "100000010000"


@pytest.mark.parametrize(
    ("reference", "found", "k", "value"),
    [(S1, S1, 3, 0.00), (S1, S2, 3, 0.30), (S2, S3, 3, 0.80)],
)
def test_window_diff(reference, found, k, value):
    """The examples in NLTK's documentation of `windowdiff`."""
    assert round(window_diff(reference, found, k=k), 2) == value


@pytest.mark.parametrize(
    ("reference", "found", "value"),
    [("0100" * 100, "1" * 400, 0.50), ("0100" * 100, "0" * 400, 0.50), ("0100" * 100, "0100" * 100, 0.00)],
)
def test_pk(reference, found, value):
    """The examples in NLTK's documentation of `pk`."""
    assert round(pk(reference, found, k=2), 2) == value


def test_a_near_miss_costs_less_than_a_far_one():
    """The window is half a segment by default, so that a boundary one message off is nearly right."""
    true, near, far = "0000010000", "0000001000", "0000000001"

    assert window_of(true) == 2
    assert 0 < pk(true, near) < pk(true, far)


def test_segmentations_of_different_length_are_refused():
    """They are not of the same session."""
    with pytest.raises(ValueError, match="of 2 and 3 gaps"):
        pk("01", "010")
