"""Runs, conversations, sessions and cases as static HTML: what a saved notebook shows, with no kernel and no script.

It lives on inline styles and `<details>` alone, so it outlasts JupyterLab's sanitiser; where styles are
dropped too, as on GitHub, every word is still there, for no meaning hangs on colour or place.
"""

import json
from collections.abc import Iterable, Iterator, Sequence

from convsim_nb.analysis.summary import RunSummary, summarise
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Usage
from convsim_nb.domain.score import Score
from convsim_nb.domain.session import Message, Session
from convsim_nb.domain.state import RunState
from convsim_nb.views.case_table import COLUMNS, case_row
from convsim_nb.views.chat_table import conversation_fold, session_fold, talk_fold
from convsim_nb.views.failures import failures_by_rule
from convsim_nb.views.fitting import fitting
from convsim_nb.views.inline import Html, banner, bullets, cell, code, el, line, page, quiet, row, table, text, title
from convsim_nb.views.scores import by_key, every_by_key, score_totals
from convsim_nb.views.sentences import (
    apart_sentence,
    corrections_sentence,
    rate_sentence,
    run_title,
    stand_in_sentence,
    stops_sentence,
    trouble_sentences,
    whose_sentence,
)
from convsim_nb.views.width import one_line
from convsim_nb.views.words import count, joined, money, percent, tokens

_OPENED = 10
"""So many failed conversations stand open; with more, nobody would find the end of the output."""
_GROUPS = {
    "not_reached": "that did not reach the goal",
    "void": "void",
    "live": "not ended",
    "reached": "that reached it",
}
_SENTENCE = 1_000
"""Bytes kept free for the sentence that says what is left out."""


def conversation_html(
    conversation: Conversation,
    *,
    case: TestCase | None = None,
    scores: Iterable[Score] | None = None,
    opened: bool = True,
) -> str:
    """One conversation."""
    mine = every_by_key(scores).get(conversation.key, ())
    return page(conversation_fold(conversation, case=case, scores=mine, opened=opened))


def session_html(session: Session) -> str:
    """One recorded session."""
    return page(session_fold(session, opened=True))


def talk_html(agent: str, messages: Sequence[Message], *, opened: bool) -> str:
    """A talk with an agent, by hand."""
    return page(talk_fold(agent, messages, opened=opened))


def run_html(state: RunState, *, scores: Sequence[Score] | None = None, max_bytes: int = 1_000_000) -> str:
    """A run in at most `max_bytes` of UTF-8: failures first and open, the rest sampled evenly, and that is said."""
    scored = every_by_key(scores)
    groups = _grouped(state.conversations)
    opened = {each.key for each in groups["not_reached"][:_OPENED]}
    head = _run_head(state, score_totals(by_key(scores)))

    def draw(conversation: Conversation) -> Html:
        mine, case = scored.get(conversation.key, ()), state.cases.get(conversation.case_id)
        return conversation_fold(conversation, case=case, scores=mine, opened=conversation.key in opened)

    room = max_bytes - len(page(*head).encode()) - _SENTENCE
    shown = fitting(groups.values(), draw=draw, room=room)
    left = _left_out(state.run_id, list(groups.values()), shown, max_bytes)
    return page(*head, *left, *(piece for group in shown for piece in group))


def sessions_html(sessions: Iterable[Session], *, max_bytes: int = 1_000_000) -> str:
    """Recorded sessions, each under a line, in at most `max_bytes` of UTF-8."""
    every = list(sessions)
    head = title(count(len(every), "session"))
    room = max_bytes - _SENTENCE
    (shown,) = fitting([every], draw=lambda session: session_fold(session, opened=False), room=room)
    return page(head, *_cut_short(len(shown), len(every), "sessions"), *shown)


def cases_html(cases: Iterable[TestCase], problems: Iterable[object] = (), *, max_bytes: int = 1_000_000) -> str:
    """Test cases as a table, and under it what could not be made into one (each problem as its text)."""
    numbered = list(enumerate(cases, start=1))
    wrong = [text(one_line(str(problem))) for problem in problems]
    beneath = [line(el("strong", text(f"! {count(len(wrong), 'problem')}"))), bullets(wrong)] if wrong else []
    room = max_bytes - _SENTENCE - len(table(head=COLUMNS).encode()) - len(page(*beneath).encode())
    (rows,) = fitting([numbered], draw=lambda each: case_row(*each), room=room)
    shown = [table(*rows, head=COLUMNS, width="100%")] if rows else []
    head = title(count(len(numbered), "test case"))
    return page(head, *_cut_short(len(rows), len(numbered), "test cases"), *shown, *beneath)


# --- a run ---------------------------------------------------------------------------


def _grouped(conversations: Sequence[Conversation]) -> dict[str, list[Conversation]]:
    groups: dict[str, list[Conversation]] = {name: [] for name in _GROUPS}
    for conversation in conversations:
        groups[conversation.verdict or "live"].append(conversation)
    return groups


def _run_head(state: RunState, totals: dict[str, str]) -> list[Html]:
    summary = summarise(state.conversations)
    said = [rate_sentence(summary), apart_sentence(summary), corrections_sentence(state), stops_sentence(summary)]
    said.append(whose_sentence(failures_by_rule(state)))
    played = stand_in_sentence(state)
    return [
        title(one_line(f"{run_title(state)}: {summary.reached:,} of {summary.counted:,} reached the goal")),
        line(quiet(one_line(_cast(state)))),
        *([banner(text(played), tone="void")] if played else []),
        _numbers(summary, totals),
        *(line(text(one_line(each))) for each in (*said, *trouble_sentences(state)) if each),
    ]


def _cast(state: RunState) -> str:
    """Who took part, and when."""
    facts = [f"agent {state.agent.name}"] if state.agent else []
    if state.settings:
        facts += [f"user {state.settings.user_model}", f"judge {state.settings.judge_model}"]
    if state.started_at:
        facts.append(f"{state.started_at:%Y-%m-%d %H:%M} UTC")
    return " · ".join([*facts, f"run {state.run_id}"])


def _numbers(summary: RunSummary, totals: dict[str, str]) -> Html:
    """The run in one row."""
    spent = sum(summary.usage.values(), Usage())
    numbers = {
        "Reach rate": percent(summary.rate),
        "✓ reached": f"{summary.reached:,}",
        "✗ not reached": f"{summary.not_reached:,}",
        "○ void": f"{summary.void:,}",
        "Corrections": f"{summary.corrections:,}",
        "Turns, mean": "–" if summary.mean_turns is None else f"{summary.mean_turns:.1f}",
        "Tokens": f"{tokens(spent):,}",
        "Cost": money(spent.cost),
        **totals,
    }
    shown = table(row(*(cell(text(value), style="white-space: nowrap") for value in numbers.values())), head=numbers)
    return el("div", shown, style="overflow-x: auto")


def _left_out(
    run_id: str, groups: Sequence[Sequence[object]], shown: Sequence[Sequence[object]], most: int
) -> list[Html]:
    """The sentence that says what is not shown, and how to see it."""
    if all(map(_same_length, groups, shown)):
        return []
    parts = [
        f"all {len(group):,} {name}" if len(part) == len(group) else f"{len(part):,} of {len(group):,} {name}"
        for name, group, part in zip(_GROUPS.values(), groups, shown, strict=True)
        if group
    ]
    said = text(f"To stay under {most / 1_000_000:g} MB this shows {joined(parts)}, evenly picked. See the rest: ")
    load = code(f"cs.load_run({json.dumps(run_id)})")
    return [banner(said, load, text(", or the run's report."), tone="live")]


def _same_length(one: Sequence[object], other: Sequence[object]) -> bool:
    return len(one) == len(other)


def _cut_short(shown: int, total: int, noun: str) -> Iterator[Html]:
    if shown < total:
        yield line(
            text(f"Shown are {shown:,} of {total:,} {noun}, evenly picked; the others are in the object itself.")
        )
