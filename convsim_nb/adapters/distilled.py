"""What was distilled so far, a JSON line a session: a second call does only what is missing."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import ConvsimError, StoreError, UsageError
from convsim_nb.domain.session import Session

KEPT = Path(".convsim") / "distilled"
"""Where unfinished work lies by default, in the working folder."""


@dataclass(frozen=True)
class Done:
    """What came of one session."""

    cases: tuple[TestCase, ...]
    problems: tuple[str, ...] = ()


def key_of(session: Session, *, how: Mapping[str, Any]) -> str:
    """What a session's line is found by: its messages, and all that shapes what is read out of them."""
    said = [[message.role, message.content] for message in session.messages]
    text = json.dumps([session.id, said, how], sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def place_of(keys: Sequence[str]) -> Path:
    """The file for this work where none is named: the same work finds the same file."""
    return KEPT / f"{hashlib.sha256(''.join(sorted(keys)).encode()).hexdigest()[:16]}.jsonl"


class DistillJournal:
    """A file that keeps what was distilled, each line flushed, readable by its owner alone."""

    def __init__(self, path: Path) -> None:
        """Read what the file holds, and open it for more.

        Raises:
            StoreError: it cannot be read or written.
            UsageError: it is no such file.
        """
        self.path = path
        self._done = dict(_read(path)) if path.exists() else {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _ignored_by_git(path.parent.parent)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise StoreError(f"{path} cannot be written: {error}; give journal= another file, or False") from None
        self._file = os.fdopen(descriptor, "a", encoding="utf-8")

    def get(self, key: str) -> Done | None:
        """What came of a session before."""
        return self._done.get(key)

    def put(self, key: str, session_id: str, done: Done) -> None:
        """Keep what came of a session."""
        cases = [case.as_mapping() for case in done.cases]
        row = {"key": key, "session": session_id, "cases": cases, "problems": list(done.problems)}
        self._file.write(f"{json.dumps(row, ensure_ascii=False)}\n")
        self._file.flush()

    def close(self, *, keep: bool) -> None:
        """Nothing more will be written; a file that nobody named goes when its work is done."""
        self._file.close()
        if not keep:
            self.path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # other unfinished work lies there
                self.path.parent.rmdir()


def _read(path: Path) -> Iterator[tuple[str, Done]]:
    """The lines of the file; a last one that a crash cut short is left out, and cut off the file."""
    try:
        raw = path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):
            os.truncate(path, len(whole))
        lines = whole.decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        if line:
            yield _line(path, number, line)


def _line(path: Path, number: int, line: str) -> tuple[str, Done]:
    try:
        row = json.loads(line)
        cases = tuple(TestCase.model_validate(case) for case in row["cases"])
        return str(row["key"]), Done(cases, tuple(row["problems"]))
    except (ValueError, KeyError, TypeError, ConvsimError) as error:
        raise UsageError(f"{path}:{number} is no line of distilled sessions: {error!r}; name another file") from None


def _ignored_by_git(root: Path) -> None:
    ignore = root / ".gitignore"
    if root.name == ".convsim" and not ignore.exists():
        ignore.write_text("*\n")
