"""Two transcripts side by side: what they share is folded, where they part is marked, then turn beside turn."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from convsim_nb.analysis.alignment import Alignment, Pair, Parting, align, telling_trials
from convsim_nb.analysis.compare import CaseChange
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.score import Score
from convsim_nb.views.chat_table import edge, judged, noted, said, spoken
from convsim_nb.views.fitting import fitting
from convsim_nb.views.inline import Html, badge, banner, cell, el, fold, join, line, quiet, row, table, text
from convsim_nb.views.scores import every_by_key
from convsim_nb.views.turns import rounds
from convsim_nb.views.width import one_line
from convsim_nb.views.words import count, standing

PARTINGS: dict[Parting, str] = {
    "user": "the user says something else",
    "agent": "the agent answers otherwise",
    "tools": "the agent calls its tools otherwise",
    "first_ends": "{first} is over, {second} goes on",
    "second_ends": "{second} is over, {first} goes on",
}
"""What differs first, in words; `{first}` and `{second}` are the names of the two."""
SAME = {
    "throughout": "Word for word the same throughout",
    "so_far": "The same so far",
    "judged": "Word for word the same, and judged otherwise",
}
"""What is said where nothing differs."""
_HALF = "width: 50%; vertical-align: top"
_FOLD = "margin: 2px 0 6px"
_INNER = "margin: 2px 0 6px 14px"
_MOST_CASES = 20
_MOST_TRIALS = 4
_SENTENCE = 500


@dataclass(frozen=True)
class Sided:
    """One of the runs that are compared, as far as its transcripts are shown."""

    name: str
    by_case: Mapping[str, Sequence[Conversation]]
    """The trials of each case, forks and repeats left out."""
    scores: Mapping[str, Sequence[Score]]
    """By the conversation's key, those of single turns among them."""


def sided(name: str, conversations: Sequence[Conversation], scores: Sequence[Score] = ()) -> Sided:
    """One of the runs that are compared."""
    by_case: dict[str, list[Conversation]] = {}
    for each in conversations:
        if each.origin is None:
            by_case.setdefault(each.case_id, []).append(each)
    return Sided(name=name, by_case=by_case, scores=every_by_key(scores))


def changed_cases(
    changes: Sequence[CaseChange], *, sides: tuple[Sided, Sided], cases: Mapping[str, TestCase], room: int = 900_000
) -> list[Html]:
    """The cases that changed, as they are given, each opening to its transcripts; in about `room` bytes of UTF-8."""
    changed = [change for change in changes if change.gap]
    if not changed:
        return []
    (shown,) = fitting(
        [changed[:_MOST_CASES]], draw=lambda each: _changed(each, sides=sides, cases=cases), room=room - _SENTENCE
    )
    told = f"{len(shown)} of {len(changed)} are shown; cs.compare(...) in a notebook opens each."
    left = [line(quiet(told))] if len(shown) < len(changed) else []
    return [line(el("strong", text("Cases that changed, the worst first"))), *left, *shown]


def _changed(change: CaseChange, *, sides: tuple[Sided, Sided], cases: Mapping[str, TestCase]) -> Html:
    mark = "▼" if change.gap < 0 else "▲"
    goal = cases[change.case_id].goal if change.case_id in cases else change.goal
    head = text(one_line(f"{mark} {goal or change.case_id}"))
    told = quiet(f" {change.case_id}: {_of(change.first)} → {_of(change.second)} reached")
    return fold(join([head, told]), *_trials(change.case_id, sides), style=_FOLD)


def _of(outcomes: Sequence[bool]) -> str:
    return f"{sum(outcomes)} of {len(outcomes)}"


def _trials(case_id: str, sides: tuple[Sided, Sided]) -> Iterator[Html]:
    """The trials that show best what changed, open; then the others, each beside its like."""
    ones, others = (list(side.by_case.get(case_id, ()))[:_MOST_TRIALS] for side in sides)
    if not ones or not others:
        return
    best = telling_trials(ones, others)
    like = [(n, n) for n in range(min(len(ones), len(others))) if (n, n) != best]
    for one, other in (best, *like):
        pair = (ones[one], others[other])
        drawn = side_by_side(*pair, names=(sides[0].name, sides[1].name), scores=_scores(sides, pair))
        alone = len(ones) == len(others) == 1
        yield drawn if alone else fold(_trial_words(pair), drawn, opened=(one, other) == best, style=_INNER)


def _scores(
    sides: tuple[Sided, Sided], pair: tuple[Conversation, Conversation]
) -> tuple[Sequence[Score], Sequence[Score]]:
    one, other = (side.scores.get(each.key, ()) for side, each in zip(sides, pair, strict=True))
    return one, other


def _trial_words(pair: tuple[Conversation, Conversation]) -> Html:
    one, other = pair
    names = f"trial {one.trial}" if one.trial == other.trial else f"trial {one.trial} beside trial {other.trial}"
    return join([text(names), badge(standing(one)), text("→"), badge(standing(other))], by=" ")


# --- two transcripts -----------------------------------------------------------------


def side_by_side(
    first: Conversation,
    second: Conversation,
    *,
    names: tuple[str, str],
    scores: tuple[Sequence[Score], Sequence[Score]] = ((), ()),
) -> Html:
    """Two conversations, aligned by exchange up to the first in which they part, which is marked in words."""
    found = align(first, second)
    shared = len(found.pairs) if found.parts is None else found.parts
    cells = tuple(list(_said(each, mine)) for each, mine in zip((first, second), scores, strict=True))
    rows = [_pair_row(pair, cells) for pair in found.pairs[shared:]]
    ends = row(*(cell(*judged(each, mine), style=_HALF) for each, mine in zip((first, second), scores, strict=True)))
    same = [row(cell(*(cells[0][place] for place in pair.first))) for pair in found.pairs[:shared]]
    return join(
        [
            *([fold(text(shared_words(found)), table(*same, width="100%"), style=_INNER)] if same else []),
            banner(text(one_line(parting_words(found, (first, second), names=names))), tone="void" if rows else "live"),
            table(*rows, ends, head=names, width="100%"),
        ]
    )


def parting_words(found: Alignment, both: tuple[Conversation, Conversation], *, names: tuple[str, str]) -> str:
    """Where two conversations part, and how."""
    if found.parts is not None and found.how is not None:
        how = PARTINGS[found.how].format(first=names[0], second=names[1])
        return f"First difference, {_turn_words(found.pairs[found.parts])}: {how}"
    if not all(each.stop for each in both):
        return SAME["so_far"]
    return SAME["judged" if both[0].verdict != both[1].verdict else "throughout"]


def shared_words(found: Alignment) -> str:
    """What stands before it, and is the same in both."""
    shared = found.pairs if found.parts is None else found.pairs[: found.parts]
    turns = [pair.turn for pair in shared if pair.turn]
    history = "given history" if any(not pair.turn for pair in shared) else ""
    numbers = f"turn {turns[0]}" if len(turns) == 1 else f"turns {turns[0]} to {turns[-1]}" if turns else ""
    both = " and ".join(filter(None, (history, numbers)))
    return f"The same in both: {both}, {count(sum(len(pair.first) for pair in shared), 'message')}"


def _turn_words(pair: Pair) -> str:
    return f"turn {pair.turn}" if pair.turn else "given history"


def _pair_row(pair: Pair, cells: Sequence[Sequence[Html]]) -> Html:
    number = line(quiet(_turn_words(pair)))
    sides = [
        [mine[place] for place in places] or [quiet("(over)")]
        for mine, places in zip(cells, (pair.first, pair.second), strict=True)
    ]
    return row(*(cell(number, *side, style=_HALF) for side in sides))


def _said(conversation: Conversation, scores: Sequence[Score]) -> Iterator[Html]:
    """Each message with its role and what stands under it, as a block that fits a column."""
    for each in rounds(conversation):
        for message, notes in noted(each, scores):
            look = f"border-left: 3px solid {edge(message)}; padding: 0 0 2px 8px; margin: 0 0 8px"
            head = el("div", *spoken(message, "", by=" "), style="margin: 0 0 2px")
            yield el("div", head, *said(message), *notes, style=look)
