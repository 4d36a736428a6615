"""How often k trials of a case go well: at least one of them, or all.

With c good ones among n trials of a case, k of them drawn without putting back are all good with
C(c, k) / C(n, k), which is pass^k, and all bad with C(n - c, k) / C(n, k), which pass@k leaves over from 1.
"""

from collections import defaultdict
from collections.abc import Iterable
from math import comb
from statistics import fmean

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.record import Record


class Passed(Record):
    """pass@k and pass^k of a run, as means over its cases."""

    k: int
    at_least_one: float | None
    """pass@k; None where no case has k trials that count."""
    every: float | None
    """pass^k."""
    cases: int
    """How many cases had k trials that count."""
    left_out: int
    """Cases that did not: their trials were void, or a person's."""


def passed_at(good: int, *, of: int, k: int) -> float:
    """pass@k of one case."""
    return 1 - comb(of - good, k) / comb(of, k)


def passed_hat(good: int, *, of: int, k: int) -> float:
    """pass^k of one case."""
    return comb(good, k) / comb(of, k)


def passes(conversations: Iterable[Conversation], *, k: int) -> Passed:
    """pass@k and pass^k over the cases of a run; void trials, assisted and forked ones are left out.

    Raises:
        UsageError: `k` is no whole number above 0, or above the trials that any case has.
    """
    if not isinstance(k, int) or isinstance(k, bool) or k < 1:
        raise UsageError(f"k={k!r}: give a whole number above 0")
    counted: dict[str, list[bool]] = defaultdict(list)
    planned: dict[str, int] = defaultdict(int)
    for conversation in conversations:
        if conversation.origin is None:
            planned[conversation.case_id] += 1
        if conversation.counts:
            counted[conversation.case_id].append(conversation.verdict == "reached")
    most = max(planned.values(), default=0)
    if k > most:
        raise UsageError(f"k={k}: this run has {most} trial{'s' if most != 1 else ''} a case; run it with trials={k}")
    fit = [(sum(outcomes), len(outcomes)) for outcomes in counted.values() if len(outcomes) >= k]
    return Passed(
        k=k,
        at_least_one=fmean(passed_at(good, of=n, k=k) for good, n in fit) if fit else None,
        every=fmean(passed_hat(good, of=n, k=k) for good, n in fit) if fit else None,
        cases=len(fit),
        left_out=len(planned) - len(fit),
    )
