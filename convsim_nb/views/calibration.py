"""A judge on trial, in words and as HTML."""

from collections.abc import Mapping, Sequence

from convsim_nb.analysis.agreement import Agreement
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.views.chat_table import conversation_fold
from convsim_nb.views.inline import cell, el, line, page, row, table, text, title
from convsim_nb.views.words import count

_FEW = 30
_MOST = 50


def lines(found: Agreement, *, judge: str, faults: int) -> list[str]:
    """What can be said, the agreement first."""
    alike = found.both_yes + found.both_no
    said = [
        (
            f"{judge} and people agree on {alike} of {count(found.total, 'labelled conversation')}"
            f" ({100 * found.agreement:.0f} %)"
        ),
        (
            f"base rate: people found {100 * found.base_rate:.0f} % reached, so that one who always says the same "
            f"would agree on {100 * found.by_rote:.0f} %"
        ),
        _kappa_words(found),
        (
            f"both reached {found.both_yes}, both not {found.both_no}, only {judge} reached {found.judge_alone}, "
            f"only the person {found.person_alone}"
        ),
    ]
    if faults:
        said.append(f"{faults} labelled as the simulator's fault are left out")
    if found.total < _FEW:
        said.append(f"{found.total} labels are few: with {_FEW} or more the interval says something")
    return said


def _kappa_words(found: Agreement) -> str:
    if found.kappa is None:
        return "no kappa: one of the two says the same of all, label some of the other kind too"
    ends = (
        " (too few cases for an interval)"
        if found.low is None or found.high is None
        else f" (95 % {found.low:.2f} to {found.high:.2f}, by case)"
    )
    return f"kappa {found.kappa:.2f}{ends}: agreement beyond chance, where 1 is all and 0 is none"


def calibration_html(
    found: Agreement,
    *,
    said: Sequence[str],
    judge: str,
    shown: Sequence[tuple[Conversation, str]],
    cases: Mapping[str, TestCase],
) -> str:
    """Words, the confusion table, and the disagreements, each with its conversation."""
    confusion = table(
        row(*map(cell, map(text, (f"{judge}: reached", str(found.both_yes), str(found.judge_alone))))),
        row(*map(cell, map(text, (f"{judge}: not reached", str(found.person_alone), str(found.both_no))))),
        head=("", "person: reached", "person: not reached"),
    )
    parts = []
    for conversation, told in shown[:_MOST]:
        parts.append(line(text(told)))
        parts.append(conversation_fold(conversation, case=cases.get(conversation.case_id), scores=(), opened=False))
    head = [line(el("strong", text("Disagreements")))] if parts else []
    return page(title(said[0]), *(line(text(each)) for each in said[1:]), confusion, *head, *parts)
