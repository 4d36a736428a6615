"""A comparison in words and as HTML: the answer first, then the numbers, then the cases that changed."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor

from convsim_nb.analysis.compare import REACH, TIMED, Compared, Metric
from convsim_nb.analysis.paired import FEWEST, Power
from convsim_nb.domain.case import TestCase
from convsim_nb.views.inline import Html, cell, line, page, row, table, text, title
from convsim_nb.views.side_by_side import Sided, changed_cases
from convsim_nb.views.words import count, seconds_words

_HEAD = ("difference", "95 % interval", "p")
_SMALL_GAP = 0.05
_MANY_TRIALS = 4
_ALMOST = 0.05


def sentences(
    compared: Compared, *, first: str, second: str, corrected: Mapping[str, float] | None = None
) -> list[str]:
    """The answer, and how far it carries. `corrected` are the metrics' p among several comparisons."""
    ps = corrected or {}
    reach = next((metric for metric in compared.metrics if metric.name == REACH), None)
    if reach is None or compared.power is None:
        return [f"{first} and {second} have no case in common with trials that count: nothing can be said"]
    return [
        _answer(compared, reach, first=first, second=second, p=ps.get(REACH, reach.gap.p)),
        *_faults(compared, ps),
        *_moved(compared),
        _power_words(compared, compared.power),
        *_unreached(compared, first=first, second=second),
        *_left_out(compared, first=first, second=second),
        *_untimed(compared),
        *_besides(compared),
    ]


def _answer(compared: Compared, reach: Metric, *, first: str, second: str, p: float) -> str:
    rates = f"{second} reached the goal in {share(reach.second)}, {first} in {share(reach.first)}"
    sure = "better" if reach.gap.mean > 0 else "worse"
    verdict, doubt = f"{second} is {sure}", ""
    if p > _ALMOST:
        verdict = "no difference is shown"
        doubt = "; the interval leaves out 0, but the test decides: p is above .05" if _leaves_out_nought(reach) else ""
    elif _falls_with_the_unreached(compared, reach):
        verdict = "this does not tell the agents apart, for one could not always be reached"
    return f"{rates}: {verdict} ({points(reach.gap.mean)}, {interval(reach)}, {p_words(p)}{doubt})"


def _leaves_out_nought(metric: Metric) -> bool:
    low, high = metric.gap.low, metric.gap.high
    return low is not None and high is not None and (low > 0 or high < 0)


def _falls_with_the_unreached(compared: Compared, reach: Metric) -> bool:
    """Whether nothing is shown without the trials in which the agent could not be reached."""
    if compared.reachable is None:
        return False
    left = next((metric for metric in compared.reachable.metrics if metric.name == REACH), None)
    return left is None or left.gap.p > _ALMOST or left.gap.mean * reach.gap.mean <= 0


def _unreached(compared: Compared, *, first: str, second: str) -> Iterator[str]:
    for name, number in zip((first, second), compared.unreached, strict=True):
        if number:
            yield (
                f"the agent of {name} could not be reached in {count(number, 'trial')}, counted as not reached: "
                "its infrastructure, not its answers; see run.failures()"
            )


def _faults(compared: Compared, corrected: Mapping[str, float]) -> Iterator[str]:
    for metric in compared.metrics:
        if metric.name == "corrections" and (metric.first or metric.second):
            yield (
                f"faults that the user came to correct, a conversation: {metric.first:.2f} before, {metric.second:.2f} "
                f"after ({metric.gap.mean:+.2f}, {interval(metric)}, "
                f"{p_words(corrected.get(metric.name, metric.gap.p))})"
            )


def _moved(compared: Compared) -> Iterator[str]:
    worse = [change for change in compared.cases if change.gap < 0]
    better = [change for change in compared.cases if change.gap > 0]
    same = len(compared.cases) - len(worse) - len(better)
    yield f"of {count(len(compared.cases), 'case')}, {len(better)} went better, {len(worse)} worse, {same} as before"
    never = [change for change in compared.cases if not any((*change.first, *change.second))]
    if never:
        yield f"{count(len(never), 'case')} no version passes: look whether the case can be passed at all"


def _power_words(compared: Compared, power: Power) -> str:
    with_these = f"with {count(power.cases, 'case')}{_trials_words(compared)} you could have seen"
    if power.smallest > 1:
        few = f": {FEWEST} cases are the least" if power.cases < FEWEST else ""
        return f"{with_these} no difference of any size{few}"
    seen = f"{with_these} {100 * power.smallest:.0f} points"
    if power.smallest <= _SMALL_GAP:
        return seen
    return f"{seen}; to see {100 * _SMALL_GAP:.0f} you need about {_needed(power)}"


def _trials_words(compared: Compared) -> str:
    numbers = [len(side) for case in compared.cases for side in (case.first, case.second)]
    least, most = min(numbers), max(numbers)
    if most == 1:
        return ""
    return f" x {most} trials" if least == most else f" x {least} to {most} trials"


def _needed(power: Power) -> str:
    """More cases of some trials each; where the cases there are would do with more trials, those."""
    most = max(_MANY_TRIALS, ceil(power.trials))
    cases = power.cases_for(_SMALL_GAP, trials=most)
    if cases > power.cases:
        return f"{cases:,} cases x {most} trials"
    enough = (n for n in range(floor(power.trials) + 1, most) if power.cases_for(_SMALL_GAP, trials=n) <= power.cases)
    return f"{next(enough, most)} trials of these {count(power.cases, 'case')}"


def _left_out(compared: Compared, *, first: str, second: str) -> Iterator[str]:
    for name, void, only in zip((first, second), compared.void, compared.only, strict=True):
        parts = [f"{void} void"] if void else []
        parts += [f"{count(only, 'case')} that the other lacks"] if only else []
        if parts:
            yield f"left out of {name}: {' and '.join(parts)}"


def _untimed(compared: Compared) -> Iterator[str]:
    if compared.at_once is not None:
        before, after = compared.at_once
        yield f"the agents' seconds are not compared: {before} conversations played at once before, {after} after"


def _besides(compared: Compared) -> Iterator[str]:
    if sum(metric.tested for metric in compared.metrics) > 1:
        yield (
            f"the {REACH} is the question; the other rows are looked at besides, their p not corrected for how many "
            "they are: one in twenty is below .05 by chance"
        )


# --- numbers -------------------------------------------------------------------------


def share(value: float) -> str:
    """A fraction as a percentage."""
    return f"{100 * value:.0f} %"


def points(gap: float) -> str:
    """A difference of fractions."""
    return f"{100 * gap:+.0f} points"


def interval(metric: Metric) -> str:
    """The 95 % interval of a difference."""
    if metric.gap.low is None or metric.gap.high is None:
        return _no_interval(metric)
    ends = (metric.gap.low, metric.gap.high)
    low, high = (f"{100 * end:+.0f}" if metric.share else f"{end + 0.0:+.3g}" for end in ends)
    return f"95 % {low} to {high}"


def _no_interval(metric: Metric) -> str:
    if metric.gap.cases == 1:
        return "one case, no interval"
    if metric.gap.cases < FEWEST:
        return f"under {FEWEST} cases, no interval"
    return "all cases alike, no interval"


def p_words(p: float) -> str:
    """A p value, not more exact than it is."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")  # noqa: PLR2004


def table_rows(
    compared: Compared, *, first: str, second: str, corrected: Mapping[str, float] | None = None
) -> list[tuple[str, ...]]:
    """The metrics as rows of text, under a head; `corrected` are their p among several comparisons."""
    return [("", first, second, *_HEAD), *(_cells(metric, corrected or {}) for metric in compared.metrics)]


def corrected_words(comparisons: int) -> str:
    """What was done to the p of several comparisons."""
    return f"every p is corrected: Holm, over {comparisons} comparisons"


def table_lines(
    compared: Compared, *, first: str, second: str, corrected: Mapping[str, float] | None = None
) -> list[str]:
    """The metrics as lines of equal columns."""
    rows = table_rows(compared, first=first, second=second, corrected=corrected)
    widths = [max(len(each[place]) for each in rows) for place in range(len(rows[0]))]

    def aligned(cells: Sequence[str]) -> str:
        name, *numbers = (f"{said:>{width}}" for said, width in zip(cells, widths, strict=True))
        return "  ".join((f"{name.strip():<{widths[0]}}", *numbers))

    return [aligned(each) for each in rows]


def _cells(metric: Metric, corrected: Mapping[str, float]) -> tuple[str, ...]:
    means = [_number(metric, value) for value in (metric.first, metric.second)]
    if not metric.tested:
        return metric.name, *means, _gap(metric), "", "not tested"
    ends = interval(metric).removeprefix("95 % ")
    p = p_words(corrected.get(metric.name, metric.gap.p))[2:].lstrip("= ")
    return metric.name, *means, _gap(metric), ends, p


def _number(metric: Metric, value: float) -> str:
    if metric.name in TIMED:
        return _seconds(value)
    return share(value) if metric.share else f"{value:.3g}"


def _gap(metric: Metric) -> str:
    if metric.name in TIMED:
        sign = "" if abs(metric.gap.mean) < _TOO_SHORT else "+" if metric.gap.mean > 0 else "-"
        return f"{sign}{_seconds(abs(metric.gap.mean))}"
    return points(metric.gap.mean) if metric.share else f"{metric.gap.mean:+.3g}"


_TOO_SHORT = 0.001
"""Seconds below which nobody asks how many."""


def _seconds(value: float) -> str:
    return "<1 ms" if value < _TOO_SHORT else seconds_words(value)


# --- HTML ----------------------------------------------------------------------------


def comparison_html(
    compared: Compared,
    *,
    said: Sequence[str],
    sides: tuple[Sided, Sided],
    cases: Mapping[str, TestCase],
    corrected: Mapping[str, float] | None = None,
) -> str:
    """The whole comparison; the cases that changed open to both transcripts, side by side."""
    head = ("", sides[0].name, sides[1].name, *_HEAD)
    rows = table_rows(compared, first=sides[0].name, second=sides[1].name, corrected=corrected)[1:]
    numbers = table(*map(_metric_row, rows), head=head)
    below = changed_cases(compared.cases, sides=sides, cases=cases)
    return page(title(said[0]), *(line(text(each)) for each in said[1:]), numbers, *below)


def _metric_row(words: Sequence[str]) -> Html:
    name, *cells = words
    return row(cell(text(name)), *(cell(text(said), style="text-align: right; white-space: nowrap") for said in cells))
