"""What Spark's workers told and no driver heard, for it had died: found when the run is taken up again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from convsim_nb.adapters.journal import read_journal
from convsim_nb.adapters.spool import BoxFollower, boxes_in, events_of, goes_in
from convsim_nb.domain.events import ConversationStarted, RunEvent
from convsim_nb.domain.state import RunState


class _Sessions:
    """Which attempt each event belongs to, in a story that is told in order."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}

    def of(self, event: RunEvent) -> str:
        """The session; empty for an event of no conversation."""
        if isinstance(event, ConversationStarted):
            self._newest[event.key] = event.session_id
        return self._newest.get(getattr(event, "key", ""), "")


def unheard(shared: Path, journal: Path | None) -> Iterator[RunEvent]:
    """The events in a run's shared folder that its journal lacks, of attempts that no later one has replaced.

    Raises:
        OSError: the shared folder cannot be read.
        StoreError: the journal cannot be read.
    """
    gos = goes_in(shared)
    if journal is None or not gos:
        return
    events = tuple(read_journal(journal))
    heard, state = _counted(events), RunState.replay(events)
    for go in gos:
        for box in range(boxes_in(go)):
            yield from _of_box(events_of(BoxFollower(go, box).new()), heard, state)


def _counted(events: Iterable[RunEvent]) -> Counter[str]:
    sessions = _Sessions()
    return Counter(sessions.of(event) for event in events)


def _of_box(told: Iterable[RunEvent], heard: Counter[str], state: RunState) -> Iterator[RunEvent]:
    """A driver hears an attempt's events in order: what it has not heard is their end."""
    sessions, seen = _Sessions(), Counter[str]()
    for event in told:
        session = sessions.of(event)
        seen[session] += 1
        if session and seen[session] > heard[session] and _counts(event, session, state):
            state.apply(event)
            yield event


def _counts(event: RunEvent, session: str, state: RunState) -> bool:
    """Whether an event is of the newest attempt, or begins a newer one."""
    conversation = state.by_key[getattr(event, "key", "")]
    if isinstance(event, ConversationStarted):
        return event.attempt > conversation.attempt
    return conversation.session_id == session
