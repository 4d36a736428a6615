"""A comparison in words and as HTML: the answer first, then the numbers, then the cases that changed."""

from collections.abc import Iterator, Mapping, Sequence

from convsim_nb.analysis.compare import REACH, Compared, Metric
from convsim_nb.analysis.paired import FEWEST, Power
from convsim_nb.domain.case import TestCase
from convsim_nb.views.inline import Html, cell, line, page, row, table, text, title
from convsim_nb.views.side_by_side import Sided, changed_cases
from convsim_nb.views.words import count

_HEAD = ("difference", "95 % interval", "p")
_SMALL_GAP = 0.05
_MANY_TRIALS = 4
_ALMOST = 0.05


def sentences(compared: Compared, *, first: str, second: str, corrected: float | None = None) -> list[str]:
    """The answer, and how far it carries. `corrected` is the p of the reach rate among several comparisons."""
    reach = next((metric for metric in compared.metrics if metric.name == REACH), None)
    if reach is None or compared.power is None:
        return [f"{first} and {second} have no case in common with trials that count: nothing can be said"]
    return [
        _answer(reach, first=first, second=second, p=reach.gap.p if corrected is None else corrected),
        *_faults(compared),
        *_moved(compared),
        _power_words(compared.power),
        *_left_out(compared, first=first, second=second),
        *_untimed(compared),
    ]


def _answer(reach: Metric, *, first: str, second: str, p: float) -> str:
    rates = f"{second} reached the goal in {share(reach.second)}, {first} in {share(reach.first)}"
    sure = "better" if reach.gap.mean > 0 else "worse"
    verdict = f"{second} is {sure}" if p <= _ALMOST else "no difference is shown"
    return f"{rates}: {verdict} ({points(reach.gap.mean)}, {interval(reach)}, {p_words(p)})"


def _faults(compared: Compared) -> Iterator[str]:
    for metric in compared.metrics:
        if metric.name == "corrections" and (metric.first or metric.second):
            yield (
                f"faults that the user came to correct, a conversation: {metric.first:.2f} before, {metric.second:.2f} "
                f"after ({metric.gap.mean:+.2f}, {interval(metric)}, {p_words(metric.gap.p)})"
            )


def _moved(compared: Compared) -> Iterator[str]:
    worse = [change for change in compared.cases if change.gap < 0]
    better = [change for change in compared.cases if change.gap > 0]
    same = len(compared.cases) - len(worse) - len(better)
    yield f"of {count(len(compared.cases), 'case')}, {len(better)} went better, {len(worse)} worse, {same} as before"
    never = [change for change in compared.cases if not any((*change.first, *change.second))]
    if never:
        yield f"{count(len(never), 'case')} no version passes: look whether the case can be passed at all"


def _power_words(power: Power) -> str:
    trials = f" x {power.trials:.3g} trials" if power.trials > 1 else ""
    if power.smallest > 1:
        few = f": {FEWEST} cases are the least" if power.cases < FEWEST else ""
        return f"with {count(power.cases, 'case')}{trials} you could have seen no difference of any size{few}"
    seen = f"with {count(power.cases, 'case')}{trials} you could have seen {100 * power.smallest:.0f} points"
    if power.smallest <= _SMALL_GAP:
        return seen
    needed = power.cases_for(_SMALL_GAP, trials=_MANY_TRIALS)
    return f"{seen}; to see {100 * _SMALL_GAP:.0f} you need about {needed:,} cases x {_MANY_TRIALS} trials"


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
        return "one case, no interval"
    ends = (metric.gap.low, metric.gap.high)
    low, high = (f"{100 * end:+.0f}" if metric.share else f"{end:+.3g}" for end in ends)
    return f"95 % {low} to {high}"


def p_words(p: float) -> str:
    """A p value, not more exact than it is."""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")  # noqa: PLR2004


def table_rows(compared: Compared, *, first: str, second: str) -> list[tuple[str, ...]]:
    """The metrics as rows of text, under a head."""
    return [("", first, second, *_HEAD), *map(_cells, compared.metrics)]


def table_lines(compared: Compared, *, first: str, second: str) -> list[str]:
    """The metrics as lines of equal columns."""
    rows = table_rows(compared, first=first, second=second)
    widths = [max(len(each[place]) for each in rows) for place in range(len(rows[0]))]

    def aligned(cells: Sequence[str]) -> str:
        name, *numbers = (f"{said:>{width}}" for said, width in zip(cells, widths, strict=True))
        return "  ".join((f"{name.strip():<{widths[0]}}", *numbers))

    return [aligned(each) for each in rows]


def _cells(metric: Metric) -> tuple[str, ...]:
    def number(value: float) -> str:
        return share(value) if metric.share else f"{value:.3g}"

    gap = points(metric.gap.mean) if metric.share else f"{metric.gap.mean:+.3g}"
    if not metric.tested:
        return metric.name, number(metric.first), number(metric.second), gap, "", "not tested"
    ends = interval(metric).removeprefix("95 % ")
    return metric.name, number(metric.first), number(metric.second), gap, ends, p_words(metric.gap.p)[2:].lstrip("= ")


# --- HTML ----------------------------------------------------------------------------


def comparison_html(
    compared: Compared, *, said: Sequence[str], sides: tuple[Sided, Sided], cases: Mapping[str, TestCase]
) -> str:
    """The whole comparison; the cases that changed open to both transcripts, side by side."""
    head = ("", sides[0].name, sides[1].name, *_HEAD)
    numbers = table(*map(_metric_row, compared.metrics), head=head)
    below = changed_cases(compared.cases, sides=sides, cases=cases)
    return page(title(said[0]), *(line(text(each)) for each in said[1:]), numbers, *below)


def _metric_row(metric: Metric) -> Html:
    name, *cells = _cells(metric)
    return row(cell(text(name)), *(cell(text(said), style="text-align: right; white-space: nowrap") for said in cells))
