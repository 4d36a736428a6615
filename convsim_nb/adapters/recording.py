"""Model replies kept in a file, and played again: the same conversations with no key and no cost.

A file is JSON lines: first the models' names, then a line a call with its request, its reply and its usage.
"""

import hashlib
import json
import os
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import UNRECORDED, ModelError, NotFoundError, StoreError, UsageError
from convsim_nb.engine.ports import Chat, ChatReply, ChatRequest

_SHOWN = 80
_FIRST = b'{"models": '
"""How every recording begins."""


class Recorder:
    """Writes every reply of the models that it wraps to one file, readable by its owner alone."""

    def __init__(
        self,
        path: Path,
        *,
        models: Mapping[str, str],
        params: Mapping[str, Mapping[str, Any]] | None = None,
        resumed: bool = False,
    ) -> None:
        """`models` and their `params` are by who they play: `user` and `judge`.

        Raises:
            StoreError: the file cannot be written.
            UsageError: it holds something already, and what was begun is not `resumed`, which adds to it.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            held = _held(path)
            if held and not (resumed and path.read_bytes().startswith(_FIRST)):
                raise UsageError(f"record={str(path)!r} is there and not empty: delete it, or give another file")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            if path.is_file():  # /dev/null and pipes have no length
                os.ftruncate(descriptor, held)
        except OSError as error:
            raise StoreError(f"replies cannot be recorded in {path}: {error}; give record= another file") from None
        self._on_failure: Callable[[str], None] = lambda _: None
        self._failure: str | None = None
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        if not held:
            self._write({"models": dict(models), "params": {who: dict(each) for who, each in (params or {}).items()}})

    @property
    def on_failure(self) -> Callable[[str], None]:
        """Told once, with the reason, that the file takes no more: at once where that has happened.

        The models answer all the same.
        """
        return self._on_failure

    @on_failure.setter
    def on_failure(self, told: Callable[[str], None]) -> None:
        self._on_failure = told
        if self._failure is not None:
            told(self._failure)

    def listen(self, chat: Chat, *, params: Mapping[str, Any] | None = None) -> Chat:
        """The same model, each of its replies kept; `params` go with every call of it."""

        async def asked(request: ChatRequest) -> ChatReply:
            reply = await chat(request)
            usage = reply.usage.model_dump(mode="json", exclude_defaults=True)
            self._write({**_plain(request, params), "reply": reply.text, "usage": usage})
            return reply

        return asked

    def close(self) -> None:
        """Nothing more will be written."""
        with suppress(OSError) if self._failure else nullcontext():  # said already, when the disk was full
            self._file.close()

    def _write(self, row: Mapping[str, Any]) -> None:
        if self._failure is not None:
            return
        try:
            self._file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
            self._file.flush()
        except OSError as error:
            self._failure = f"{type(error).__name__}: {error}"
            self._on_failure(self._failure)


class Replay:
    """A model that answers from a recording.

    A request that was not recorded is a `ModelError` that says what changed.
    """

    def __init__(self, path: Path) -> None:
        """Read a recording.

        Raises:
            NotFoundError: no such file.
            UsageError: it is no recording, or holds no reply.
        """
        self.path = path
        self.models: dict[str, str] = {}
        """Who answered, by what it was: `user` and `judge`."""
        self.params: dict[str, dict[str, Any]] = {}
        """What went with every call, by the same names."""
        self._asked: list[dict[str, Any]] = []
        self._replies: dict[str, deque[dict[str, Any]]] = defaultdict(deque)
        for number, line in enumerate(_lines(path), start=1):
            self._read(number, line)
        if not self._asked:
            raise UsageError(f"{path} holds no reply: its recording failed, or was never played; record it again")

    async def __call__(self, request: ChatRequest) -> ChatReply:
        """The recorded reply to a request; where it was asked several times, in the order of asking."""
        return self._answer(_plain(request))

    def asked_with(self, params: Mapping[str, Any]) -> Chat:
        """The same recording, for a model with whose every call `params` go."""

        async def asked(request: ChatRequest) -> ChatReply:
            return self._answer(_plain(request, params))

        return asked

    def _answer(self, asked: dict[str, Any]) -> ChatReply:
        found = self._replies.get(_digest(asked))
        if not found:
            raise ModelError(f"{self.path} {UNRECORDED}: {self._changed(asked)}")
        row = found.popleft() if len(found) > 1 else found[0]
        return ChatReply(row["reply"], Usage(**row["usage"]))

    def _read(self, number: int, line: str) -> None:
        try:
            row = json.loads(line)
            if "models" in row:
                self.models, self.params = row["models"], row.get("params", {})
                return
            asked = {"kind": row["kind"], "messages": row["messages"], "params": row["params"]}
            self._asked.append(asked)
            self._replies[_digest(asked)].append({"reply": row["reply"], "usage": row["usage"]})
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.path}:{number} is no line of a recording: {error!r}; record it again") from None

    def _changed(self, asked: Mapping[str, Any]) -> str:
        """The first difference from the recorded request that is most like it."""
        alike = [one for one in self._asked if one["kind"] == asked["kind"]]
        if not alike:
            return f"nothing of its kind ({asked['kind'] or 'text'}) was recorded"
        nearest = max(alike, key=lambda one: _same(one["messages"], asked["messages"]))
        place = _same(nearest["messages"], asked["messages"])
        if asked["messages"] == nearest["messages"]:
            return f"its parameters were {nearest['params']}, now they are {asked['params']}; record it again"
        before, now = _at(nearest["messages"], place), _at(asked["messages"], place)
        which = "the prompt" if place == 0 else f"message {place}"
        return f"{which} was {before}, now it is {now}; record it again"


def _held(path: Path) -> int:
    """How many bytes of whole lines a file holds; 0 too for a recording that was begun and has no reply."""
    if not path.is_file():
        return 0
    kept = path.read_bytes()
    if not kept.strip() or (kept.startswith(_FIRST) and kept.count(b"\n") <= 1):
        return 0
    return kept.rfind(b"\n") + 1 or len(kept)  # a process that died may have left half a line


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8").split("\n") if line.strip()]
    except FileNotFoundError:
        raise NotFoundError(f"no recording {path}: make one with record={str(path)!r}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def _plain(request: ChatRequest, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "kind": request.reply_type.__name__ if request.reply_type else "",
        "messages": [[message.role, message.content] for message in request.messages],
        "params": {**request.params, **(params or {})},
    }


def _digest(asked: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _same(one: list[Any], other: list[Any]) -> int:
    """How many messages are alike from the start."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _at(messages: list[Any], place: int) -> str:
    if place >= len(messages):
        return "not there"
    text = " ".join(str(messages[place][1]).split())
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
