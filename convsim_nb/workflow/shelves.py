"""Where sessions are picked from: a tracking store as it is now, or sessions at hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from convsim_nb.domain.preview import SessionPreview
from convsim_nb.domain.session import Session
from convsim_nb.workflow.browse import SessionList
from convsim_nb.workflow.sessions import Sessions, as_sessions

if TYPE_CHECKING:
    from convsim_nb.adapters.mlflow.experiments import ExperimentNames

_SEARCHED = 3_000_000
"""Characters of all sessions at hand that a search may look through."""
_OLDEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Query:
    """Which sessions a list shows; what is None or empty leaves it open."""

    experiment: str | None = None
    """A name, an id or a path; None for the one that was active when the shelf was made."""
    last: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    where: str = ""
    simulated: bool = False


class Shelf(Protocol):
    """Gives lists of sessions; every call may take as long as a store takes to answer."""

    @property
    def is_store(self) -> bool:
        """Whether there are experiments to choose from, and traces to filter."""
        ...

    def list(self, query: Query) -> SessionList:
        """A list with nothing in it yet: `more()` begins.

        Raises:
            NotFoundError: no such experiment.
            UsageError: the query cannot be read.
            StoreError: the store did not answer.
        """
        ...


class StoreShelf:
    """The tracking store and the experiment as they are when this is made: later changes of MLflow's touch nothing."""

    is_store = True

    def __init__(self, experiment: str | None = None) -> None:
        """Stays off the network."""
        from convsim_nb.adapters.mlflow.store import pin

        self._store = pin(None if experiment is None else str(experiment))

    @property
    def uri(self) -> str:
        """The store's address, without its password."""
        from convsim_nb.adapters.mlflow.store import shown

        return shown(self._store.tracking_uri)

    def list(self, query: Query) -> SessionList:
        """Sessions of an experiment, newest first."""
        from convsim_nb.adapters.mlflow.browse import Browser
        from convsim_nb.adapters.mlflow.search import Wanted
        from convsim_nb.adapters.mlflow.store import Pin

        named = query.experiment
        store = self._store if named is None else Pin(self._store.tracking_uri, named)
        wanted = Wanted(
            named, query.last, query.where.strip() or None, 0, query.simulated, since=query.since, until=query.until
        )
        return SessionList(Browser(wanted, store=store))

    def experiments(self, text: str = "") -> "ExperimentNames":
        """The experiments with `text` in their name, the newest first.

        Raises:
            StoreError: the store did not answer.
        """
        from convsim_nb.adapters.mlflow.experiments import experiments_named

        return experiments_named(self._store.tracking_uri, text)


class GivenShelf:
    """Sessions at hand: what `search_sessions` gave, a list, a file."""

    is_store = False

    def __init__(self, sessions: Any) -> None:
        """Reads them.

        Raises:
            UsageError: nothing in them can be read as a session.
            NotFoundError: no such file.
        """
        given = sessions.read() if isinstance(sessions, SessionList) else as_sessions(sessions)
        self.problems = given.problems
        self._named = _named(given)

    def said_in(self, name: str) -> str:
        """All that was said in a session, on one line, cut where many sessions are long."""
        room = max(400, _SEARCHED // len(self._named))
        session = self._named.get(name)
        said = " ".join(" ".join(message.content.split()) for message in session.messages) if session else ""
        return said[:room]

    def list(self, query: Query) -> SessionList:
        """Those that fit, the newest first where they say when they were."""
        return SessionList(_Given(self._named, query))


class _Given:
    """Lists what is at hand."""

    place = "Sessions given"
    no_session = 0
    hidden: tuple[str, ...] = ()
    """Whoever gives simulated sessions has asked for them."""

    def __init__(self, named: dict[str, Session], query: Query) -> None:
        since = _since(query)
        previews = (SessionPreview.of(session, name=name) for name, session in named.items())
        fitting = [each for each in previews if _fits(each, since, query.until)]
        self._named = named
        self._waiting = sorted(fitting, key=lambda each: _at(each) or _OLDEST, reverse=True)
        self._shown = 0

    @property
    def found(self) -> Sequence[SessionPreview]:
        return self._waiting[: self._shown]

    @property
    def complete(self) -> bool:
        return self._shown >= len(self._waiting)

    def more(self, sessions: int) -> int:
        before, self._shown = self._shown, min(self._shown + sessions, len(self._waiting))
        return self._shown - before

    def open(self, session_id: str) -> Session:
        return self._named[session_id]


def _named(given: Sessions) -> dict[str, Session]:
    """By id; a second one of the same id is told apart."""
    named: dict[str, Session] = {}
    for session in given:
        name, again = session.id, 2
        while name in named:
            name, again = f"{session.id}~{again}", again + 1
        named[name] = session
    return named


def _since(query: Query) -> datetime | None:
    if query.last is None:
        return query.since
    from convsim_nb.adapters.mlflow.search import since_when

    return max(filter(None, (since_when(query.last), query.since)), default=None)


def _fits(preview: SessionPreview, since: datetime | None, until: datetime | None) -> bool:
    if since is None and until is None:
        return True
    at = _at(preview)
    return at is not None and (since is None or at >= since) and (until is None or at < until)


def _at(preview: SessionPreview) -> datetime | None:
    """When it was; a time without a zone is taken for UTC."""
    last = preview.last
    return last if last is None or last.tzinfo else last.replace(tzinfo=UTC)
