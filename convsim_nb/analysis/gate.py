"""Whether a new version may pass: surely not much worse, shown to be worse, or not to be told."""

from statistics import harmonic_mean
from typing import Literal

import numpy as np

from convsim_nb.analysis.compare import REACH, Compared
from convsim_nb.analysis.paired import LEVEL, interval_half
from convsim_nb.domain.record import Record

Outcome = Literal["passed", "failed", "inconclusive"]
_MOST_VOID = 0.2
"""The share of void trials from which a run says too little."""
_ALMOST = 1 - LEVEL


class Judged(Record):
    """The word of a gate."""

    outcome: Outcome
    why: str
    """One sentence."""
    least: float | None = None
    """The smallest difference of the reach rate that fits what was seen: one-sided, of 95 %."""


def judged(compared: Compared, *, max_drop: float) -> Judged:
    """Whether the second run may pass; `max_drop` is the largest fall of the reach rate, as a fraction.

    It passes where the true fall is at most `max_drop`, as sure as 95 % (one-sided). It fails where the fall that
    was seen is larger, and is no accident at the 5 % level. All else is inconclusive: more cases or trials would tell.
    A fall that trials make up in which the agent could not be reached says nothing about the version: inconclusive.
    """
    found = _judged(compared, max_drop=max_drop)
    return _of_infrastructure(compared, found, max_drop=max_drop) or found


def _of_infrastructure(compared: Compared, found: Judged, *, max_drop: float) -> Judged | None:
    """The word where it is not the versions that make it: the agent of one of the runs could not be reached."""
    if compared.reachable is None:
        return None
    before, now = compared.unreached
    of_before, of_now = (sum(map(len, sides)) for sides in zip(*_outcomes(compared), strict=True))
    if found.outcome == "failed" and _judged(compared.reachable, max_drop=max_drop).outcome != "failed":
        why = f"the agent could not be reached in {now} of {of_now} trials of the new run"
        return found.model_copy(
            update={
                "outcome": "inconclusive",
                "why": f"{why}, and these make up the fall: see that it runs, and repeat",
            }
        )
    if found.outcome == "passed" and before > _MOST_VOID * of_before:
        why = f"the agent could not be reached in {before} of {of_before} trials of the baseline: play that again"
        return found.model_copy(update={"outcome": "inconclusive", "why": why})
    return None


def _outcomes(compared: Compared) -> list[tuple[tuple[bool, ...], tuple[bool, ...]]]:
    return [(case.first, case.second) for case in compared.cases]


def _judged(compared: Compared, *, max_drop: float) -> Judged:
    reach = next((metric for metric in compared.metrics if metric.name == REACH), None)
    if reach is None:
        return Judged(outcome="inconclusive", why="no case has trials that count in both runs")
    void = compared.void[1] / (compared.void[1] + sum(len(case.second) for case in compared.cases))
    if void > _MOST_VOID:
        return Judged(
            outcome="inconclusive", why=f"{compared.void[1]} trials of the new run are void: see why, and repeat"
        )
    gap, allowed = reach.gap.mean, f"{100 * max_drop:g} points"
    half = _half(compared)
    least = None if half is None else max(-1.0, gap - half)
    if gap < -max_drop and reach.gap.p <= _ALMOST:
        why = f"the reach rate fell by {-100 * gap:.0f} points, more than the {allowed} allowed"
        return Judged(outcome="failed", why=why, least=least)
    if least is not None and least >= -max_drop:
        return Judged(outcome="passed", why=f"the reach rate fell by at most {allowed}, as sure as 95 %", least=least)
    seen = (
        f"a fall of up to {-100 * least:.0f} points cannot be ruled out"
        if least is not None
        else "one case tells nothing"
    )
    return Judged(outcome="inconclusive", why=f"{seen}; allowed are {allowed}", least=least)


def _half(compared: Compared) -> float | None:
    gaps = np.array([case.gap for case in compared.cases])
    trials = harmonic_mean([len(side) for case in compared.cases for side in (case.first, case.second)])
    return interval_half(gaps, trials=trials, level=2 * LEVEL - 1)
