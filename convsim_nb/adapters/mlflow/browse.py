"""A store's sessions, listed a page at a time and without spans; read whole one by one."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient, flush_trace_async_logging

from convsim_nb.adapters.mlflow.search import (
    Wanted,
    experiment_of,
    filter_errors,
    filter_of,
    since_when,
    traces_listed,
    traces_of_session,
)
from convsim_nb.adapters.mlflow.sessions import is_judging, is_simulated, read_session, session_id_of
from convsim_nb.adapters.mlflow.shapes import heard, replied
from convsim_nb.adapters.mlflow.store import Pin, knock, make_ready, pin, store_errors
from convsim_nb.domain.preview import SessionPreview
from convsim_nb.domain.session import Session
from convsim_nb.domain.wire import Line, parsed

if TYPE_CHECKING:
    from mlflow.entities import Trace

_NO = ("no", "false", "fail", "failed", "bad")


class Browser:
    """Goes back through the traces of an experiment; `more` goes on where it stopped."""

    def __init__(self, wanted: Wanted, *, store: Pin | None = None) -> None:
        """Opens the store and checks what is asked for; reads no trace yet. `max_sessions` plays no part.

        `store` is one that was pinned before; by default it is MLflow's of now.

        Raises:
            NotFoundError: no such experiment.
            UsageError: a time span that is none.
            StoreError: the store did not answer.
        """
        since, store = _later(since_when(wanted.last), wanted.since), store or pin(wanted.experiment)
        self._wanted, self._uri = wanted, store.tracking_uri
        with store_errors(self._uri):
            knock(self._uri)
            make_ready(self._uri)
            self._client = MlflowClient(tracking_uri=self._uri)
            flush_trace_async_logging()  # what this process recorded a moment ago counts too
            self.experiment = experiment_of(self._client, store)
        self._traces = traces_listed(self._client, self.experiment, filter_of(wanted.where, since, wanted.until))
        self._found: dict[str, SessionPreview] = {}
        self.traces_read = 0
        self.no_session = 0
        """Traces that name no session."""
        self.hidden: set[str] = set()
        """Sessions that a simulator made, where they are not asked for."""
        self.complete = False
        """True when there is nothing further back."""

    @property
    def place(self) -> str:
        """Where it looks: the experiment's name."""
        return str(self.experiment.name)

    @property
    def found(self) -> tuple[SessionPreview, ...]:
        """All sessions so far, by their last trace, the newest first."""
        return tuple(self._found.values())

    def more(self, sessions: int) -> int:
        """Read on until so many sessions more are known, or there are none; gives how many came.

        Raises:
            UsageError: the filter is none that MLflow can read.
            StoreError: the store did not answer.
        """
        before = len(self._found)
        with store_errors(self._uri), filter_errors(self._wanted.where):
            while len(self._found) - before < sessions:
                trace = next(self._traces, None)
                if trace is None:
                    self.complete = True
                    break
                self._take(trace)
        return len(self._found) - before

    def open(self, session_id: str) -> Session:
        """A session whole, with the spans of its traces.

        Raises:
            UsageError: nothing in it reads as a message.
            StoreError: the store did not answer.
        """
        with store_errors(self._uri):
            return read_session(traces_of_session(self._client, self.experiment, session_id), session_id=session_id)

    def _take(self, trace: "Trace") -> None:
        self.traces_read += 1
        session_id = session_id_of(trace)
        if session_id is None or is_judging(trace):
            self.no_session += session_id is None
        elif is_simulated(trace) and not self._wanted.simulated:
            self.hidden.add(session_id)
        else:
            seen = _preview(trace, session_id)
            known = self._found.get(session_id)
            self._found[session_id] = known.joined(seen) if known else seen


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


def _preview(trace: "Trace", session_id: str) -> SessionPreview:
    info = trace.info
    began = datetime.fromtimestamp(info.request_time / 1000, UTC)
    return SessionPreview(
        id=session_id,
        began=began,
        last=began,
        first_said=_last_of("user", heard, info.request_preview or ""),
        last_answer=_last_of("assistant", replied, info.response_preview or ""),
        seconds=(info.execution_duration or 0) / 1000,
        errors=int(getattr(info.state, "value", info.state) == "ERROR"),
        bad=tuple(f"{one.name}={one.value}" for one in _feedback(info) if _says_no(one.value)),
        simulated=is_simulated(trace),
    )


def _last_of(role: str, read: Callable[[object], Iterable[Line]], preview: str) -> str:
    """What was said, where MLflow could not tell it from its wrapping, and shows JSON; a cut one stays as it is."""
    given = parsed(preview) if preview.lstrip()[:1] in ("{", "[", '"') else None
    said = [line.text for line in read(given) if line.role == role and line.text.strip()] if given != preview else []
    return said[-1] if said else preview


def _feedback(info: Any) -> list[Any]:
    return [one for one in info.assessments if getattr(one, "feedback", None) is not None]


def _says_no(value: object) -> bool:
    """Whether what a person or a scorer says is that something is wrong."""
    if isinstance(value, str):
        return value.strip().lower() in _NO
    if isinstance(value, bool):
        return not value
    return isinstance(value, int | float) and value < 0.5  # noqa: PLR2004 - scores run from 0 to 1
