"""A run: many conversations at once, against one agent."""

import asyncio
from collections.abc import Sequence

from convsim_nb.domain import events as ev
from convsim_nb.domain.state import RunState
from convsim_nb.engine.converse import Parts, converse
from convsim_nb.engine.trial import Trial, new_session_id


async def simulate(parts: Parts, trials: Sequence[Trial] | None = None) -> None:
    """Play the trials given, or all of a started run that have not ended yet, as many at once as `control.places`.

    Told by events alone; the last is `RunEnded`. Cancelling it ends the conversations
    as `cancelled`, what was done is kept, and `CancelledError` goes on to the caller.
    """
    emit, control = parts.emit, parts.control
    begun = left_to_do(emit.state) if trials is None else trials
    alarm, stopped = _alarm(parts), False
    try:
        async with asyncio.TaskGroup() as group:
            control.opened(lambda trial: group.create_task(_in_turn(trial, parts)), begun)
    except asyncio.CancelledError:
        stopped = True
        raise
    finally:
        control.closed()
        if alarm:
            alarm.cancel()
        emit(ev.RunEnded(at=emit.now, stopped=stopped))


async def _in_turn(trial: Trial, parts: Parts) -> None:
    control = parts.control
    async with control.places:
        # While all wait none begins, and no model is asked; but a fork was asked for by a person.
        if control.holds_all and control.holds(trial.key) and trial.origin is None:
            await control.released(trial.key)
        with parts.control.playing(trial.key):
            await converse(trial, parts)


def _alarm(parts: Parts) -> asyncio.TimerHandle | None:
    """What ends the conversations when the run's time is up."""
    budget = parts.budget
    if budget.max_seconds is None:
        return None

    def ring() -> None:
        budget.late = True
        parts.control.hurry()

    return asyncio.get_running_loop().call_later(budget.max_seconds, ring)


def left_to_do(state: RunState) -> Sequence[Trial]:
    """A new attempt for each conversation that has not come to an end of its own."""
    return [
        Trial(
            key=conversation.key,
            case=state.cases[conversation.case_id],
            agent=conversation.agent,
            trial=conversation.trial,
            attempt=conversation.attempt + 1,
            session_id=new_session_id(),
        )
        for conversation in state.conversations
        if conversation.stop in (None, "cancelled", "over_budget") and conversation.origin is None
    ]
