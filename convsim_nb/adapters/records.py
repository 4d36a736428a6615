"""Sessions out of records: one that holds its messages, or one message each."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Session
from convsim_nb.domain.transcript import fold
from convsim_nb.domain.wire import as_json, is_message, parsed, read_lines

_IDS = ("sessionid", "session", "conversationid", "dialogueid", "dialogid", "chatid", "threadid", "id")
_ALSO_IDS = (*_IDS, "conversation", "dialogue", "dialog", "chat", "thread")
_MESSAGES = (
    "messages",
    "conversations",
    "conversation",
    "dialogue",
    "dialog",
    "turns",
    "transcript",
    "chat",
    "history",
)
_ROLES = ("role", "speaker", "from", "sender", "author", "participant")
_CONTENTS = ("content", "text", "message", "utterance", "body", "value")
_CALLS = {"toolcalls": "tool_calls", "toolcallid": "tool_call_id", "functioncall": "function_call", "name": "name"}
_ORDER = ("turn", "turnindex", "turnid", "messageindex", "position", "index", "timestamp", "createdat", "time")


@dataclass
class Records:
    """The sessions read from records, and a line for each thing that was not."""

    sessions: list[Session] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class _Found:
    """What belongs together as one session, before its messages are read."""

    session_id: str
    place: str
    items: object
    metadata: dict[str, Any] = field(default_factory=dict)
    fault: str = ""

    @property
    def told(self) -> str:
        return f"{self.place} (session {self.session_id!r})"


def read_records(entries: Iterable[tuple[str, object]], *, name: str = "session") -> Records:
    """The sessions in these entries, each after its place; one without an id is named `name` and its number.

    A record is a list of messages, a dict that holds one beside an id and whatever else, or a single
    message with its session's id.
    """
    read = Records()
    taken: dict[str, str] = {}
    for found in _found(list(entries), name, read.problems):
        if found.session_id in taken:
            found.fault = f"left out, for {taken[found.session_id]} has a session of that id"
        try:
            read.sessions.append(_session(found, read.problems))
            taken[found.session_id] = found.place
        except UsageError as fault:
            read.problems.append(f"{found.told}: {fault}")
        except ValidationError as fault:  # what JSON may hold and a record may not: ten thousand brackets
            read.problems.append(f"{found.told}: it cannot be kept: {fault.errors()[0]['msg']}")
    return read


def _session(found: _Found, problems: list[str]) -> Session:
    if found.fault:
        raise UsageError(found.fault)
    items = _opened(found.items)
    if not items:
        raise UsageError("its list of messages is empty")
    messages = fold(read_lines(items))
    if not messages:
        raise UsageError("none of its messages says anything")
    if blank := [str(place) for place, item in enumerate(items, 1) if _is_blank(item)]:
        problems.append(f"{found.told}: message {', '.join(blank)} is empty, and was left out")
    rest = as_json({str(key): value for key, value in found.metadata.items()})
    return Session(
        id=found.session_id,
        messages=messages,
        started_at=_moment(rest.pop("started_at", None)),
        simulated=rest.pop("simulated", False) is True or found.session_id.startswith("sim-"),
        metadata=rest,
    )


def _opened(items: object) -> Any:
    """A cell of a table holds its list as JSON, or as Python writes it."""
    if not isinstance(items, str):
        return items
    held = parsed(items)
    if isinstance(held, str):
        try:
            held = ast.literal_eval(items)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise UsageError("its messages are a text that is no list, in JSON or in Python") from None
    return held


def _is_blank(item: object) -> bool:
    lines = read_lines([item])
    return bool(lines) and all(line.role in ("user", "assistant") and line.says_nothing for line in lines)


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


# --- which entries belong together ---------------------------------------------------


def _found(entries: Sequence[tuple[str, object]], name: str, problems: list[str]) -> Iterator[_Found]:
    """What each session is made of: first those that stand whole in one entry, then those of one entry a message."""
    rows = []
    for number, (place, value) in enumerate(entries, 1):
        if isinstance(value, list | tuple):
            yield _Found(f"{name}-{number}", place, list(value))
        elif not isinstance(value, Mapping):
            problems.append(f"{place}: a session is a list of messages, or a dict with one; this is {value!r:.60}")
        elif (key := _listing(value)) is not None:
            yield _whole(value, key, place, f"{name}-{number}")
        elif _key(value, _ROLES) or is_message(value):
            rows.append((place, value))
        else:
            problems.append(f"{place}: no messages in it; it has {', '.join(map(str, value)) or 'nothing'}")
    yield from _grouped(rows, f"{name}-1", problems)


def _listing(record: Mapping[Any, Any]) -> Any:
    """The key of the list of messages. In a row of one message, `conversation` may be the name of one."""
    keys = _keys(record, _MESSAGES)
    lists = [key for key in keys if isinstance(record[key], list | tuple) or str(record[key]).lstrip().startswith("[")]
    return next(iter(lists or ([] if _key(record, _ROLES) else keys)), None)


def _whole(record: Mapping[Any, Any], key: Any, place: str, name: str) -> _Found:
    at = next((one for one in _keys(record, _ALSO_IDS) if one != key and isinstance(record[one], str | int)), None)
    session_id = name if at is None else str(record[at]).strip() or name
    return _Found(session_id, place, record[key], {k: v for k, v in record.items() if k not in (key, at)})


def _grouped(rows: Sequence[tuple[str, Mapping[Any, Any]]], name: str, problems: list[str]) -> Iterator[_Found]:
    """Rows of one message each, by session, in order of their time or number where all of a session have one."""
    groups: dict[str, list[tuple[str, Mapping[Any, Any]]]] = {}
    at = _row_ids([row for _, row in rows])
    for place, row in rows:
        session_id = name if at is None else str(row.get(at) or "").strip()
        if session_id:
            groups.setdefault(session_id, []).append((place, row))
        else:
            problems.append(f"{place}: has no {at}, so it belongs to no session")
    for session_id, members in groups.items():
        yield _of_rows(session_id, members, at)


def _row_ids(rows: Sequence[Mapping[Any, Any]]) -> Any:
    """The column that says which session a row belongs to. A plain `id` that never repeats is the message's own."""
    found = _keys(rows[0], _ALSO_IDS) if rows else []
    if found and _plain(found[0]) == "id" and len({row.get(found[0]) for row in rows}) == len(rows):
        return None
    return found[0] if found else None


def _of_rows(session_id: str, rows: Sequence[tuple[str, Mapping[Any, Any]]], at: Any) -> _Found:
    ordered = _in_order(rows)
    items, fault = [], ""
    for place, row in ordered:
        items.append(_message(row))
        try:
            read_lines(items[-1:])
        except UsageError as wrong:
            fault = fault or f"{place}: {str(wrong).removeprefix('message 1 ')}"
    return _Found(session_id, rows[0][0], items, _shared([row for _, row in ordered], at), fault)


def _message(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row as a message, whatever its columns are called."""
    if is_message(row):
        return dict(row)
    message = {"role": row.get(_key(row, _ROLES)), "content": row.get(_key(row, _CONTENTS))}
    for key, value in row.items():
        if (wire := _CALLS.get(_plain(key))) and value:
            message[wire] = parsed(value) if wire in ("tool_calls", "function_call") else value
    return message


def _in_order(rows: Sequence[tuple[str, Mapping[Any, Any]]]) -> list[tuple[str, Mapping[Any, Any]]]:
    for key in _keys(rows[0][1], _ORDER):
        places = [_number(row.get(key)) for _, row in rows]
        known = [place for place in places if place is not None]
        if len(known) == len(rows):
            return [row for _, row in sorted(zip(known, rows, strict=True), key=lambda pair: pair[0])]
    return list(rows)


def _number(value: object) -> float | None:
    """A place in an order: a number, or a moment as seconds."""
    try:
        return float(str(value))
    except ValueError:
        moment = value if isinstance(value, datetime) else _moment(value)
        return moment.timestamp() if moment else None


def _shared(rows: Sequence[Mapping[Any, Any]], at: Any) -> dict[str, Any]:
    """What all rows of a session say alike, as the session's."""
    spoken = {at, _key(rows[0], _ROLES), _key(rows[0], _CONTENTS)}
    columns = [key for key in rows[0] if key not in spoken and _plain(key) not in (*_CALLS, *_ORDER)]
    return {key: rows[0][key] for key in columns if all(row.get(key) == rows[0][key] for row in rows)}


# --- names ---------------------------------------------------------------------------


def _plain(key: object) -> str:
    return str(key).casefold().replace("_", "").replace(" ", "").replace("-", "")


def _keys(record: Mapping[Any, Any], names: Sequence[str]) -> list[Any]:
    """The keys of a record that go by these names, in the order of the names."""
    by_name = {_plain(key): key for key in reversed(list(record))}
    return [by_name[name] for name in names if name in by_name]


def _key(record: Mapping[Any, Any], names: Sequence[str]) -> Any:
    return next(iter(_keys(record, names)), None)
