"""A look through a store's sessions before any is read whole."""

import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol, overload

from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError
from convsim_nb.domain.preview import SessionPreview
from convsim_nb.domain.session import Session
from convsim_nb.views.session_table import cut, marks, previews_html, when
from convsim_nb.views.words import count
from convsim_nb.workflow.sessions import Sessions

if TYPE_CHECKING:
    import pandas as pd

_SHOWN, _WIDE = 12, 70
PATIENCE = 10.0
"""Seconds that a server has to say whether an experiment is there."""


class Lister(Protocol):
    """Where a list comes from: a store that is read backwards, or sessions at hand."""

    @property
    def place(self) -> str:
        """What it is a list of, in words."""
        ...

    @property
    def found(self) -> Sequence[SessionPreview]:
        """All so far, the newest first."""
        ...

    @property
    def complete(self) -> bool:
        """True when there is nothing further back."""
        ...

    @property
    def hidden(self) -> Collection[str]:
        """Sessions that a simulator made, where they are not asked for."""
        ...

    @property
    def no_session(self) -> int:
        """Traces that name no session."""
        ...

    def more(self, sessions: int) -> int:
        """Read on until so many more are known, or there are none; gives how many came."""
        ...

    def open(self, session_id: str) -> Session:
        """A session whole."""
        ...


class SessionList(Sequence[SessionPreview]):
    """The sessions listed so far, the newest first; `more()` lists on, `read()` reads some of them whole."""

    def __init__(self, browser: Lister) -> None:
        self._browser = browser

    @property
    def complete(self) -> bool:
        """Whether there is nothing further back."""
        return self._browser.complete

    @property
    def place(self) -> str:
        """What it is a list of: the experiment's name."""
        return self._browser.place

    @property
    def simulated(self) -> int:
        """Sessions that a simulator made and that are left out."""
        return len(self._browser.hidden)

    @property
    def no_session(self) -> int:
        """Traces so far that name no session."""
        return self._browser.no_session

    def more(self, sessions: int = 100) -> "SessionList":
        """List so many more sessions, where there are any; gives the list itself.

        Raises:
            UsageError: the filter is none that MLflow can read, or `sessions` is below 1.
            StoreError: the store did not answer.
        """
        if sessions < 1:
            raise UsageError(f"more({sessions}): ask for at least 1")
        self._browser.more(sessions)
        return self

    def read(self, ids: Iterable[str] | None = None) -> Sessions:
        """Sessions whole, with all their messages; by default all that are listed.

        Raises:
            NotFoundError: an id that is not in the list.
            UsageError: none of them holds a message.
            StoreError: the store did not answer.
        """
        asked = [each.id for each in self] if ids is None else [ids] if isinstance(ids, str) else list(ids)
        known = {each.id for each in self}
        if missing := [each for each in asked if each not in known]:
            raise NotFoundError(f"no session {missing[0]!r} among these {len(self)}: more() lists further back")
        sessions, problems = [], []
        for each in asked:
            try:
                sessions.append(self._browser.open(each))
            except UsageError as fault:
                problems.append(str(fault))
        if not sessions:
            raise UsageError(f"none of these sessions can be read: {problems[0] if problems else 'no id was given'}")
        return Sessions(sessions, problems=problems)

    def open(self, session_id: str) -> Session:
        """One session whole; raises as `read` does."""
        return self.read([session_id])[0]

    @overload
    def __getitem__(self, index: int) -> SessionPreview: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SessionPreview]: ...

    def __getitem__(self, index: int | slice) -> "SessionPreview | Sequence[SessionPreview]":
        return self._browser.found[index]

    def __len__(self) -> int:
        return len(self._browser.found)

    def __iter__(self) -> Iterator[SessionPreview]:
        return iter(self._browser.found)

    def __repr__(self) -> str:
        lines = [f"  {when(each)}  {each.id}: {_said(each)}" for each in self[:_SHOWN]]
        more = [f"  ... and {len(self) - _SHOWN} more here"] if len(self) > _SHOWN else []
        return "\n".join([self._how_far(), *lines, *more])

    def _repr_html_(self) -> str:
        return previews_html(self, self._how_far())

    def to_frame(self) -> "pd.DataFrame":
        """One row a session, with the columns of `SessionPreview`."""
        import pandas as pd

        return pd.DataFrame([each.model_dump() for each in self], columns=list(SessionPreview.model_fields))

    def _how_far(self) -> str:
        hidden = f", {self.simulated} simulated left out" if self.simulated else ""
        listed = f"{count(len(self), 'session')} in {self.place}"
        return f"{listed}{hidden}" if self.complete else f"{listed} so far: more() lists further back{hidden}"


def check_experiment(experiment: str) -> None:
    """See that an experiment is there to be listed; where the store does not answer (soon), listing says so.

    Raises:
        NotFoundError: there is none of that name, id or path.
    """
    from convsim_nb.adapters.mlflow.browse import Browser
    from convsim_nb.adapters.mlflow.search import Wanted
    from convsim_nb.adapters.mlflow.store import pin

    store = pin(experiment)
    missing: list[NotFoundError] = []

    def look() -> None:
        try:
            with suppress(StoreError):
                Browser(Wanted(experiment, None, None, 1, simulated=True), store=store)
        except NotFoundError as error:
            missing.append(error)

    looking = threading.Thread(target=look, name="convsim-experiment", daemon=True)
    looking.start()
    is_server = store.tracking_uri.startswith(("http", "databricks"))
    looking.join(PATIENCE if is_server else None)  # a database of one's own is never silent
    if missing:
        raise missing[0]


def list_sessions(
    *,
    experiment: str | None = None,
    last: str | timedelta | None = None,
    where: str | None = None,
    sessions: int = 100,
    simulated: bool = False,
    since: datetime | None = None,
    until: datetime | None = None,
) -> SessionList:
    """List recorded sessions without reading them: quick in experiments of any size.

    MLflow lists traces, not sessions: the list goes back in time, and what it says of a session is of the
    traces found so far.

    Args:
        experiment: A name, an id or a path; by default the active experiment.
        last: How far back to look: "7d", "12h", "30m", or a timedelta.
        where: A filter on traces in MLflow's language, such as "tags.team = 'billing'".
        sessions: How many to list at first; `more()` goes on.
        simulated: Whether sessions made by a simulator are listed too.
        since: Nothing older than this; where `last` is given too, the later of the two holds.
        until: Nothing that began later.

    Raises:
        NotFoundError: no such experiment.
        UsageError: an argument that cannot be read.
        StoreError: the tracking store failed.
    """
    from convsim_nb.adapters.mlflow.browse import Browser
    from convsim_nb.adapters.mlflow.search import Wanted

    name = None if experiment is None else str(experiment)
    wanted = Wanted(name, last, where, simulated=simulated, since=since, until=until)
    return SessionList(Browser(wanted)).more(sessions)


def _said(preview: SessionPreview) -> str:
    warned = f" [{', '.join(found)}]" if (found := marks(preview)) else ""
    return f"{count(preview.traces, 'turn')}, {cut(preview.first_said, _WIDE)}{warned}"
