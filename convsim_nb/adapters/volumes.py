"""A run's journal where no file can be added to: written on the local disk, and copied out in closed segments."""

import os
import shutil
import socket
import tempfile
from pathlib import Path

from convsim_nb.adapters.journal import EVENTS, SEGMENTS, WRITER, Journal, is_written_beside, segment_lines
from convsim_nb.adapters.segments import Segmented, segments, takes_append, write_whole
from convsim_nb.domain.errors import StoreError, UsageError
from convsim_nb.domain.events import MessageDelta, RunEvent, RunStarted

_written: set[Path] = set()
"""The folders that this process writes."""


def journal_in(folder: Path) -> "Journal | VolumeJournal":
    """A run's journal in its folder, in the way that the folder allows.

    Raises:
        StoreError: the folder cannot be written to.
        UsageError: another process writes it.
    """
    return Journal(folder) if _takes_append(folder) else VolumeJournal(folder)


def _takes_append(folder: Path) -> bool:
    """Asked of what is there: a trial costs a Volume's time, and a local disk's none."""
    if folder.is_absolute() and folder.is_relative_to("/Volumes"):
        return False
    try:
        return takes_append(folder)
    except OSError:
        return True  # the journal itself says what is wrong with it


class VolumeJournal:
    """The same sink as `Journal`. What a killed process had not yet copied is lost: the events of half a second."""

    name = "journal"

    def __init__(self, folder: Path) -> None:
        """Begin, or go on with what is there.

        Raises:
            StoreError: the folder cannot be written to.
            UsageError: a process of this machine writes it.
        """
        self.folder = folder
        if folder in _written or is_written_beside(folder):
            raise UsageError(f"run {folder.name} is playing: wait for its end, or stop it, before it is taken up")
        self._local = Path(tempfile.mkdtemp(prefix="convsim-journal-"))
        try:
            (folder / SEGMENTS).mkdir(parents=True, exist_ok=True, mode=0o700)
            _mend(folder)
            write_whole(self.events, b"".join(segment_lines(folder)))
            write_whole(folder / WRITER, f"{socket.gethostname()} {os.getpid()}".encode())
            self._lines = Segmented(folder / SEGMENTS)
        except OSError as error:
            raise StoreError(
                f"the journal cannot be written in {folder}: {error}; pass journal=FOLDER or False"
            ) from None
        self._file = self.events.open("a", encoding="utf-8")
        _written.add(folder)

    @property
    def events(self) -> Path:
        """The whole of it, on the local disk, until it is closed."""
        return self._local / EVENTS

    def __call__(self, event: RunEvent) -> None:
        """Write one event."""
        if isinstance(event, MessageDelta):
            return
        line = event.model_dump_json()
        self._file.write(f"{line}\n")
        self._file.flush()
        self._lines.write(line)
        if isinstance(event, RunStarted):
            self._lines.flush()  # from now on others see that the run has begun

    def close(self) -> None:
        """Nothing more will be written; all of it is in the folder.

        Raises:
            OSError: it is not; the local copy is kept, and the error names it.
        """
        self._file.close()
        _written.discard(self.folder)
        try:
            self._lines.close()
        except OSError as error:
            raise OSError(f"{self.folder} takes no more ({error}); the whole journal is {self.events}") from error
        (self.folder / WRITER).unlink(missing_ok=True)
        shutil.rmtree(self._local, ignore_errors=True)


def _mend(folder: Path) -> None:
    """A crash may have cut the last segment short: what follows must begin on a line of its own."""
    for path in segments(folder / SEGMENTS)[-1:]:
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            write_whole(path, whole)
