"""Whether a run has come to its end, and what needs one that has."""

from typing import TYPE_CHECKING

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.state import RunState

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def missing(state: RunState) -> list[str]:
    """The keys of the conversations that never came to an end of their own."""
    return [c.key for c in state.conversations if c.stop in (None, "cancelled", "over_budget") and c.origin is None]


def is_finished(state: RunState) -> bool:
    """Whether nothing is left to play, and the end was written: a process may have died in the moment between."""
    return state.ended and not missing(state)


def refuse_unended(run: "Run", *, before: str) -> None:
    """Refuse a run that still plays, or was cut off; `before` is what was called.

    Raises:
        UsageError: it has not ended.
    """
    if run.state.ended:
        return
    if run.ended.is_set():  # nothing plays it in this process: another does, or died with it
        raise UsageError(
            f"run {run.run_id} has not ended: wait for the process that plays it, or cs.resume({run.run_id!r}, "
            f"agent=...), before {before}"
        )
    raise UsageError(f"run {run.run_id} has not ended: call run.wait() or run.stop() before {before}")


def refuse_unended_conversation(run: "Run", key: str, *, before: str) -> None:
    """Refuse a conversation that still plays, whatever the others do.

    Raises:
        UsageError: it has not ended, or there is none of that key.
    """
    if run.conversation(key).stop is None:
        raise UsageError(f"conversation {key} has not ended: call run.wait() or run.stop({key!r}) before {before}")
