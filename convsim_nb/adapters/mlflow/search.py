"""Finding recorded sessions in a tracking store: listed without spans, which are read for those that are kept."""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING

from mlflow import MlflowClient, flush_trace_async_logging
from mlflow.exceptions import MlflowException

from convsim_nb.adapters.mlflow.sessions import Read, is_judging, is_simulated, read_groups, session_id_of
from convsim_nb.adapters.mlflow.store import Pin, default_experiment, knock, make_ready, pin, shown, store_errors
from convsim_nb.domain.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Trace

_PAGE = 500
_AT_ONCE = 8
_SHOWN = 8
_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([smhdw])\s*", re.IGNORECASE)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True)
class Wanted:
    """Which sessions are asked for."""

    experiment: str | None = None
    """A name, an id or a path; None for the active experiment."""
    last: str | timedelta | None = None
    where: str | None = None
    """A filter in MLflow's language. A session is kept when one of its traces fits, and is then read whole."""
    max_sessions: int = 100
    simulated: bool = False
    since: datetime | None = None
    """Nothing older; beside `last`."""
    until: datetime | None = None
    """Nothing that began later."""


@dataclass
class _Listing:
    """The sessions found, newest first, and what was passed over."""

    kept: dict[str, list[str]] = field(default_factory=dict)
    """The ids of sessions, each with those of its traces that were listed."""
    simulated: set[str] = field(default_factory=set)
    no_session: int = 0


def find_sessions(wanted: Wanted) -> Read:
    """The newest sessions that fit, each whole.

    Raises:
        NotFoundError: no such experiment, or no session in it that fits.
        UsageError: a filter, a time span or a number that is none.
        StoreError: the store did not answer.
    """
    since = since_when(wanted.last)
    if wanted.max_sessions < 1:
        raise UsageError(f"max_sessions={wanted.max_sessions}: ask for at least 1")
    store = pin(wanted.experiment)
    with store_errors(store.tracking_uri):
        knock(store.tracking_uri)
        make_ready(store.tracking_uri)
        client = MlflowClient(tracking_uri=store.tracking_uri)
        flush_trace_async_logging()  # what this process recorded a moment ago counts too
        experiment = experiment_of(client, store)
        with filter_errors(wanted.where):
            listing = _listed(traces_listed(client, experiment, filter_of(wanted.where, since)), wanted)
        if not listing.kept:
            raise NotFoundError(_why_none(client, experiment, wanted, listing))
        fetched = _fetched(client, experiment, list(listing.kept))
    read = read_groups(fetched)
    return Read(read.sessions, (*read.problems, *_unreadable(listing, fetched)))


def _listed(traces: Iterator["Trace"], wanted: Wanted) -> _Listing:
    """Goes through the traces, newest first, until there are sessions enough."""
    listing = _Listing()
    for trace in traces:
        session_id = session_id_of(trace)
        if session_id is None or is_judging(trace):
            listing.no_session += session_id is None
        elif is_simulated(trace) and not wanted.simulated:
            listing.simulated.add(session_id)
        else:
            listing.kept.setdefault(session_id, []).append(trace.info.trace_id)
        if len(listing.kept) == wanted.max_sessions:
            break
    return listing


def traces_listed(client: MlflowClient, experiment: "Experiment", filter_string: str | None) -> Iterator["Trace"]:
    """Traces without spans, newest first, a page at a time."""
    token = None
    while True:
        page = client.search_traces(
            locations=[experiment.experiment_id],
            filter_string=filter_string,
            order_by=["timestamp_ms DESC"],
            max_results=_PAGE,
            page_token=token,
            include_spans=False,
        )
        yield from page
        token = page.token
        if not token:
            return


def _fetched(client: MlflowClient, experiment: "Experiment", session_ids: list[str]) -> dict[str, list["Trace"]]:
    """Every trace of these sessions, with spans. Servers are asked for several at once, a local file one by one."""

    def traces_of(session_id: str) -> list["Trace"]:
        return traces_of_session(client, experiment, session_id)

    if not client.tracking_uri.startswith(("http", "databricks")):
        return {session_id: traces_of(session_id) for session_id in session_ids}
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        asked = [pool.submit(copy_context().run, traces_of, session_id) for session_id in session_ids]
        return dict(zip(session_ids, (answer.result() for answer in asked), strict=True))


def traces_of_session(client: MlflowClient, experiment: "Experiment", session_id: str) -> list["Trace"]:
    found: list[Trace] = []
    token = None
    # The filter's language has no escape for a quote: any character may stand there, and the id is compared after.
    named = f"LIKE '{session_id.replace(chr(39), '_')}'" if "'" in session_id else f"= '{session_id}'"
    while True:
        page = client.search_traces(
            locations=[experiment.experiment_id],
            filter_string=f"metadata.`mlflow.trace.session` {named}",
            max_results=_PAGE,
            page_token=token,
        )
        found += [trace for trace in page if session_id_of(trace) == session_id]
        token = page.token
        if not token:
            return found


def _unreadable(listing: _Listing, fetched: Mapping[str, Sequence["Trace"]]) -> Iterator[str]:
    """MLflow leaves out, without a word, traces whose spans it cannot load."""
    for session_id, listed in listing.kept.items():
        read = {trace.info.trace_id for trace in fetched[session_id]}
        if lost := [trace_id for trace_id in listed if trace_id not in read]:
            yield f"session {session_id!r}: MLflow could not load {', '.join(lost)}, which may leave gaps"


# --- experiment, filter, time --------------------------------------------------------


def experiment_of(client: MlflowClient, store: Pin) -> "Experiment":
    """The experiment that is asked for, by name or id.

    Raises:
        NotFoundError: there is none, or it was deleted.
    """
    name = store.experiment or default_experiment()
    found = None if store.by_id else client.get_experiment_by_name(name)
    if found is None and name.isdigit():
        try:
            found = client.get_experiment(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    if found is None:
        raise NotFoundError(f"no experiment {name!r} in {shown(client.tracking_uri)}: {_others(client, name)}")
    if found.lifecycle_stage != "active":
        raise NotFoundError(f"experiment {found.name!r} was deleted: restore it, or name another")
    return found


def _others(client: MlflowClient, name: str) -> str:
    """What to try instead of a name that is not there."""
    names = [experiment.name for experiment in client.search_experiments(max_results=1000)]
    close = get_close_matches(name, names, n=3) or [other for other in names if name.lower() in other.lower()][:3]
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"there are {', '.join(map(repr, names[:_SHOWN]))}{', ...' if len(names) > _SHOWN else ''}"


def since_when(last: str | timedelta | None) -> datetime | None:
    try:
        return None if last is None else datetime.now(UTC) - _span(last)
    except OverflowError:
        raise UsageError(f"last={last!r} reaches back before the calendar: leave it out to read all") from None


def _span(last: str | timedelta) -> timedelta:
    if isinstance(last, timedelta):
        return last
    told = _SPAN.fullmatch(last) if isinstance(last, str) else None
    if told is None:
        raise UsageError(f'last={last!r} is not a time span: write it like "7d", "12h" or "30m"')
    return timedelta(**{_UNITS[told[2].lower()]: float(told[1])})


def filter_of(where: str | None, since: datetime | None, until: datetime | None = None) -> str | None:
    clauses = [where] if where else []
    if since is not None:
        clauses.append(f"timestamp_ms >= {int(since.timestamp() * 1000)}")
    if until is not None:
        clauses.append(f"timestamp_ms < {int(until.timestamp() * 1000)}")
    return " AND ".join(clauses) or None


@contextmanager
def filter_errors(where: str | None) -> Iterator[None]:
    try:
        yield
    except MlflowException as error:
        if where is None or error.error_code not in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
            raise
        raise UsageError(f"where={where!r} is not a filter that MLflow can read: {error.message}") from error


# --- nothing found -------------------------------------------------------------------


def _why_none(client: MlflowClient, experiment: "Experiment", wanted: Wanted, listing: _Listing) -> str:
    """One line on why there is nothing, and what to do about it."""
    asked = [f"where={wanted.where!r}"] if wanted.where else []
    asked += [f"last={wanted.last!r}"] if wanted.last is not None else []
    none = f"no sessions in experiment {experiment.name!r}{' with ' + ', '.join(asked) if asked else ''}"
    earlier = _listed(traces_listed(client, experiment, wanted.where), wanted) if wanted.last is not None else listing
    if earlier.kept:
        beside = (
            f"; within last={wanted.last!r} are {len(listing.simulated)} by a simulator" if listing.simulated else ""
        )
        newest = _newest(client, experiment, wanted)
        return f"{none}: its newest recorded is of {newest:%Y-%m-%d %H:%M} UTC; ask for longer{beside}"
    if listing.simulated:
        return f"{none}: what there is ({len(listing.simulated)}) was made by a simulator; simulated=True reads it"
    if listing.no_session:
        return (
            f"{none}: its traces ({listing.no_session}) carry no session id; set one where they are made, with "
            "mlflow.update_current_trace(session_id=...)"
        )
    if not asked:
        return f"{none}: it has no traces; record some, or name another experiment"
    return f"{none}: {'no trace fits' if _any(client, experiment) else 'it has no traces'}"


def _newest(client: MlflowClient, experiment: "Experiment", wanted: Wanted) -> datetime:
    traces = traces_listed(client, experiment, wanted.where)
    newest = next(trace for trace in traces if session_id_of(trace) and (wanted.simulated or not is_simulated(trace)))
    return datetime.fromtimestamp(newest.info.request_time / 1000, UTC)


def _any(client: MlflowClient, experiment: "Experiment") -> bool:
    return next(traces_listed(client, experiment, None), None) is not None
