"""Recorded sessions as a list shows them: a line each, with what makes one worth a look."""

from collections.abc import Iterable

from convsim_nb.domain.preview import SessionPreview
from convsim_nb.views.inline import Html, cell, line, page, quiet, row, table, text, title
from convsim_nb.views.words import count, seconds_words

COLUMNS = ("Session", "Last", "Turns", "How it begins, and ends")
_LONGEST = 160
_MOST = 200
_BESIDE = 50
"""So many of those that were not picked are shown beside those that were."""


def previews_html(previews: Iterable[SessionPreview], said: str) -> str:
    """The list as a table of at most 200 rows; `said` tells how far it goes."""
    every = list(previews)
    rows = [_row(preview) for preview in every[:_MOST]]
    cut = [line(quiet(f"The first {_MOST} are shown."))] if len(every) > _MOST else []
    return page(title(said), *cut, *([table(*rows, head=COLUMNS, width="100%")] if rows else []))


def picked_html(previews: Iterable[SessionPreview], picked: Iterable[str], said: str) -> str:
    """What was picked out of a list, and under it the first of the rest."""
    every, wanted = list(previews), set(picked)
    chosen = [each for each in every if each.id in wanted]
    rest = [each for each in every if each.id not in wanted]
    rows = [_row(each, "✓ ") for each in chosen[:_MOST]] + [_row(each) for each in rest[:_BESIDE]]
    left = len(every) - len(rows)
    more = [line(quiet(f"{count(left, 'session')} more {'is' if left == 1 else 'are'} left out here."))] if left else []
    return page(title(said), *([table(*rows, head=COLUMNS, width="100%")] if rows else []), *more)


def marks(preview: SessionPreview) -> list[str]:
    """In words, why one may want to look at this session."""
    failed = [count(preview.errors, "error")] if preview.errors else []
    return [*failed, *preview.bad, *(["simulated"] if preview.simulated else [])]


def when(preview: SessionPreview) -> str:
    """When it was last heard of; empty where nobody knows."""
    return f"{preview.last:%Y-%m-%d %H:%M}" if preview.last else ""


def cut(said: str, longest: int = _LONGEST) -> str:
    """Text on one line, cut short."""
    flat = " ".join(said.split())
    return flat if len(flat) <= longest else f"{flat[:longest]}…"


def _row(preview: SessionPreview, sign: str = "") -> Html:
    warned = [line(text(f"! {', '.join(found)}"))] if (found := marks(preview)) else []
    return row(
        cell(text(f"{sign}{preview.id}"), *warned),
        cell(quiet(when(preview)), style="white-space: nowrap"),
        cell(text(str(preview.traces)), line(quiet(seconds_words(preview.seconds)))),
        cell(line(text(cut(preview.first_said))), line(quiet(cut(preview.last_answer)))),
    )
