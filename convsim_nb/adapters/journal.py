"""The journal: one JSON line an event, in a folder a run. What is written survives the process."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from convsim_nb.adapters.segments import FIRST_SEGMENT, segments, write_whole
from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError
from convsim_nb.domain.events import EVENT, MessageDelta, RunEvent

EVENTS = "events.jsonl"
SEGMENTS = "events"
"""The folder of a journal that is kept in closed files, where none can be added to."""
JOURNALS = Path(".convsim") / "runs"
"""Where journals lie by default, in the working folder."""
WRITER = "writer.pid"


class Journal:
    """A sink that writes each event but text deltas, flushed at once, readable by its owner alone."""

    name = "journal"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = _create(folder)
        self._failed = False

    @property
    def events(self) -> Path:
        """Its file."""
        return self.folder / EVENTS

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
        (self.folder / WRITER).unlink(missing_ok=True)


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
        (folder / WRITER).write_text(str(os.getpid()))
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


def read_journal(folder: Path, *, needed: Callable[[bytes], bool] = lambda _line: True) -> Iterator[RunEvent]:
    """The events of a run, in order; a last line that was cut short by a crash is left out.

    Lines that are not `needed` are passed over, unread.

    Raises:
        NotFoundError: there is no journal in the folder.
        StoreError: a line that is not the last is not an event.
    """
    path = folder / EVENTS
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else segment_lines(folder)
    if not lines and not path.exists():
        raise NotFoundError(f"no journal in {folder}")
    for number, line in enumerate(lines, start=1):
        if not needed(line):
            continue
        try:
            yield EVENT.validate_json(line)
        except ValidationError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                return
            raise StoreError(f"{path}:{number} is not an event: {error.errors()[0]['msg']}") from None


def first_line(folder: Path) -> bytes:
    """The line that a journal begins with, as it is; empty where nothing was written.

    Raises:
        OSError: it cannot be read.
    """
    path = folder / EVENTS
    with (path if path.exists() else folder / SEGMENTS / FIRST_SEGMENT).open("rb") as file:
        return file.readline()


def segment_lines(folder: Path) -> list[bytes]:
    """The lines of a journal that is kept in closed files; none where there are no such files."""
    return [line for path in segments(folder / SEGMENTS) for line in path.read_bytes().splitlines(keepends=True)]


def journals_in(root: Path) -> list[Path]:
    """The folders below one that hold a journal, oldest first."""
    found = (path for pattern in (EVENTS, f"{SEGMENTS}/{FIRST_SEGMENT}") for path in root.glob(f"*/{pattern}"))
    return sorted({root / path.relative_to(root).parts[0] for path in found}) if root.is_dir() else []


@contextmanager
def as_file(folder: Path) -> Iterator[Path]:
    """The journal as one file, as long as it is needed."""
    if (folder / EVENTS).exists():
        yield folder / EVENTS
        return
    with tempfile.TemporaryDirectory(prefix="convsim-journal-") as place:
        write_whole(Path(place) / EVENTS, b"".join(segment_lines(folder)))
        yield Path(place) / EVENTS


def is_being_written(folder: Path) -> bool:
    """Whether somebody is writing the journal: in this process, or in another of this machine that lives.

    Of a journal in closed files, another machine is believed that says so.
    """
    if not (folder / EVENTS).exists():
        return _is_segmented_by_somebody(folder)
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
        pid = int((folder / WRITER).read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return False
    return True


def _is_segmented_by_somebody(folder: Path) -> bool:
    try:
        host, pid = (folder / WRITER).read_text().split()
        if host == socket.gethostname():
            os.kill(int(pid), 0)
    except (OSError, ValueError):
        return False
    return True


def is_written_beside(folder: Path) -> bool:
    """Whether a journal in closed files is written by another process of this machine.

    One of another machine is not believed: a cluster that died is followed by one of another name.
    """
    try:
        host, pid = (folder / WRITER).read_text().split()
    except (OSError, ValueError):
        return False
    return host == socket.gethostname() and int(pid) != os.getpid() and _is_segmented_by_somebody(folder)


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
