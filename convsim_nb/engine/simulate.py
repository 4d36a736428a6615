"""A run: many conversations at once, against one agent."""

import asyncio
import uuid
from collections.abc import Sequence

from convsim_nb.domain import events as ev
from convsim_nb.domain.state import RunState
from convsim_nb.engine.converse import Parts, converse
from convsim_nb.engine.trial import Trial


async def simulate(parts: Parts) -> None:
    """Play all conversations of a started run that have not ended yet, `settings.concurrency` at a time.

    Told by events alone; the last is `RunEnded`. Cancelling it ends the conversations
    as `cancelled`, what was done is kept, and `CancelledError` goes on to the caller.
    """
    emit = parts.emit
    places = asyncio.Semaphore(parts.settings.concurrency)
    try:
        async with asyncio.TaskGroup() as group:
            for trial in _left_to_do(emit.state):
                group.create_task(_in_turn(places, trial, parts), name=trial.key)
    finally:
        stopped = any(
            conversation.stop is None or conversation.stop == "cancelled" for conversation in emit.state.conversations
        )
        emit(ev.RunEnded(at=emit.now, stopped=stopped))


async def _in_turn(places: asyncio.Semaphore, trial: Trial, parts: Parts) -> None:
    async with places:
        await converse(trial, parts)


def _left_to_do(state: RunState) -> Sequence[Trial]:
    return [
        Trial(
            key=conversation.key,
            case=state.cases[conversation.case_id],
            agent=conversation.agent,
            trial=conversation.trial,
            attempt=conversation.attempt + 1,
            session_id=f"sim-{uuid.uuid4().hex[:16]}",
        )
        for conversation in state.conversations
        if conversation.stop is None
    ]
