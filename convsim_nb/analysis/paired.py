"""Two agents on the same cases: the difference, how sure it is, and what could have been seen.

A case is the unit: its trials share a goal and a user, so they are averaged first, and the difference of the
averages counts once, whatever the number of trials.
"""

from collections.abc import Sequence
from functools import cached_property
from math import ceil, floor, inf, sqrt

import numpy as np
from scipy import stats

from convsim_nb.domain.record import Record

LEVEL = 0.95
POWER = 0.8
_EXACT_UP_TO = 14
"""Cases that differ: up to so many, every one of the 2^n ways to flip the signs is looked at."""
_FLIPS = 10_000
_ADDED = 2
"""Cases that are added to the variance of shares, after Agresti and Min (2005): half a case to each of the four ways
in which two outcomes can pair, so that twelve cases that all come out the same do not say a variance of nought.
The difference itself stays as it was seen, and the quantile is Student's: with several trials a case the variance is
an estimate like any other. It covers .93 to .97 (`benchmarks/coverage.py`); a plain t interval falls to .88."""


class Difference(Record):
    """A mean difference over paired cases, second minus first."""

    mean: float
    low: float | None
    """The ends of the 95 % interval, clustered by case; None for a single case, and where a number, no share, has fewer
    than six cases or the same difference in all."""
    high: float | None
    p: float
    """Two-sided, of a permutation test that flips the signs of whole cases: McNemar's exact for one trial a case."""
    cases: int


def difference(values: Sequence[float], *, trials: float | None = None) -> Difference:
    """The mean of `values`, one difference a case (at least one).

    `trials` is how many trials a case has where the values are differences of shares; None for any other number.
    """
    found = np.asarray(values, dtype=float)
    p = sign_flip_p(found)
    low, high = _ends_of_shares(found, trials) if trials else _ends_of_numbers(found, p)
    return Difference(mean=float(found.mean()), low=low, high=high, p=p, cases=len(found))


def _ends_of_shares(found: "np.ndarray", trials: float) -> tuple[float | None, float | None]:
    half, mean = interval_half(found, trials=trials), float(found.mean())
    return (None, None) if half is None else (max(-1.0, mean - half), min(1.0, mean + half))


def interval_half(found: "np.ndarray", *, trials: float, level: float = LEVEL) -> float | None:
    """Half the width of the interval of shares, of 95 % by default; None where there is only one case."""
    n = len(found)
    if n < 2:  # noqa: PLR2004 - one case has no spread
        return None
    return float(stats.t.ppf(0.5 + level / 2, n - 1) * sqrt(_variance(found, trials=trials) / (n + _ADDED)))


def _variance(found: "np.ndarray", *, trials: float) -> float:
    """Of one case. The added ones differ by plus and minus one trial's worth of chance, less with more trials."""
    of = len(found) + _ADDED
    return float(((found**2).sum() + _ADDED / 2 / trials) / of - (found.sum() / of) ** 2)


def _ends_of_numbers(found: "np.ndarray", p: float) -> tuple[float | None, float | None]:
    """The means that the same test would not reject: those of the cases that a flip leaves, and of those it turns.

    A mean lies outside where at most one flip in twenty puts the seen one as far away, so nought is outside where
    `p` says so. None where no flip is that rare, and where all cases are alike: that nothing was seen to differ
    does not say that nothing can.
    """
    n = len(found)
    if n < FEWEST or np.ptp(found) == 0:
        return None, None
    signs = _every_flip(n) if n <= _EXACT_UP_TO else _drawn_flips(n)
    balance, flipped = signs @ np.ones(n), signs @ found
    some = np.abs(balance) < n  # to turn none or all moves no mean
    left = (found.sum() + flipped[some]) / (n + balance[some])
    turned = (found.sum() - flipped[some]) / (n - balance[some])
    every = len(signs) + (n > _EXACT_UP_TO)  # a draw stands beside what was seen, which turns none
    place = floor(every * (1 - LEVEL) + 1e-9) - (every - len(left))
    low, high = (float(np.sort(ends)[place]) for ends in (np.minimum(left, turned), -np.maximum(left, turned)))
    return (min(low, 0.0), max(-high, 0.0)) if p > 1 - LEVEL else (low, -high)


def sign_flip_p(found: "np.ndarray") -> float:
    """How often chance alone makes a mean as far from nought, were the two agents exchangeable case by case."""
    moved = found[found != 0]
    if not len(moved):
        return 1.0
    seen = abs(moved.sum()) - 1e-9 * np.abs(moved).sum()
    if len(moved) <= _EXACT_UP_TO:
        return float(np.mean(np.abs(_every_flip(len(moved)) @ moved) >= seen))
    if set(np.abs(moved)) == {1.0}:  # one trial a case: McNemar's exact test, with no draw
        return float(stats.binomtest(int((moved > 0).sum()), len(moved)).pvalue)
    return float((1 + np.sum(np.abs(_drawn_flips(len(moved)) @ moved) >= seen)) / (1 + _FLIPS))


def _every_flip(cases: int) -> "np.ndarray":
    """All ways to flip signs, one a row."""
    signs: np.ndarray = 1 - 2 * ((np.arange(2**cases)[:, None] >> np.arange(cases)) & 1)
    return signs


def _drawn_flips(cases: int) -> "np.ndarray":
    signs: np.ndarray = 2.0 * np.random.default_rng(0).integers(0, 2, size=(_FLIPS, cases), dtype=np.int8) - 1
    return signs


def holm(ps: Sequence[float]) -> list[float]:
    """The p values, corrected by Holm for how many they are."""
    order = sorted(range(len(ps)), key=lambda place: ps[place])
    corrected, least = [1.0] * len(ps), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, ps[place] * (len(ps) - rank)))
        corrected[place] = least
    return corrected


class Power(Record):
    """What a comparison of shares could have seen, in four of five times, at the 5 % level."""

    cases: int
    trials: float
    between: float
    """Variance of the true differences among cases."""
    within: float
    """Variance of one trial's difference within a case."""

    @cached_property
    def smallest(self) -> float:
        """The smallest true difference that would be seen; infinite where no difference would be."""
        if self.cases < FEWEST:
            return inf
        found = _reach(self.cases) * sqrt(max(self._variance(self.trials), 1e-12) / self.cases) + self._step(
            self.trials
        )
        return found if found <= 1 else inf

    def cases_for(self, difference: float, *, trials: int) -> int:
        """So many cases of so many trials show a true difference of this size."""
        cases = inf
        for _ in range(3):  # Student's quantile needs the cases that it is to give
            a, b = 1 / trials, _reach(cases) * sqrt(self._variance(trials))
            cases = max(FEWEST, (2 * a / (sqrt(b * b + 4 * a * difference) - b)) ** 2)
        return ceil(cases)

    def _variance(self, trials: float) -> float:
        return self.between + self.within / trials

    def _step(self, trials: float) -> float:
        """Half of what lies between two outcomes that can be: an exact test passes the next one only."""
        return 1 / (self.cases * trials)


FEWEST = 6
"""Cases below which no outcome is rare enough at the 5 % level: of five, 2 of 32 ways to flip the signs go as far."""


def _reach(cases: float) -> float:
    """How many standard errors a true difference must be away from nought."""
    spread = stats.norm if cases == inf else stats.t(cases - 1)
    return float(spread.ppf(0.5 + LEVEL / 2) + spread.ppf(POWER))


def power(pairs: Sequence[tuple[Sequence[bool], Sequence[bool]]]) -> Power:
    """What could have been seen with these trials: for each case, the outcomes of the first and of the second.

    With one trial a case nothing tells apart how far cases and how far trials differ: the trials of a case are
    then taken to be as alike as those of real agents (a correlation of .4).
    """
    gaps = np.array([np.mean(b) - np.mean(a) for a, b in pairs])
    trials = len(pairs) / sum((1 / len(a) + 1 / len(b)) / 2 for a, b in pairs)
    total = _variance(gaps, trials=trials)
    repeated = [pair for pair in pairs if min(map(len, pair)) > 1]
    guessed = (1 - _ALIKE) * total * trials
    within = float(np.mean([_of_one(a) + _of_one(b) for a, b in repeated])) if repeated else guessed
    within = min(within, total * trials)
    return Power(cases=len(pairs), trials=trials, between=total - within / trials, within=within)


_ALIKE = 0.4


def _of_one(outcomes: Sequence[bool]) -> float:
    """The variance of one trial, from two trials or more."""
    share = sum(outcomes) / len(outcomes)
    return share * (1 - share) * len(outcomes) / (len(outcomes) - 1)
