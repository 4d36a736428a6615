"""A run that plays, as HTML that is drawn anew: its numbers, a line a conversation, and one of them in full."""

from convsim_nb.analysis.summary import summarise
from convsim_nb.domain.state import RunState
from convsim_nb.views.chat_table import conversation_fold
from convsim_nb.views.inline import Html, badge, cell, line, page, quiet, row, table, text, title
from convsim_nb.views.sentences import (
    apart_sentence,
    corrections_sentence,
    rate_sentence,
    run_title,
    stand_in_sentence,
    trouble_sentences,
)
from convsim_nb.views.width import one_line
from convsim_nb.views.words import label, standing, stop_words

_MOST = 60
"""Lines of the list: what runs and what failed stands first."""
_ORDER = ("running", "paused", "not_reached", "void", "reached", "waiting")


def plain_html(state: RunState, *, shown: str | None = None) -> str:
    """The run as it stands; `shown` is the key of the conversation that is shown in full."""
    summary = summarise(state.conversations)
    said = [rate_sentence(summary), apart_sentence(summary), corrections_sentence(state), stand_in_sentence(state)]
    lines = [line(text(one_line(each))) for each in (*said, *trouble_sentences(state)) if each]
    return page(title(one_line(run_title(state))), *lines, *_list(state), *_shown(state, shown))


def _list(state: RunState) -> list[Html]:
    every = sorted(state.conversations, key=lambda each: _ORDER.index(standing(each)))
    rows = [
        row(
            cell(badge(standing(each))),
            cell(text(one_line(label(each)))),
            cell(quiet(str(each.turn or ""))),
            cell(quiet(stop_words(each) + (", assisted" if each.assisted else ""))),
        )
        for each in every[:_MOST]
    ]
    left = [line(quiet(f"{len(every) - _MOST:,} more"))] if len(every) > _MOST else []
    return [table(*rows, head=("", "Conversation", "Turn", "End")), *left] if rows else []


def _shown(state: RunState, key: str | None) -> list[Html]:
    conversation = state.by_key.get(key or "")
    if conversation is None:
        return []
    case = state.cases.get(conversation.case_id)
    return [conversation_fold(conversation, case=case, scores=(), opened=True)]
