"""Scorers that need no model: what the messages and the events of a conversation say by themselves."""

from collections.abc import Callable, Iterable, Sequence
from statistics import fmean, median

from pydantic import ValidationError

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.quotes import plain
from convsim_nb.domain.score import Score, value_fault
from convsim_nb.domain.secrets import masked
from convsim_nb.domain.session import Message

Value = float | int | bool | str | None
Scorer = Callable[[Conversation], Value]
"""Reads one conversation; None where it does not apply. Its name is the score's name."""
_LONGEST = 500
"""Characters of an error."""


def turns_to_goal(conversation: Conversation) -> int | None:
    """Turns until the goal was reached; None where it was not."""
    return conversation.turns if conversation.verdict == "reached" else None


def corrections(conversation: Conversation) -> int:
    """Faults of the agent that the simulated user came to correct."""
    return conversation.corrections


def agent_repeats(conversation: Conversation) -> int:
    """Replies that the agent had given before in the conversation, word for word."""
    said = [plain(message.content) for message in _replies(conversation)]
    return len(said) - len(set(said))


def tool_calls(conversation: Conversation) -> int | None:
    """Calls that the agent made to tools; None where nothing tells of them: text alone, and nothing traced."""
    if not _calls_known(conversation):
        return None
    return sum(len(message.tool_calls) for message in _replies(conversation))


def tool_errors(conversation: Conversation) -> int | None:
    """Tool calls that came back with an error; None where nothing tells of tool calls."""
    if not _calls_known(conversation):
        return None
    return sum(call.error is not None for message in _replies(conversation) for call in message.tool_calls)


def agent_latency(conversation: Conversation) -> float | None:
    """Seconds that a reply of the agent took, at the median."""
    seconds = [message.seconds for message in _replies(conversation) if message.seconds is not None]
    return median(seconds) if seconds else None


SCORERS: dict[str, Scorer] = {
    scorer.__name__: scorer
    for scorer in (turns_to_goal, corrections, agent_repeats, tool_calls, tool_errors, agent_latency)
}


def score(conversations: Iterable[Conversation], scorers: Sequence[tuple[str, Scorer]]) -> tuple[Score, ...]:
    """Every scorer's value for every conversation that came to its end without being void.

    A scorer that raises has no value there, and its error instead; one that gives None has nothing there. An agent
    whose tool calls are seen in one conversation has made none where none are seen: that it did not call its tools
    must not go uncounted.
    """
    every = tuple(conversations)
    if any(message.tool_calls for conversation in every for message in _replies(conversation)):
        every = tuple(map(_all_known, every))
    scored = (
        _scored(conversation, name, scorer)
        for conversation in every
        if conversation.verdict in ("reached", "not_reached")
        for name, scorer in scorers
    )
    return tuple(one for one in scored if one.value is not None or one.error)


def _scored(conversation: Conversation, name: str, scorer: Scorer) -> Score:
    value: object = None
    try:
        value = scorer(conversation)
        if (fault := value_fault(value)) is None:
            return Score(key=conversation.key, name=name, value=value)
        error = fault
    except ValidationError:
        kind = type(value).__name__
        error = f"it returned {kind}: give a number, a text, True or False, or None where it does not apply"
    except Exception as raised:  # noqa: BLE001 - a scorer is anybody's code: what it raises stands in its place
        error = f"{type(raised).__name__}: {' '.join(str(raised).split())}"
    return Score(key=conversation.key, name=name, value=None, error=masked(error)[:_LONGEST])


def folded(scores: Iterable[Score]) -> tuple[Score, ...]:
    """One score a conversation and name: those of single turns as their mean, the share of yes among yes and no.

    Where turns were scored with other words, the last turn's stands.
    """
    found: dict[tuple[str, str], list[Score]] = {}
    for each in scores:
        found.setdefault((each.key, each.name), []).append(each)
    return tuple(one[0] if one[0].turn is None else _over_turns(one) for one in found.values())


def _over_turns(turns: Sequence[Score]) -> Score:
    valued = [one for one in turns if one.value is not None]
    numbers = [one.number for one in valued]
    known = [number for number in numbers if number is not None]
    if not valued:
        return turns[-1].model_copy(update={"turn": None})
    if len(known) < len(numbers):
        return valued[-1].model_copy(update={"turn": None})
    if len(valued) == 1:
        return valued[0].model_copy(update={"turn": None})
    if all(one.holds is not None for one in valued) and len(set(known)) == 1:
        return valued[0].model_copy(update={"turn": None, "rationale": f"in all {len(valued)} turns"})
    said = f"{sum(known):g} of {len(known)} turns" if all(one.holds is not None for one in valued) else ""
    return Score(key=turns[0].key, name=turns[0].name, value=fmean(known), rationale=said)


def _calls_known(conversation: Conversation) -> bool:
    replies = _replies(conversation)
    return not replies or any(message.calls_known for message in replies)


def _all_known(conversation: Conversation) -> Conversation:
    if all(message.calls_known for message in conversation.messages):
        return conversation
    known = tuple(message.model_copy(update={"calls_known": True}) for message in conversation.messages)
    return conversation.model_copy(update={"messages": known})


def _replies(conversation: Conversation) -> tuple[Message, ...]:
    return tuple(m for m in conversation.messages if m.role == "assistant" and m.source == "agent")
