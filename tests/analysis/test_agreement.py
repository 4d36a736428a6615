"""Agreement of a judge with people, against numbers computed by hand."""

import pytest

from convsim_nb.analysis.agreement import agreement


def test_kappa_and_table_as_computed_by_hand():
    """20 both yes, 15 both no, 5 and 10 apart of 50: agreement .7, by chance .5, kappa .4."""
    person = [True] * 20 + [False] * 15 + [False] * 10 + [True] * 5
    judge = [True] * 20 + [False] * 15 + [True] * 10 + [False] * 5
    found = agreement(person, judge, cases=range(50))

    assert (found.both_yes, found.both_no, found.judge_alone, found.person_alone) == (20, 15, 10, 5)
    assert (found.agreement, found.base_rate, found.by_rote) == (0.7, 0.5, 0.5)
    assert found.kappa == pytest.approx(0.4)
    assert found.low is not None
    assert 0.1 < found.low < 0.4 < found.high < 0.7


def test_trials_of_a_case_are_drawn_together():
    """Five alike trials of each of ten cases say no more than ten cases: the interval is wider than of fifty."""
    person = [True] * 25 + [False] * 25
    judge = [True] * 20 + [False] * 5 + [False] * 20 + [True] * 5
    alone = agreement(person, judge, cases=range(50))
    clustered = agreement(person, judge, cases=[n // 5 for n in range(50)])

    assert alone.kappa == clustered.kappa == pytest.approx(0.6)
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_where_nothing_can_be_told():
    """No kappa where one side says the same of all; no interval for few cases."""
    assert agreement([True, True], [True, False], cases="ab").kappa is None
    assert agreement([True, False], [True, False], cases="ab").low is None
