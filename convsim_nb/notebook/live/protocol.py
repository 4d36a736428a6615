"""What the kernel tells a live view: the events and the state of a run, as plain JSON.

The browser folds the same events as `RunState`. What only Python can know goes beside them: safe HTML
of messages, the place of a quote, the counts of the header, the words that every picture uses.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic_core import to_jsonable_python

from convsim_nb.analysis.summary import reach_interval
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, GoalCheck, Spender, Usage
from convsim_nb.domain.events import MessageDelta, MessageSent, RunEvent, RunStarted
from convsim_nb.domain.quotes import said_by
from convsim_nb.domain.score import Score
from convsim_nb.domain.session import Message, MessageSource, Role
from convsim_nb.domain.state import RunState
from convsim_nb.views.hidden import visible
from convsim_nb.views.markup import safe_html
from convsim_nb.views.scores import by_key, score_tone, score_words
from convsim_nb.views.sentences import meter_words, run_title, stand_in_sentence
from convsim_nb.views.side_by_side import PARTINGS, SAME
from convsim_nb.views.turns import rounds
from convsim_nb.views.words import SIGNS, STOPS, TONES, check_word, percent, pretty_json, role_words, word

_SHOWN_OF_A_CASE = {"case_id", "goal", "persona", "simulation_guidelines", "facts", "withheld"}
_NOT_SHOWN: Any = {
    "message": {"wire"},  # what goes back to the agent, images included: nothing that a reader sees
    "cases": {"__all__": set(TestCase.model_fields) - _SHOWN_OF_A_CASE},
}
_ENOUGH = 3
_LONGEST = 20_000
"""Characters of a tool's arguments or result."""
_NAMES = {"key", "case_id"}

WORDS: dict[str, dict[str, str]] = {
    "signs": {str(each): sign for each, sign in SIGNS.items()},
    "tones": {str(each): tone for each, tone in TONES.items()},
    "stops": {str(each): words for each, words in STOPS.items()},
    "standings": {str(each): word(each) for each in SIGNS} | {"assisted": "assisted", "forked": "forked or run again"},
    "roles": {
        f"{role}/{source}": role_words(Message(role=role, content="", source=source))
        for role in get_args(Role)
        for source in get_args(MessageSource)
    },
    "partings": {str(each): words for each, words in PARTINGS.items()} | SAME,
    "checks": {
        "reached": check_word(GoalCheck(reached=True)),
        "not_reached": check_word(GoalCheck(reached=False)),
        "barred": check_word(GoalCheck(reached=False, barred=True)),
    },
}
"""Signs, colours and words by verdict, status, stop reason, role with source, first difference, and goal check."""


def event_json(event: RunEvent) -> dict[str, Any]:
    """An event as the browser folds it."""
    plain: dict[str, Any] = event.model_dump(mode="json", exclude=_NOT_SHOWN)
    match event:
        case MessageDelta():
            return plain  # it may end between the halves of an emoji, so it is not looked through
        case RunStarted():
            cases = [_shown(each) for each in plain["cases"]]
            return {**sendable(plain), "agent": plain["agent"], "cases": cases}
        case MessageSent():
            cut_calls([plain["message"]])
    return _shown(plain)


def state_json(state: RunState) -> dict[str, Any]:
    """A run's state as the browser's fold holds it."""
    plain = {
        "run_id": state.run_id,
        "run_name": state.run_name,
        "started_at": to_jsonable_python(state.started_at),
        "settings": to_jsonable_python(state.settings),
        "tags": state.tags,
        "notices": state.notices,
        "dropped": [each.model_dump(mode="json") for each in state.dropped],
        "ended": state.ended,
        "stopped": state.stopped,
        "at": state.at,
        "before": state.before,
    }
    return {
        **sendable(plain),
        "agent": to_jsonable_python(state.agent),  # its name is part of every key
        "cases": [_shown(case.model_dump(mode="json", include=_SHOWN_OF_A_CASE)) for case in state.cases.values()],
        "conversations": [conversation_json(each) for each in state.conversations],
        "in_flight": dict(state.in_flight),
    }


def conversation_json(conversation: Conversation) -> dict[str, Any]:
    """A conversation as the browser holds it, with the turn of each message."""
    numbers = [each.number for each in rounds(conversation) for _ in each.messages]
    plain = conversation.model_dump(mode="json", exclude={"messages": {"__all__": {"wire"}}})
    cut_calls(plain["messages"])
    return _shown({**plain, "message_turns": numbers})


def cut_calls(messages: Iterable[dict[str, Any]]) -> None:
    """Cut what tools were given and gave back to what anybody reads: a page holds all of a run."""
    for call in (call for message in messages for call in message["tool_calls"]):
        for name in ("arguments", "result", "error"):
            said = pretty_json(call[name]) if call[name] is not None else ""
            if len(said) > _LONGEST:
                call[name] = f"{said[:_LONGEST]}\n… {len(said) - _LONGEST:,} more characters"


def header_json(
    state: RunState, *, spent: Mapping[Spender, Usage], stopping: bool = False, elapsed: float | None = None
) -> dict[str, Any]:
    """What the header says: title, note on stand-ins, how many conversations are in which place, what was `spent`.

    The counts' names are verdicts and statuses; what stands outside rates whatever came of it is `forked`
    or `assisted`. `left` is in seconds, None where nothing can be said yet. `elapsed` is since the run was last
    played on, where that is known better than by the state.
    """
    counts = Counter(_place(each) for each in state.conversations)
    own = (each for each in state.conversations if each.origin is None and not each.assisted)
    return {
        "title": visible(run_title(state)),
        "note": stand_in_sentence(state),
        "total": len(state.by_key),
        "counts": dict(counts),
        "rate": _rate_words([(each.case_id, each.verdict == "reached") for each in state.conversations if each.counts]),
        "left": None if state.ended or stopping else seconds_left(state, counts, elapsed=elapsed),
        "corrections": sum(each.corrections for each in own),
        "spent": meter_words(spent),
        "stopping": stopping and not state.ended,
    }


def _place(conversation: Conversation) -> str:
    if conversation.verdict is None:
        return conversation.status
    if conversation.origin is not None:
        return "forked"
    return "assisted" if conversation.assisted else conversation.verdict


def _rate_words(outcomes: Sequence[tuple[str, bool]]) -> str:
    """`60% reached, 95% interval 31% to 83%`; empty where nothing counts yet."""
    ends = reach_interval(outcomes)
    if ends is None:
        return ""
    rate = sum(reached for _, reached in outcomes) / len(outcomes)
    return f"{percent(rate)} reached, 95% interval {percent(ends[0])} to {percent(ends[1])}"


def seconds_left(state: RunState, counts: Mapping[str, int], *, elapsed: float | None = None) -> float | None:
    """How long the rest may take at the pace so far; None before enough has ended to tell, or while all wait."""
    playing, waiting = counts.get("running", 0), counts.get("waiting", 0)
    ended = len(state.by_key) - playing - waiting - counts.get("paused", 0)
    if ended < _ENOUGH or not playing:
        return None
    taken = state.before + (seconds_since_start(state) if elapsed is None else elapsed)
    # Half of what plays is still to be done, on average.
    return taken * (waiting + playing / 2) / (ended + playing / 2)


def seconds_since_start(state: RunState) -> float:
    """How long the run has gone on, or went on until its end."""
    if state.ended or state.started_at is None:
        return state.at
    return max(state.at, (datetime.now(UTC) - state.started_at).total_seconds())


def scores_json(scores: Iterable[Score]) -> list[dict[str, Any]]:
    """What scorers say of one conversation: of it as a whole, with `turn` None, and of single turns."""
    every = list(scores)
    whole = [score for mine in by_key(every).values() for score in mine]
    turns = [score for score in every if score.turn is not None and score.value is not None]
    told = (
        {"turn": one.turn, "words": score_words(one), "tone": score_tone(one), "because": one.rationale}
        for one in (*whole, *turns)
    )
    return [sendable(each) for each in told]


def message_key(conversation: Conversation, place: int) -> str:
    """The name of one message in one attempt."""
    return f"{attempt_key(conversation)}.{place}"


def attempt_key(conversation: Conversation) -> str:
    """The name of one attempt at a conversation."""
    return f"{conversation.key}#{conversation.attempt}"


def conversation_html(conversation: Conversation) -> dict[str, str]:
    """Safe HTML of all its messages, by message key."""
    every = enumerate(conversation.messages)
    return {message_key(conversation, place): safe_html(message.content) for place, message in every}


def conversation_quotes(conversation: Conversation) -> dict[str, dict[str, int]]:
    """By attempt, the place of the message that holds each of the judge's quotes."""
    quotes = [check.evidence for check in conversation.checks]
    quotes += [release.quote for release in conversation.released]
    return {attempt_key(conversation): quote_places(conversation, quotes)}


def quote_places(conversation: Conversation, quotes: Iterable[str]) -> dict[str, int]:
    """The place of the agent's message that holds each quote, where one does."""
    said = {quote: said_by("assistant", quote, conversation.messages) for quote in quotes if quote}
    return {visible(quote): place for quote, place in said.items() if place is not None}


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    """A record as it may be shown and sent; the names by which things are found again stay as they are."""
    return {**sendable(record), **{name: record[name] for name in _NAMES & record.keys()}}


def sendable(value: Any) -> Any:
    """`value` with hidden characters made visible, and numbers that JSON has no word for as text."""
    match value:
        case str():
            return visible(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case dict():
            return {visible(name): sendable(each) for name, each in value.items()}
        case list() | tuple():
            return [sendable(each) for each in value]
    return value
