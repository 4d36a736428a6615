"""Whose fault it was: what simulation and scorers themselves did wrong, so that no agent is blamed for it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import OWN_CHECK
from convsim_nb.domain.score import Score

_OFTEN = 0.1
"""The share of the simulated user's messages from which it is said how many were stopped."""
_GUARD = re.compile(r"^guard '(\w+)'")


def simulation_faults(conversations: Sequence[Conversation]) -> tuple[str, ...]:
    """In a line each: the void conversations summed up, often stopped messages, then each void one."""
    void = [one for one in conversations if one.verdict == "void" and one.stop != "cancelled"]
    named = (f"{one.key} is void ({_stop(one)}): {one.detail or 'no detail'}" for one in void)
    return (*_summed_up(void, of=len(conversations)), *_often_stopped(conversations), *named)


def score_faults(scores: Iterable[Score]) -> tuple[str, ...]:
    """A line for each scorer that failed: how often, and its first error."""
    named: dict[str, list[str]] = {}
    for one in scores:
        named.setdefault(one.name, []).append(one.error)
    return tuple(
        f"scorer {name} failed {len(failed)} of {len(errors)} times: {failed[0]}"
        for name, errors in named.items()
        if (failed := [error for error in errors if error])
    )


def _summed_up(void: Sequence[Conversation], *, of: int) -> Iterator[str]:
    if len(void) > 1:
        why = ", ".join(f"{reason} {count}" for reason, count in Counter(map(_reason, void)).most_common())
        yield f"{len(void)} of {of} conversations are void and say nothing of the agent: {why}"


def _reason(conversation: Conversation) -> str:
    guard = _GUARD.match(conversation.detail)
    return f"{conversation.stop} by guard {guard.group(1)}" if guard else _stop(conversation)


def _stop(conversation: Conversation) -> str:
    """What stopped it; a goal function of the caller's own is no model."""
    return "goal_check" if conversation.detail.startswith(OWN_CHECK) else str(conversation.stop)


def _often_stopped(conversations: Sequence[Conversation]) -> Iterator[str]:
    stopped = Counter(rejection.guard for one in conversations for rejection in one.rejections)
    said = sum(message.source == "simulated" for one in conversations for message in one.messages)
    if stopped.total() > _OFTEN * (said + stopped.total()) and said:
        guards = ", ".join(f"{guard} {count}" for guard, count in stopped.most_common())
        yield f"guards stopped {stopped.total()} messages of the simulated user beside the {said} it sent: {guards}"
