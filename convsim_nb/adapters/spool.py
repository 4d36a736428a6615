"""What workers tell of a run, in a folder that they share with the driver: events, and the agent's traces.

```
<folder>/go-1/stop                    workers that find it end what they play
<folder>/go-1/00003/1/000001.jsonl    box 3 of the run's conversations, its second attempt: a header, then lines
```
A go is the run's beginning, or its being taken up again. A box is a part of the run's conversations that one
worker plays. An attempt that follows another has read all that was there of it before its header was written,
so its header is the end of the one before.
"""

import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from convsim_nb.adapters.segments import Follower, Lines, lines_in
from convsim_nb.domain.errors import StoreError
from convsim_nb.domain.events import MessageDelta, RunEnded, RunEvent, RunStarted
from convsim_nb.domain.record import Record

_STOP = "stop"


class Header(Record):
    """The first line of an attempt."""

    kind: Literal["header"] = "header"
    began: float
    """Seconds since 1970, by the worker's clock: from here its events count."""
    host: str = ""
    pid: int = 0


class CarriedTrace(Record):
    """A turn's trace, as the agent made it on the worker."""

    kind: Literal["trace"] = "trace"
    trace_id: str
    session_id: str
    turn: int
    """From 1."""
    metadata: dict[str, str]
    tags: dict[str, str]
    trace: str
    """MLflow's JSON of it."""


SpoolLine = Header | CarriedTrace | RunEvent
_LINE: TypeAdapter[SpoolLine] = TypeAdapter(Annotated[SpoolLine, Field(discriminator="kind")])


class Spool:
    """A worker's sink: every event but text deltas and the run's own beginning and end, and traces between them."""

    name = "spool"

    def __init__(self, folder: Path, box: int, *, append: bool) -> None:
        """Begin a new attempt at a box.

        Raises:
            OSError: the folder cannot be written to.
        """
        self.folder = _claim(folder / f"{box:05d}")
        self.lines = 0
        """How many were written, the header among them."""
        self._lines: Lines = lines_in(self.folder, append=append)
        self._write(Header(began=time.time(), host=socket.gethostname(), pid=os.getpid()))

    @property
    def attempt(self) -> int:
        """From 0."""
        return int(self.folder.name)

    @property
    def is_followed(self) -> bool:
        """Whether another worker has begun the same box anew: this one is taken for dead."""
        return (self.folder.parent / str(self.attempt + 1)).exists()

    def __call__(self, event: RunEvent) -> None:
        """Write one event."""
        if not isinstance(event, RunStarted | RunEnded | MessageDelta):
            self._write(event)

    def carry(self, traces: Iterable[CarriedTrace]) -> None:
        """Write traces."""
        for trace in traces:
            self._write(trace)

    def close(self) -> None:
        """Nothing more will be written; all of it is there."""
        self._lines.close()

    def _write(self, line: SpoolLine) -> None:
        self._lines.write(line.model_dump_json())
        self.lines += 1


def new_go(folder: Path) -> Path:
    """A folder for the workers of a run that begins, or is taken up again.

    Raises:
        OSError: the folder cannot be written to.
    """
    return _claimed(folder, "go-", first=1)


def goes_in(folder: Path) -> list[Path]:
    """Those that were begun, in order."""
    return _numbered(folder, "go-")


def delete_goes(folder: Path) -> None:
    """Delete what drivers and workers wrote of a run; what somebody else put there stays, and the folder with it.

    Raises:
        OSError: it cannot be deleted.
    """
    for go in goes_in(folder):
        shutil.rmtree(go)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _claim(box: Path) -> Path:
    """A folder for a new attempt, which nobody else has."""
    return _claimed(box, "", first=0)


def _claimed(folder: Path, name: str, *, first: int) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    number = first + len(_numbered(folder, name))
    while True:
        try:
            (folder / f"{name}{number}").mkdir(mode=0o700)
        except FileExistsError:  # another was quicker
            number += 1
        else:
            return folder / f"{name}{number}"


def _numbered(folder: Path, name: str) -> list[Path]:
    found = [path for path in folder.glob(f"{name}*") if path.name.removeprefix(name).isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix(name)))


class BoxFollower:
    """Reads a box as it is played, attempt after attempt, each to its end."""

    def __init__(self, folder: Path, box: int) -> None:
        self._box = folder / f"{box:05d}"
        self._attempt = -1
        self._followers: dict[int, Follower] = {}
        self._ahead: dict[int, list[bytes]] = {}
        self._found: list[bytes] = []
        self.read: dict[int, int] = {}
        """Lines read, by attempt."""

    def new(self) -> list[SpoolLine]:
        """The lines that were not there before.

        Raises:
            OSError: the folder cannot be read; what was read is given the next time.
            StoreError: there is something else in it.
        """
        for path in _numbered(self._box, ""):
            attempt = int(path.name)
            if attempt < self._attempt:
                continue
            ahead = self._ahead.setdefault(attempt, [])
            ahead.extend(self._followers.setdefault(attempt, Follower(path)).new())
            if ahead and attempt > self._attempt >= 0:  # it has begun: the last look at the one that it ends
                self._take(self._followers[self._attempt].new(), self._attempt)
            if ahead:
                self._attempt = attempt
                self._take(ahead, attempt)
                ahead.clear()
        found, self._found = self._found, []
        return [self._parsed(line) for line in found]

    def _take(self, lines: list[bytes], attempt: int) -> None:
        self.read[attempt] = self.read.get(attempt, 0) + len(lines)
        self._found.extend(lines)

    def _parsed(self, line: bytes) -> SpoolLine:
        try:
            return _LINE.validate_json(line)
        except ValidationError as error:
            raise StoreError(f"{self._box} holds what is no event: {error.errors()[0]['msg']}") from None


def boxes_in(folder: Path) -> int:
    """How many boxes were begun: those up to the highest."""
    return max((int(path.name) + 1 for path in folder.glob("[0-9]" * 5)), default=0) if folder.is_dir() else 0


def events_of(lines: Iterable[SpoolLine]) -> Iterator[RunEvent]:
    """The events among the lines."""
    return (line for line in lines if not isinstance(line, Header | CarriedTrace))


# --- stopping ------------------------------------------------------------------------


def ask_to_stop(folder: Path) -> None:
    """Let the workers that play from a folder end what they play.

    Raises:
        OSError: the folder cannot be written to.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / _STOP).exists():
        (folder / _STOP).write_text("stop\n")


def is_to_stop(folder: Path) -> bool:
    """Whether the workers were asked to stop."""
    return (folder / _STOP).exists()
