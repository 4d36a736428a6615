"""Recorded sessions out of MLflow's traces."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from convsim_nb.adapters.mlflow.stitch import stitch
from convsim_nb.adapters.mlflow.turns import Turn, read_turn
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Session

if TYPE_CHECKING:
    from mlflow.entities import Trace

SESSION_KEY = "mlflow.trace.session"
_USER_KEY = "mlflow.trace.user"
_SIMULATION = "mlflow.simulation."
_SCORER_TAG = "mlflow.trace.sourceScorer"


def session_id_of(trace: "Trace") -> str | None:
    return trace.info.trace_metadata.get(SESSION_KEY) or None


def is_simulated(trace: "Trace") -> bool:
    """Whether a simulator made this trace: ours or MLflow's own."""
    named = (session_id_of(trace) or "").startswith("sim-")
    return named or any(key.startswith(_SIMULATION) for key in trace.info.trace_metadata)


def is_judging(trace: "Trace") -> bool:
    """Whether a scorer made this trace, about a conversation and not in one."""
    return _SCORER_TAG in trace.info.tags


def read_session(traces: Iterable["Trace"], *, session_id: str) -> Session:
    """One session out of its traces, in whatever order they come.

    Raises:
        UsageError: there is no message in them.
    """
    spoken = [trace for trace in traces if not is_judging(trace)]
    turns = sorted((turn for trace in spoken if (turn := read_turn(trace))), key=lambda turn: turn.started)
    messages = stitch(turns)
    if not messages:
        raise UsageError(f"session {session_id!r} has no messages: {_why_silent(spoken)}")
    return Session(
        id=session_id,
        messages=messages,
        trace_ids=_trace_ids(spoken),
        started_at=_started(spoken, turns),
        simulated=session_id.startswith("sim-") or any(map(is_simulated, spoken)),
        metadata={**_metadata(spoken)},
    )


@dataclass(frozen=True)
class Read:
    """What was read, and in one line each what could not be."""

    sessions: tuple[Session, ...]
    problems: tuple[str, ...]


def read_traces(traces: Iterable[object]) -> Read:
    """Sessions out of loose traces, by the session that each names; a trace may be given as its JSON."""
    from mlflow.entities import Trace

    groups: dict[str, list[Trace]] = {}
    without = 0
    for given in traces:
        trace = Trace.from_json(given) if isinstance(given, str) else given
        if isinstance(trace, Trace) and (session_id := session_id_of(trace)):
            groups.setdefault(session_id, []).append(trace)
        else:
            without += 1
    read = read_groups(groups)
    loose = (f"traces without a session id, left out: {without}",) if without else ()
    return Read(read.sessions, (*read.problems, *loose))


def read_groups(groups: Mapping[str, Sequence["Trace"]]) -> Read:
    """A session for each group of traces, by its id."""
    sessions, problems = [], []
    for session_id, traces in groups.items():
        try:
            sessions.append(read_session(traces, session_id=session_id))
        except UsageError as fault:
            problems.append(str(fault))
    return Read(tuple(sessions), tuple(problems))


def _why_silent(traces: Sequence["Trace"]) -> str:
    if not traces:
        return "none of its traces could be read whole"
    if not any(trace.data.spans for trace in traces):
        return "its traces came without spans; read them with include_spans=True"
    return f"nothing in its traces ({len(traces)}) reads as a user's or an agent's message"


def _trace_ids(traces: Sequence["Trace"]) -> tuple[str, ...]:
    return tuple(trace.info.trace_id for trace in sorted(traces, key=lambda trace: trace.info.request_time))


def _started(traces: Sequence["Trace"], turns: Sequence[Turn]) -> datetime:
    first = turns[0].started if turns else min(trace.info.request_time for trace in traces) / 1000
    return datetime.fromtimestamp(first, UTC)


def _metadata(traces: Sequence["Trace"]) -> dict[str, str]:
    """What the first trace that has it says: the user, the application's own keys, and a simulation's case."""
    found: dict[str, str] = {}
    for trace in sorted(traces, key=lambda trace: trace.info.request_time):
        for key, value in trace.info.trace_metadata.items():
            if key == _USER_KEY:
                found.setdefault("user", value)
            elif not key.startswith("mlflow.") or key.startswith(_SIMULATION):
                found.setdefault(key, value)
        if trace.info.experiment_id:
            found.setdefault("experiment_id", trace.info.experiment_id)
    return found
