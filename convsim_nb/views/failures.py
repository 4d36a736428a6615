"""Failures by reason, as HTML."""

from collections.abc import Sequence

from convsim_nb.analysis.failures import FailureGroup, failures_of, grouped
from convsim_nb.domain.state import RunState
from convsim_nb.views.inline import cell, page, row, table, text, title

_EXAMPLES = 3
_HEAD = ("", "Whose", "Why", "Such as", "Next")


def failures_by_rule(state: RunState) -> tuple[FailureGroup, ...]:
    """The conversations of a run that did not reach their goal, as the rules sort them."""
    return grouped(failures_of(state.conversations, cases=state.cases))


def failures_html(summary: str, groups: Sequence[FailureGroup]) -> str:
    """One row a reason."""
    rows = [
        row(
            cell(text(str(len(group.keys))), style="text-align: right"),
            *map(cell, map(text, (group.reason.whose, group.reason.why, examples(group), group.reason.next))),
        )
        for group in groups
    ]
    return page(title(summary), *([table(*rows, head=_HEAD)] if rows else []))


def examples(group: FailureGroup) -> str:
    """The first conversations of a group, and how many more there are."""
    more = len(group.keys) - _EXAMPLES
    return ", ".join(group.keys[:_EXAMPLES]) + (f" and {more} more" if more > 0 else "")
