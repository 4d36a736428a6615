"""A run as Markdown: for a pull request, an issue, or the summary of a CI job."""

import re
from collections.abc import Iterable, Iterator, Sequence

from convsim_nb.analysis.failures import FailureGroup
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState
from convsim_nb.views.beside import Beside, Measured
from convsim_nb.views.failures import examples, failures_by_rule
from convsim_nb.views.faults import faults_of
from convsim_nb.views.scores import by_key, score_totals
from convsim_nb.views.sentences import run_title, sentences, unended_sentences
from convsim_nb.views.text import transcript
from convsim_nb.views.width import one_line
from convsim_nb.views.words import (
    SIGNS,
    count,
    label,
    seconds_words,
    standing,
    stop_words,
    word,
)

_SPECIAL = re.compile(r"([\\`*_\[\]|~>$]|^[#+-]|(?<=^\d)[.)](?=\s))")
_TRANSCRIPTS = 20
"""So many failed conversations are given in full: a CI job's summary is capped at a megabyte."""
_LONGEST = 20_000
"""Characters of one transcript."""


def report_markdown(
    state: RunState,
    *,
    scores: Iterable[Score] | None = None,
    beside: Beside | None = None,
    failures: Sequence[FailureGroup] | None = None,
) -> str:
    """The run in words, beside others where there are any, its failures by reason, its conversations as a table with
    the failures first, and the failures in full.

    `failures` are by rules alone where they are not given.
    """
    failed = [each for each in state.conversations if each.verdict == "not_reached"]
    others = [each for each in state.conversations if each.verdict != "not_reached"]
    groups = failures_by_rule(state) if failures is None else failures
    said = [*unended_sentences(state), *sentences(state, failures=groups)]
    lines = [f"# {as_plain(run_title(state))}", "", *(f"- {as_plain(each)}" for each in said), ""]
    lines += _beside(beside or Beside())
    lines += _reasons(groups)
    lines += ["## Conversations", "", *_table((*failed, *others)), "", *_corrections(state), *_scores(scores)]
    lines += [line for each in (beside or Beside()).measured for line in _measured(each)]
    for conversation in failed[:_TRANSCRIPTS]:
        lines += _full(conversation)
    if len(failed) > _TRANSCRIPTS:
        lines.append(
            f"{count(len(failed) - _TRANSCRIPTS, 'more conversation')} that did not reach the goal: see the report."
        )
    return "\n".join(lines).rstrip() + "\n"


def table_markdown(head: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> Iterator[str]:
    """A table; all columns but the first are numbers, or none is."""
    yield f"| {' | '.join(map(as_plain, head))} |"
    yield f"|---|{('--:|' if numbers else '---|') * (len(head) - 1)}"
    yield from (f"| {' | '.join(map(as_plain, row))} |" for row in rows)


def as_plain(text: str) -> str:
    """Text as it was written: no Markdown, no HTML."""
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\1", shown)


def _beside(beside: Beside) -> Iterator[str]:
    for each in beside.versus:
        head, *rows = each.rows
        yield from (f"## {as_plain(head[2])} against {as_plain(head[1])}", "")
        yield from (*(f"- {as_plain(one)}" for one in each.said), "", *table_markdown(head, rows), "")
    if not beside.matrix:
        return
    yield from ("## Each case in each version", "")
    if beside.uneven:
        rows = [(case_id, *(cell.text for cell in cells)) for case_id, _, cells in beside.uneven]
        yield from (*table_markdown(("Test case", *beside.names), rows, numbers=False), "")
    if beside.even:
        many = count(len(beside.even), "more case") if beside.uneven else count(len(beside.even), "case")
        yield from (as_plain(f"✓ {many}, passed by every version in every trial: {', '.join(beside.even)}"), "")


def _reasons(groups: Sequence[FailureGroup]) -> Iterator[str]:
    if not groups:
        return
    head = ("Whose part", "Why", "Conversations", "Such as", "Next")
    rows = [(one.reason.whose, one.reason.why, str(len(one.keys)), examples(one), one.reason.next) for one in groups]
    yield from ("## Why conversations fell short, and what to do next", "")
    yield from (*table_markdown(head, rows, numbers=False), "")


def _scores(scores: Iterable[Score] | None) -> Iterator[str]:
    totals = score_totals(by_key(scores))
    if totals:
        yield from ("## Scores", "", *table_markdown(("Scorer", "Over the run"), totals.items(), numbers=False), "")


def _measured(measured: Measured) -> Iterator[str]:
    yield from (f"## {as_plain(measured.title)}", "", *table_markdown(measured.head, measured.rows), "")
    yield from (*(f"- {as_plain(one)}" for one in measured.said), "")


def _table(conversations: Iterable[Conversation]) -> Iterator[str]:
    yield "| Verdict | Test case | Why it ended | Turns | Corrections | Time |"
    yield "|---|---|---|--:|--:|--:|"
    for each in conversations:
        now = standing(each)
        why = f"{stop_words(each)}: {each.detail}" if each.detail else stop_words(each)
        took = "" if each.seconds is None else seconds_words(each.seconds)
        cells = [f"{SIGNS[now]} {word(now)}", label(each), why, str(each.turns), str(each.corrections), took]
        yield f"| {' | '.join(map(as_plain, cells))} |"


def _corrections(state: RunState) -> Iterator[str]:
    faults = faults_of(state)
    if not faults:
        return
    yield from ("## What the agent had to be corrected on", "")
    for fault in faults:
        quotes = "; ".join(f"“{quote}”" for quote in fault.quotes[:3])
        seen = f"{len(fault.numbers)} of {count(fault.trials, 'conversation')}"
        did = ": ".join(filter(None, (fault.after, quotes)))
        yield f"- **{as_plain(fault.goal)}** ({as_plain(fault.case_id)}), in {seen}: {as_plain(did)}"
        yield f"  - put right by: {as_plain(fault.fact)}"
    yield ""


def _full(conversation: Conversation) -> Iterator[str]:
    told = transcript(conversation)
    if len(told) > _LONGEST:
        told = f"{told[:_LONGEST]}\n… {len(told) - _LONGEST:,} more characters\n"
    fence = "`" * (1 + max([2, *map(len, re.findall("`+", told))]))
    now = standing(conversation)
    summary = one_line(f"{SIGNS[now]} {word(now)}: {label(conversation)}").replace("&", "&amp;").replace("<", "&lt;")
    yield from (
        "<details>",
        f"<summary>{summary}</summary>",
        "",
        f"{fence}text",
        told.rstrip("\n"),
        fence,
        "",
        "</details>",
        "",
    )
