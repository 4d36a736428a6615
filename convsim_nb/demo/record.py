"""Puts the built-in sessions into MLflow, as the traces that a traced agent would have left."""

import contextvars
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from convsim_nb.adapters.mlflow.export import Export, export
from convsim_nb.adapters.mlflow.net import Claim
from convsim_nb.adapters.mlflow.store import Destination, pin, store_errors
from convsim_nb.demo.sessions import Row, built_in_sessions, turns_of
from convsim_nb.domain.errors import StoreError

_SESSION = "mlflow.trace.session"
_USER = "mlflow.trace.user"
_NS_PER_MS = 1_000_000
_PAGE = 500
_LETTER_MS = 180
"""How long a customer takes to type a letter."""
_THINKING_MS = 400
"""How long the agent takes before its first tool call, and again for its answer."""


@dataclass(frozen=True)
class _Turn:
    """One customer's message, and what came of it."""

    session: Row
    number: int
    """From 1."""
    history: tuple[Row, ...]
    """What was said before, and the message itself."""
    told: tuple[Row, ...]
    """The agent's tool calls with their results, and its answer."""
    start_ms: int
    """Since the epoch; the same whenever it is recorded."""

    @property
    def key(self) -> tuple[str, int]:
        return self.session["session_id"], self.start_ms

    @property
    def calls(self) -> Iterator[tuple[str, Any, Any]]:
        """Name, arguments and result of each tool call, in order."""
        results = {row["tool_call_id"]: row["content"] for row in self.told if row["role"] == "tool"}
        for call in (call for row in self.told for call in row.get("tool_calls", ())):
            function = call["function"]
            yield function["name"], json.loads(function["arguments"]), json.loads(results[call["id"]])


def record_sessions(*, tracking_uri: str | None = None, experiment: str = "convsim-demo") -> tuple[str, ...]:
    """Write the built-in sessions, each turn a trace, and give their session ids.

    An experiment that is not there is made; a turn that is there already is not written twice.
    MLflow's current experiment and store stay what they are; all is stored when this returns.

    Raises:
        NotFoundError: the experiment was deleted.
        StoreError: the store cannot be reached or written, or MLflow's tracing is switched off.
    """
    place = pin(experiment, tracking_uri=tracking_uri).reach()
    sessions = built_in_sessions()
    with store_errors(place.tracking_uri):
        there = _recorded(place)
        missing = [turn for session in sessions for turn in _turns(session) if turn.key not in there]
        if missing:
            _write(missing, place)
    return tuple(session["session_id"] for session in sessions)


def _recorded(place: Destination) -> set[tuple[str, int]]:
    """The keys of the turns that the experiment holds."""
    found: set[tuple[str, int]] = set()
    token: str | None = None
    while True:
        page = place.client.search_traces(
            locations=[place.experiment_id], max_results=_PAGE, include_spans=False, page_token=token
        )
        found |= {(trace.info.trace_metadata.get(_SESSION, ""), trace.info.request_time) for trace in page}
        token = page.token
        if not token:
            return found


def _turns(session: Row) -> Iterator[_Turn]:
    """The turns of a session, each begun when its message could have been typed."""
    history: tuple[Row, ...] = ()
    now = int(datetime.fromisoformat(session["started_at"]).timestamp() * 1000)
    for number, (asked, *told) in enumerate(turns_of(session["messages"]), start=1):
        turn = _Turn(session, number, (*history, asked), tuple(told), now)
        yield turn
        history = (*turn.history, *told)
        now += _duration_ms(turn) + _LETTER_MS * len(told[-1]["content"])


def _duration_ms(turn: _Turn) -> int:
    return 2 * _THINKING_MS + sum(_tool_ms(name, turn) for name, *_ in turn.calls)


def _tool_ms(name: str, turn: _Turn) -> int:
    """Between 60 and 260 ms, the same at every recording."""
    return 60 + zlib.crc32(f"{turn.key}{name}".encode()) % 200


def _write(turns: list[_Turn], place: Destination) -> None:
    way = export()
    way.experiment_id = place.experiment_id
    try:
        for turn in turns:
            _trace(turn, way)
        while way.write(place, run_id="", findings={}, everything=True):
            pass
    finally:
        way.close()


def _trace(turn: _Turn, way: Export) -> None:
    """One trace: the agent's span, which repeats the whole history, and its tools' inside it."""
    metadata = {_SESSION: turn.session["session_id"], _USER: turn.session["user"]}
    inputs = {"messages": list(turn.history)}
    root = _open("support_agent", "AGENT", inputs, turn.start_ms, metadata=metadata, experiment_id=way.experiment_id)
    if not str(root.trace_id).startswith("tr-"):
        raise StoreError("MLflow's tracing is switched off, or samples: call mlflow.tracing.enable() first")
    claim = Claim(root.trace_id, turn.session["session_id"], turn.number, metadata, {})
    way.opened(claim)
    now = turn.start_ms + _THINKING_MS
    for name, arguments, result in turn.calls:
        span = _open(name, "TOOL", arguments, now, parent_span=root)
        now += _tool_ms(name, turn)
        span.end(outputs=result, end_time_ns=now * _NS_PER_MS)
    root.set_outputs(_outputs(turn))
    way.closing(claim)
    root.end(end_time_ns=(now + _THINKING_MS) * _NS_PER_MS)
    way.ended(claim)


def _open(name: str, kind: str, inputs: Any, start_ms: int, **options: Any) -> Any:
    """A span at that time, in an empty context: one that the caller has open would swallow it."""
    import mlflow

    opening = mlflow.start_span_no_context
    start_ns = start_ms * _NS_PER_MS
    return contextvars.Context().run(opening, name, span_type=kind, inputs=inputs, start_time_ns=start_ns, **options)


def _outputs(turn: _Turn) -> Row:
    """A Chat Completions reply; with tool calls on the way, all messages of the turn: MLflow shows them as a chat."""
    if len(turn.told) > 1:
        return {"messages": list(turn.told)}
    return {"choices": [{"index": 0, "message": turn.told[-1], "finish_reason": "stop"}]}
