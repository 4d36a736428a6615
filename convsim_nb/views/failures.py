"""Failures by reason, as HTML."""

from collections.abc import Iterator, Sequence

from convsim_nb.analysis.failures import FailureGroup, failures_of, grouped
from convsim_nb.domain.state import RunState
from convsim_nb.views.inline import Html, cell, line, page, quiet, row, table, text, title
from convsim_nb.views.width import one_line

_EXAMPLES = 3
_HEAD = ("", "Whose", "Why", "Such as", "Next")


def failures_by_rule(state: RunState) -> tuple[FailureGroup, ...]:
    """The conversations of a run that did not reach their goal, as the rules sort them."""
    return grouped(failures_of(state.conversations, cases=state.cases))


def failures_html(summary: str, groups: Sequence[FailureGroup], *, said: Sequence[str] = ()) -> str:
    """One row a reason; `said` stands below."""
    rows = [
        row(
            cell(text(str(len(group.keys))), style="text-align: right"),
            cell(text(group.reason.whose)),
            cell(text(group.reason.why), *quoted(group)),
            *map(cell, map(text, (examples(group), group.reason.next))),
        )
        for group in groups
    ]
    below = [line(quiet(each)) for each in said]
    return page(title(summary), *([table(*rows, head=_HEAD)] if rows else []), *below)


def quoted(group: FailureGroup) -> Iterator[Html]:
    """Words that show it, a line each."""
    for quote in group.quotes[:_EXAMPLES]:
        yield line(quiet(one_line(f"“{quote}”")))


def examples(group: FailureGroup) -> str:
    """The first conversations of a group, and how many more there are."""
    more = len(group.keys) - _EXAMPLES
    return ", ".join(group.keys[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")
