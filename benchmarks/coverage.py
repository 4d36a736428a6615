"""Whether the intervals and tests of a comparison keep their promise: simulated runs with a known truth.

    python benchmarks/coverage.py

Cases differ in how hard they are; trials of a case are alike (within-case correlation .4). `covers` is how often
the 95 % interval holds the true difference, `false` how often two equal agents come out different at 5 %,
`seen` how often a true difference of the size given does.
"""

import argparse
from typing import Any

import numpy as np
from scipy import stats

from convsim_nb.analysis.paired import interval_half, sign_flip_p

CORRELATION = 0.4
TRUTHS = ((0.6, 0.0), (0.6, 0.15), (0.5, 0.3))
EXTREMES = ((0.8, 0.1), (0.85, 0.0))


def drawn(rng: np.random.Generator, *, cases: int, trials: int, rate: float, gap: float) -> np.ndarray:
    """One experiment: for each case, the share of good trials of the second agent less that of the first."""
    size = 1 / CORRELATION - 1
    ease = rng.random(cases)
    first = stats.beta.ppf(ease, rate * size, (1 - rate) * size)
    second = stats.beta.ppf(ease, (rate + gap) * size, (1 - rate - gap) * size)
    shares: np.ndarray = (rng.binomial(trials, second) - rng.binomial(trials, first)) / trials
    return shares


def row(*, cases: int, trials: int, rate: float, gap: float, runs: int) -> dict[str, Any]:
    """Many experiments of one kind."""
    rng = np.random.default_rng(cases * 10 + trials)
    inside = differs = 0
    for _ in range(runs):
        gaps = drawn(rng, cases=cases, trials=trials, rate=rate, gap=gap)
        half = interval_half(gaps, trials=trials)
        inside += half is not None and abs(gaps.mean() - gap) <= half + 1e-12
        differs += sign_flip_p(gaps) <= 0.05
    return {"covers": inside / runs, "differs": differs / runs}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    options = parser.parse_args()
    print(f"{'cases':>6} {'trials':>7} {'rate':>6} {'truth':>6} {'covers':>8} {'false':>7} {'seen':>7}")
    for trials in (1, 4):
        for cases in (12, 24, 100):
            for rate, gap in (*TRUTHS, *EXTREMES):
                found = row(cases=cases, trials=trials, rate=rate, gap=gap, runs=options.runs)
                false, seen = (f"{found['differs']:.3f}", "") if not gap else ("", f"{found['differs']:.3f}")
                extreme = "  (a rate near its end)" if (rate, gap) in EXTREMES else ""
                print(
                    f"{cases:>6} {trials:>7} {rate:>6} {gap:>6} {found['covers']:>8.3f} {false:>7} {seen:>7}{extreme}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
