"""Intervals and tests of paired differences, against SciPy's own and against values by hand."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import coverage

from convsim_nb.analysis.paired import difference, holm, power, sign_flip_p


def test_the_interval_of_numbers_holds_what_its_test_does_not_reject():
    """By the test itself: means inside pass it, means outside do not; it is about as wide as Student's."""
    gaps = np.random.default_rng(1).exponential(size=12) - 0.4
    found = difference(gaps)
    theirs = stats.ttest_1samp(gaps, 0).confidence_interval(0.95)

    assert sign_flip_p(gaps - found.low - 1e-6) > 0.05 >= sign_flip_p(gaps - found.low + 1e-6)
    assert sign_flip_p(gaps - found.high + 1e-6) > 0.05 >= sign_flip_p(gaps - found.high - 1e-6)
    assert found.high - found.low == pytest.approx(theirs.high - theirs.low, rel=0.15)


@pytest.mark.parametrize("cases", [6, 12, 24, 60])
def test_interval_and_p_of_numbers_agree(cases):
    """Counts of faults, mostly none: nought lies outside the interval where, and only where, p is at most .05."""
    rng = np.random.default_rng(cases)
    every = [difference(rng.poisson(0.5, cases) - rng.poisson(0.2, cases)) for _ in range(60)]
    told = [found for found in every if found.low is not None]

    assert [found.low <= 0 <= found.high for found in told] == [found.p > 0.05 for found in told]
    assert len({found.p > 0.05 for found in told}) == 1 + (cases > 6)


def test_the_interval_of_four_cases_of_twenty_four_that_moved_has_nought():
    """Four of 24 cases moved the same way: p is .125, and the interval does not say otherwise."""
    found = difference([-0.25, -0.5, -1.0, -1.25, *[0.0] * 20])

    assert found.p == pytest.approx(0.125)
    assert found.low < -0.125 < found.high == 0.0


def test_the_interval_of_counts_holds_the_truth_as_often_as_it_says():
    """Of 600 simulated comparisons of twelve cases at least .93 hold the true difference of a count."""
    rng = np.random.default_rng(4)
    every = [difference(rng.poisson(0.8, 12) - rng.poisson(0.5, 12)) for _ in range(600)]

    assert np.mean([found.low - 1e-9 <= 0.3 <= found.high + 1e-9 for found in every]) >= 0.93


@pytest.mark.parametrize("gaps", [[0.0] * 24, [1.0] * 24, [1.0, -2.0, 0.5, 0.0, 1.0]])
def test_numbers_that_are_all_alike_or_few_have_no_interval(gaps):
    """That nothing was seen to differ does not say that nothing can: an interval of nought would be certainty."""
    found = difference(gaps)

    assert (found.low, found.high) == (None, None)


@pytest.mark.parametrize(("better", "worse", "same"), [(5, 1, 4), (9, 0, 2), (16, 4, 10), (30, 10, 0)])
def test_one_trial_a_case_is_mcnemars_exact_test(better, worse, same):
    """The permutation of signs is then the exact binomial test on the cases that differ."""
    gaps = np.array([1.0] * better + [-1.0] * worse + [0.0] * same)

    assert sign_flip_p(gaps) == pytest.approx(stats.binomtest(better, better + worse).pvalue)


def test_many_trials_are_flipped_case_by_case():
    """SciPy's permutation test on the same pairs gives the same p, exactly or within the draw."""
    few = np.array([0.25, 0.5, -0.25, 0.75, 0.5, 0.25, 0.25, -0.5])
    many = np.random.default_rng(3).normal(0.3, 1, size=40)

    def theirs(found):
        return stats.permutation_test((found,), np.mean, permutation_type="samples", n_resamples=20_000, rng=0).pvalue

    assert sign_flip_p(few) == pytest.approx(theirs(few))
    assert sign_flip_p(many) == pytest.approx(theirs(many), abs=0.015)


def test_shares_have_agresti_and_mins_variance_with_students_quantile():
    """By hand: of 12 cases 5 went better and 1 worse, so (6 + 1) / 14 - (4 / 14)^2 = .4184, over 14, times 2.201."""
    found = difference([1.0] * 5 + [-1.0] + [0.0] * 6, trials=1)

    assert found.mean == pytest.approx(4 / 12)
    assert (found.low, found.high) == pytest.approx((4 / 12 - 0.3805, 4 / 12 + 0.3805), abs=1e-4)


@pytest.mark.parametrize("trials", [1, 4])
@pytest.mark.parametrize(("rate", "gap"), coverage.TRUTHS)
def test_intervals_of_few_cases_hold_the_truth_as_often_as_they_say(trials, rate, gap):
    """Of 4,000 simulated comparisons of twelve cases, .93 to .97 of the 95 % intervals hold the true difference."""
    found = coverage.row(cases=12, trials=trials, rate=rate, gap=gap, runs=4000, tested=False)

    assert 0.93 <= found.covers <= 0.97


def test_equal_agents_seldom_differ():
    """Two equal agents come out different at 5 % in at most .06 of the comparisons."""
    assert coverage.row(cases=12, trials=4, rate=0.6, gap=0.0, runs=1000).differs <= 0.06


def test_equal_runs_show_nothing():
    """No difference has p 1 and an interval around nought, which is not empty: twelve cases are few."""
    found = difference([0.0] * 12, trials=1)

    assert (found.mean, found.p) == (0.0, 1.0)
    assert found.low == -found.high
    assert 0.05 < found.high < 0.2


def test_one_case_has_no_interval():
    """A single case has no spread: the ends are unknown, not nought."""
    assert (difference([1.0], trials=1).low, difference([1.0], trials=1).high) == (None, None)


def test_shares_end_at_one():
    """An interval of shares stays within what shares can be."""
    assert difference([1.0, 1.0, 1.0, 0.0], trials=1).high == 1.0


def test_holm_against_values_by_hand():
    """Each p times what is left of them, never below the one before, never above 1."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.5]) == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(("cases", "trials"), [(12, 1), (24, 1), (60, 1), (24, 4)])
def test_power_says_what_could_have_been_seen(cases, trials):
    """Two agents that differ by just that much come out different in about four of five comparisons."""
    rng = np.random.default_rng(5)
    size = 1 / coverage.CORRELATION - 1

    def outcomes(rate, ease):
        return rng.random((cases, trials)) < stats.beta.ppf(ease, rate * size, (1 - rate) * size)[:, None]

    def pairs(gap):
        ease = rng.random(cases)
        return list(zip(outcomes(0.5 - gap / 2, ease), outcomes(0.5 + gap / 2, ease), strict=True))

    smallest = np.median([power(pairs(0.0)).smallest for _ in range(40)])
    gaps = ([b.mean() - a.mean() for a, b in pairs(smallest)] for _ in range(200))

    assert 0.68 < np.mean([sign_flip_p(np.array(each)) <= 0.05 for each in gaps]) < 0.92


def test_the_cases_that_are_needed_are_those_that_would_show_it():
    """More trials, fewer cases; and asked for what could just be seen, it says about as many cases as there are."""
    found = power([((True,), (True,)), ((True,), (False,)), ((False,), (True,)), ((False,), (False,))] * 15)

    assert found.cases_for(0.05, trials=4) < found.cases_for(0.05, trials=1)
    assert found.cases_for(found.smallest, trials=1) == pytest.approx(60, abs=1)


def test_fewer_than_six_cases_show_nothing():
    """Of five cases that all went better one in sixteen goes as far by chance: no p is below .05."""
    assert difference([1.0] * 5, trials=1).p == pytest.approx(2 / 32)
    assert power([((False,), (True,))] * 5).smallest == float("inf")
    assert power([((False,), (True,))] * 6).smallest < 1
