"""Whether intervals and tests keep their promise: simulated runs with a known truth.

    python benchmarks/coverage.py [--runs 10000]

Cases differ in how hard they are; trials of a case are alike (within-case correlation .4). `covers` is how often
the 95 % interval holds the true difference, `false` how often two equal agents come out different at 5 %,
`seen` how often a true difference of the size given does. Each is known within about two of its `error`s, which
are those of the draw. The last lines sum up many more truths, so that no row stands for its own luck.

The first table is of one run's own reach rate, where trials of a case are alike (.4) and where they are not (0);
`plain` is what Wilson's interval would cover that takes all trials for cases of their own.
"""

import argparse
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy import stats

from convsim_nb.analysis.paired import interval_half, sign_flip_p
from convsim_nb.analysis.summary import reach_interval

CORRELATION = 0.4
RATES = (0.5, 0.8, 0.95)
TRUTHS = ((0.6, 0.0), (0.6, 0.15), (0.5, 0.3))
EXTREMES = ((0.8, 0.1), (0.85, 0.0))
SIZES = [(cases, trials) for trials in (1, 4) for cases in (12, 24, 100)]
GRID = [(rate / 10, gap / 10) for rate in range(2, 10) for gap in range(5) if rate + gap < 10]
_ALMOST = 0.05


class Row(NamedTuple):
    """What came of many experiments of one kind."""

    covers: float
    error: float
    """The standard error of `covers`, from the draw."""
    differs: float | None


def drawn(rng: np.random.Generator, *, runs: int, cases: int, trials: int, rate: float, gap: float) -> np.ndarray:
    """An experiment a row: for each case, the share of good trials of the second agent less that of the first."""
    size = 1 / CORRELATION - 1
    ease = rng.random((runs, cases))
    first = stats.beta.ppf(ease, rate * size, (1 - rate) * size)
    second = stats.beta.ppf(ease, (rate + gap) * size, (1 - rate - gap) * size)
    shares: np.ndarray = (rng.binomial(trials, second) - rng.binomial(trials, first)) / trials
    return shares


def row(*, cases: int, trials: int, rate: float, gap: float, runs: int, tested: bool = True) -> Row:
    """Many experiments of one kind; `tested` are their p values, too, which take most of the time."""
    rng = np.random.default_rng([cases, trials, round(100 * rate), round(100 * gap)])
    every = drawn(rng, runs=runs, cases=cases, trials=trials, rate=rate, gap=gap)
    halves = np.array([interval_half(gaps, trials=trials) for gaps in every], dtype=float)
    covers = float(np.mean(np.abs(every.mean(axis=1) - gap) <= halves + 1e-12))
    differs = float(np.mean([sign_flip_p(gaps) <= _ALMOST for gaps in every])) if tested else None
    return Row(covers, float(np.sqrt(covers * (1 - covers) / runs)), differs)


def rate_covers(*, cases: int, trials: int, rate: float, alike: float, runs: int, plain: bool = False) -> Row:
    """Many runs of one agent; `plain` takes each trial for a case of its own."""
    rng = np.random.default_rng([cases, trials, round(100 * rate), round(100 * alike)])
    size = 1 / alike - 1 if alike else None
    chances = rng.beta(rate * size, (1 - rate) * size, (runs, cases)) if size else np.full((runs, cases), rate)
    covers = np.mean([_holds(hits, trials, rate, plain=plain) for hits in rng.binomial(trials, chances).tolist()])
    return Row(float(covers), float(np.sqrt(covers * (1 - covers) / runs)), None)


def _holds(hits: list[int], trials: int, rate: float, *, plain: bool) -> bool:
    places = ((case, trial) for case in range(len(hits)) for trial in range(trials))
    ends = reach_interval((f"{case} {trial * plain}", trial < hits[case]) for case, trial in places)
    return ends is not None and ends[0] - 1e-12 <= rate <= ends[1] + 1e-12


def one_run(runs: int) -> None:
    """Print the table of a run's own rate."""
    print(f"{'cases':>6} {'trials':>7} {'alike':>6} {'rate':>6} {'covers':>8} {'error':>7} {'plain':>7}")
    for cases, trials in SIZES:
        for alike, rate in product((0.0, CORRELATION) if trials > 1 else (0.0,), RATES):
            kind = {"cases": cases, "trials": trials, "rate": rate, "alike": alike, "runs": runs}
            ours, plain = rate_covers(**kind), rate_covers(**kind, plain=True)
            numbers = f"{ours.covers:>8.3f} {ours.error:>7.4f} {plain.covers:>7.3f}"
            print(f"{cases:>6} {trials:>7} {alike:>6} {rate:>6} {numbers}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="experiments a row")
    parser.add_argument("--grid", type=int, default=1000, help="experiments a truth of the last lines")
    options = parser.parse_args()
    one_run(options.runs)
    print()
    print(f"{'cases':>6} {'trials':>7} {'rate':>6} {'truth':>6} {'covers':>8} {'error':>7} {'false':>7} {'seen':>7}")
    for cases, trials in SIZES:
        for rate, gap in (*TRUTHS, *EXTREMES):
            found = row(cases=cases, trials=trials, rate=rate, gap=gap, runs=options.runs)
            false, seen = (f"{found.differs:.3f}", "") if not gap else ("", f"{found.differs:.3f}")
            extreme = "  (a rate near its end)" if (rate, gap) in EXTREMES else ""
            numbers = f"{found.covers:>8.3f} {found.error:>7.4f} {false:>7} {seen:>7}{extreme}"
            print(f"{cases:>6} {trials:>7} {rate:>6} {gap:>6} {numbers}", flush=True)
    print(f"\nover {len(GRID)} truths, rates of .2 to .9 and differences of 0 to .4:")
    for cases, trials in SIZES:
        covers = [
            row(cases=cases, trials=trials, rate=rate, gap=gap, runs=options.grid, tested=False).covers
            for rate, gap in GRID
        ]
        told = f"covers {np.mean(covers):.3f} on average, {min(covers):.3f} to {max(covers):.3f}"
        print(f"{cases:>6} {trials:>7} {told}", flush=True)


if __name__ == "__main__":
    main()
