"""A run as Markdown: for a pull request, an issue, or the summary of a CI job."""

import re
from collections.abc import Iterable, Iterator

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.state import RunState
from convsim_nb.views.faults import faults_of
from convsim_nb.views.sentences import run_title, sentences
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


def report_markdown(state: RunState) -> str:
    """The run in words, its conversations as a table with the failures first, and the failures in full."""
    failed = [each for each in state.conversations if each.verdict == "not_reached"]
    others = [each for each in state.conversations if each.verdict != "not_reached"]
    lines = [f"# {as_plain(run_title(state))}", "", *(f"- {as_plain(each)}" for each in sentences(state)), ""]
    lines += ["## Conversations", "", *_table((*failed, *others)), "", *_corrections(state)]
    for conversation in failed[:_TRANSCRIPTS]:
        lines += _full(conversation)
    if len(failed) > _TRANSCRIPTS:
        lines.append(
            f"{count(len(failed) - _TRANSCRIPTS, 'more conversation')} that did not reach the goal: see the report."
        )
    return "\n".join(lines).rstrip() + "\n"


def as_plain(text: str) -> str:
    """Text as it was written: no Markdown, no HTML."""
    shown = one_line(text).replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\1", shown)


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
        yield f"- **{as_plain(fault.case_id)}**, in {seen}: {as_plain(fault.after)}: {as_plain(quotes)}"
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
