"""The journal: one JSON line an event, in a folder a run. What is written survives the process."""

import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError
from convsim_nb.domain.events import EVENT, MessageDelta, RunEvent

EVENTS = "events.jsonl"
JOURNALS = Path(".convsim") / "runs"
"""Where journals lie by default, in the working folder."""
_WRITER = "writer.pid"


class Journal:
    """A sink that writes each event but text deltas, flushed at once, readable by its owner alone."""

    name = "journal"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = _create(folder)
        self._failed = False

    def __call__(self, event: RunEvent) -> None:
        """Write one event."""
        if isinstance(event, MessageDelta):
            return
        try:
            self._file.write(f"{event.model_dump_json()}\n")
            self._file.flush()
        except OSError:
            self._failed = True
            raise

    def close(self) -> None:
        """Nothing more will be written."""
        with suppress(OSError) if self._failed else nullcontext():  # said already, when the disk was full
            self._file.close()
        (self.folder / _WRITER).unlink(missing_ok=True)


def _create(folder: Path) -> TextIO:
    """Open the journal for appending; other users of the machine can't read it.

    Raises:
        StoreError: the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _ignored_by_git(folder.parent.parent)
        opened = os.open(folder / EVENTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _claim(opened, folder)
        _drop_half_line(folder / EVENTS)
        (folder / _WRITER).write_text(str(os.getpid()))
        return os.fdopen(opened, "a", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"the journal cannot be written in {folder}: {error}; pass journal=FOLDER or False") from None


def _drop_half_line(path: Path) -> None:
    """A crash may have cut the last line short: what follows must begin on a line of its own."""
    if path.exists():
        whole = path.read_bytes().rfind(b"\n") + 1
        os.truncate(path, whole)


def _ignored_by_git(root: Path) -> None:
    ignore = root / ".gitignore"
    if root.name == ".convsim" and not ignore.exists():
        ignore.write_text("*\n")


def read_journal(folder: Path) -> Iterator[RunEvent]:
    """The events of a run, in order; a last line that was cut short by a crash is left out.

    Raises:
        NotFoundError: there is no journal in the folder.
        StoreError: a line that is not the last is not an event.
    """
    path = folder / EVENTS
    if not path.exists():
        raise NotFoundError(f"no journal in {folder}")
    lines = path.read_bytes().splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            yield EVENT.validate_json(line)
        except ValidationError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                return
            raise StoreError(f"{path}:{number} is not an event: {error.errors()[0]['msg']}") from None


def is_being_written(folder: Path) -> bool:
    """Whether somebody is writing the journal: in this process, or in another of this machine that lives."""
    if fcntl is not None:
        try:
            with (folder / EVENTS).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False
    try:
        pid = int((folder / _WRITER).read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    return True


def _claim(opened: int, folder: Path) -> None:
    """Hold the journal for this run alone: two that play the same run would pay for it twice.

    Raises:
        UsageError: somebody holds it.
    """
    if fcntl is None:
        return
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(opened)
        raise UsageError(f"run {folder.name} is playing: wait for its end, or stop it, before it is taken up") from None
    except OSError:  # a file system without locks
        return
