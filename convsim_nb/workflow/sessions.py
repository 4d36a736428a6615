"""Recorded sessions in: from MLflow's traces, from files, from what a notebook holds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from convsim_nb.adapters.files import Entries, read_file, read_frame
from convsim_nb.adapters.records import read_records
from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.domain.session import Session
from convsim_nb.domain.wire import is_messages

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 8
_WIDE = 80
_COLUMNS = ["session_id", "started_at", "turns", "messages", "tool_calls", "first_message", "simulated", "traces"]


class Sessions(Sequence[Session]):
    """An ordered, immutable set of recorded sessions; `problems` says in a line each what could not be read."""

    def __init__(self, sessions: Iterable[Session] = (), *, problems: Iterable[str] = ()) -> None:
        self._sessions = tuple(sessions)
        self.problems = tuple(problems)

    @overload
    def __getitem__(self, index: int) -> Session: ...
    @overload
    def __getitem__(self, index: slice) -> "Sessions": ...
    @overload
    def __getitem__(self, index: str) -> Session: ...

    def __getitem__(self, index: int | slice | str) -> "Session | Sessions":
        """A session by its place or its id; a slice is a set again."""
        if isinstance(index, slice):
            return Sessions(self._sessions[index], problems=self.problems)
        return self._by_id(index) if isinstance(index, str) else self._sessions[index]

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sessions) and self._sessions == other._sessions

    def __hash__(self) -> int:
        return hash(tuple(session.id for session in self._sessions))

    def __repr__(self) -> str:
        lines = [f"  {session.id}: {_opening(session)}" for session in self._sessions[:_SHOWN]]
        more = [f"  ... and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        problems = [f"  {_counted(len(self.problems), 'problem')}: see .problems"] if self.problems else []
        return "\n".join([_counted(len(self), "session"), *lines, *more, *problems])

    def _repr_html_(self) -> str:
        from convsim_nb.views.static_html import sessions_html

        return sessions_html(self._sessions)

    def to_frame(self) -> "pd.DataFrame":
        """One row a session: its size, how it begins, and when it was."""
        import pandas as pd

        return pd.DataFrame([_row(session) for session in self._sessions], columns=_COLUMNS)

    def _by_id(self, session_id: str) -> Session:
        found = next((session for session in self._sessions if session.id == session_id), None)
        if found is None:
            ids = ", ".join(session.id for session in self._sessions[:_SHOWN])
            raise NotFoundError(f"no session {session_id!r} among these {len(self)}: there are {ids or 'none'}")
        return found


def search_sessions(
    *,
    experiment: str | None = None,
    last: str | timedelta | None = None,
    where: str | None = None,
    max_sessions: int = 100,
    simulated: bool = False,
) -> Sessions:
    """Read recorded sessions out of MLflow's traces, the newest first.

    Whatever made the traces, each message stands in its session once. A session is found by any of its
    traces, and is read whole.

    Args:
        experiment: A name, an id or a path; by default the active experiment.
        last: How far back to look: "7d", "12h", "30m", or a timedelta.
        where: A filter on traces in MLflow's language, such as "tags.team = 'billing'".
        max_sessions: How many to read at most.
        simulated: Whether sessions made by a simulator are read too.

    Raises:
        NotFoundError: no such experiment, or no session that fits.
        UsageError: `last` or `where` cannot be read.
        StoreError: the tracking store failed.
    """
    from convsim_nb.adapters.mlflow.search import Wanted, find_sessions

    name = None if experiment is None else str(experiment)
    read = find_sessions(Wanted(name, last, where, max_sessions, simulated))
    if not read.sessions:
        raise NotFoundError(f"none of the sessions found can be read: {_first_of(read.problems)}")
    return Sessions(read.sessions, problems=read.problems)


def as_sessions(source: Any) -> Sessions:
    """What a verb was given as sessions: those of `search_sessions`, or whatever `load_sessions` reads."""
    return source if isinstance(source, Sessions) else load_sessions(source, simulated=True)


def load_sessions(source: Any, *, simulated: bool = False) -> Sessions:
    """Read sessions from a file, or from what a notebook holds.

    Args:
        source: A path to .jsonl, .json, .csv or .tsv; a data frame; one session as a list of messages; a
            list of such lists, or of dicts with `messages`, or of dicts with one message each and a
            `session_id`; what `mlflow.search_sessions()` or `mlflow.search_traces()` gave.
        simulated: Whether sessions made by a simulator are kept too.

    Raises:
        NotFoundError: no such file.
        UsageError: nothing in it can be read; the message says why.
        StoreError: the file cannot be read as text.
    """
    found = _read(source)
    kept = [session for session in found if simulated or not session.simulated]
    problems = list(found.problems)
    if left := len(found) - len(kept):
        problems.append(f"{_counted(left, 'session')} made by a simulator left out: simulated=True keeps them")
    if not kept:
        raise UsageError(f"no sessions in {_named(source)}: {_first_of(problems)}")
    return Sessions(kept, problems=problems)


# --- sources -------------------------------------------------------------------------


def _read(source: Any) -> Sessions:
    if isinstance(source, str | Path):
        path = Path(source).expanduser()
        entries, problems = read_file(path)
        return _from_entries(entries, name=path.stem, problems=problems)
    if hasattr(source, "columns") and hasattr(source, "to_dict"):
        return _from_traces(source["trace"]) if "trace" in source.columns else _from_entries(read_frame(source))
    if isinstance(source, Session | Mapping) or hasattr(source, "traces"):
        return _from_items([source])
    if isinstance(source, Iterable):
        return _from_items(list(source))
    raise UsageError(f"sessions cannot be read from a {type(source).__name__}: give a file, a data frame or a list")


def _from_items(items: list[Any]) -> Sessions:
    if items and all(isinstance(item, Session) for item in items):
        return Sessions(items)
    if any(_is_trace(item) for item in items):
        return _from_traces(items)
    if any(_holds_traces(item) for item in items):
        return _from_groups(items)
    if is_messages(items) and not any(map(_names_session, items)):
        items = [items]
    return _from_entries([(f"item {number}", item) for number, item in enumerate(items, 1)])


def _from_entries(entries: Entries, *, name: str = "session", problems: Iterable[str] = ()) -> Sessions:
    read = read_records(entries, name=name)
    return Sessions(read.sessions, problems=(*problems, *read.problems))


def _from_groups(items: list[Any]) -> Sessions:
    """Lists of traces, and MLflow's own session objects: each a session."""
    from convsim_nb.adapters.mlflow.sessions import read_session, session_id_of

    sessions, problems = [], []
    for number, item in enumerate(items, 1):
        traces = list(getattr(item, "traces", item))
        try:
            name = next(filter(None, map(session_id_of, traces)), f"session-{number}")
            sessions.append(read_session(traces, session_id=name))
        except (UsageError, AttributeError) as fault:
            problems.append(f"item {number}: {fault}")
    return Sessions(sessions, problems=problems)


def _from_traces(traces: Iterable[Any]) -> Sessions:
    """Traces one by one, as objects or as their JSON, grouped by the session that they name."""
    from convsim_nb.adapters.mlflow.sessions import read_traces

    read = read_traces(traces)
    return Sessions(read.sessions, problems=read.problems)


def _is_trace(item: object) -> bool:
    return hasattr(item, "info") and hasattr(item, "data")


def _holds_traces(item: object) -> bool:
    """Whether this is a list of traces, or an `mlflow.entities.Session`."""
    traces = getattr(item, "traces", item)
    return isinstance(traces, list | tuple) and any(map(_is_trace, traces))


def _names_session(item: object) -> bool:
    return isinstance(item, Mapping) and any(key in item for key in ("session_id", "conversation_id"))


# --- words ---------------------------------------------------------------------------


def _first_of(problems: Sequence[str]) -> str:
    if not problems:
        return "it is empty"
    more = f" (and {_counted(len(problems) - 1, 'more problem')})" if len(problems) > 1 else ""
    return f"{problems[0]}{more}"


def _named(source: Any) -> str:
    return str(source) if isinstance(source, str | Path) else f"this {type(source).__name__}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _opening(session: Session) -> str:
    """How the user begins, in a few words."""
    said = " ".join(next(iter(session.user_messages), session.messages[0].content).split())
    return said if len(said) <= _WIDE else f"{said[:_WIDE]}..."


def _row(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "started_at": session.started_at,
        "turns": len(session.user_messages),
        "messages": len(session.messages),
        "tool_calls": sum(len(message.tool_calls) for message in session.messages),
        "first_message": _opening(session),
        "simulated": session.simulated,
        "traces": len(session.trace_ids),
    }
