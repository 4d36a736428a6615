"""Lines in a folder that others read while they are written: appended to one file, or in closed files.

Unity Catalog's volumes take a file whole, once: no appending, no renaming over another, no writing in the
middle. There, and wherever a folder refuses to be appended to, lines go out in segments: files of which
each is complete when the next one begins.
"""

import os
import threading
import uuid
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Protocol

_EVERY = 0.5
"""Seconds between two segments, at most."""
_NAME = "{:06d}.jsonl"
FIRST_SEGMENT = _NAME.format(1)


class Lines(Protocol):
    """Where lines are written; any thread may call it."""

    def write(self, line: str) -> None:
        """Write one line, without its end.

        Raises:
            OSError: the folder takes no more.
        """

    def close(self) -> None:
        """Nothing more will be written; returns when all of it is there.

        Raises:
            OSError: the folder takes no more.
        """


def lines_in(folder: Path, *, append: bool) -> Lines:
    """A writer into a folder, in the way that it allows; what is there stays before it.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Appended(folder) if append else Segmented(folder)


def takes_append(folder: Path) -> bool:
    """Whether a folder's files may be added to, found out by trying; never on `/Volumes`.

    Raises:
        OSError: the folder cannot be written to at all.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.is_relative_to("/Volumes"):
        return False
    tried = folder / f"try-{uuid.uuid4().hex[:8]}"
    write_whole(tried, b"1")
    try:
        with tried.open("ab") as file:
            file.write(b"2")
        return tried.read_bytes() == b"12"
    except OSError:
        return False
    finally:
        tried.unlink(missing_ok=True)


def segments(folder: Path) -> list[Path]:
    """The files of a folder, in order."""
    return sorted(folder.glob("[0-9]" * 6 + ".jsonl"))


class Appended:
    """One file, each line flushed: whoever kills the process loses no line."""

    def __init__(self, folder: Path) -> None:
        path = folder / _next(folder)
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, line: str) -> None:
        """Write one line."""
        with self._lock:
            self._file.write(f"{line}\n")
            self._file.flush()

    def close(self) -> None:
        """Nothing more will be written."""
        self._file.close()


class Segmented:
    """Closed files, made by a thread: what a killed process had not yet put into one is lost, half a second at most.

    A folder that fails is tried again, until `close`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, len(segments(folder)) + 1
        self._waiting: deque[str] = deque()
        self._closing = threading.Event()
        self._failure: OSError | None = None
        self._copying = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="convsim-segments", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Write one line, in half a second."""
        self._waiting.append(line)

    def flush(self) -> None:
        """Write what waits now, as far as the folder takes it."""
        with self._copying:
            self._copy()

    def close(self) -> None:
        """Nothing more will be written; the last segment is made."""
        self._closing.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while not self._closing.wait(_EVERY):
            self.flush()
        self.flush()

    def _copy(self) -> None:
        lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not lines:
            return
        path = self._folder / _NAME.format(self._number)
        try:
            write_whole(path, "".join(f"{line}\n" for line in lines).encode())
        except OSError as error:
            self._failure = error
            self._waiting.extendleft(reversed(lines))
            with suppress(OSError):  # half of it may be there; the next try writes it whole
                path.unlink(missing_ok=True)
            return
        self._failure = None
        self._number += 1


class Follower:
    """Reads the lines of a folder as they come; a line that is half written is left for the next time."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self._read = folder, 1, 0
        self._found: list[bytes] = []

    def new(self) -> list[bytes]:
        """The lines that were not there before.

        Raises:
            OSError: the folder cannot be read; what was read is given the next time.
        """
        while True:
            is_closed = (self._folder / _NAME.format(self._number + 1)).exists()  # asked first: then it is whole
            self._found.extend(self._lines(self._folder / _NAME.format(self._number)))
            if not is_closed:
                found, self._found = self._found, []
                return found
            self._number, self._read = self._number + 1, 0

    def _lines(self, path: Path) -> list[bytes]:
        try:
            with path.open("rb") as file:
                if self._read:
                    file.seek(self._read)
                new = file.read()
        except FileNotFoundError:
            return []
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        return whole.splitlines()


def _next(folder: Path) -> str:
    return _NAME.format(len(segments(folder)) + 1)


def write_whole(path: Path, content: bytes) -> None:
    """Write a file in one piece, readable by its owner alone; over one that is there, too.

    Raises:
        OSError: it cannot be written.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
