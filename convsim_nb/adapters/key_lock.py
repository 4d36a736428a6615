"""One job at a time begins a run under a key: a lock beside the journals, from the look-up until there is one."""

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from convsim_nb.domain.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_LOOK = 0.1
"""Seconds between two looks whether a job has begun."""
_STALE = 300.0
"""Seconds after which nobody is believed to be still beginning, where there are no locks."""


@contextmanager
def key_held(root: Path, run_key: str) -> Iterator[None]:
    """Hold a key in a folder of journals; who comes meanwhile waits.

    Where the file system has no locks, by a file that only one can make. A process that died leaves it behind:
    it is taken over at once on the same machine, and by others after five minutes.

    Raises:
        StoreError: the folder cannot be written to.
    """
    name = f".key-{hashlib.sha256(run_key.encode('utf-8', 'replace')).hexdigest()[:16]}"
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = _lock(root / f"{name}.lock") or _make(root / name)
    except OSError as error:
        raise StoreError(f"no run can be begun in {root}: {error}; pass journal=FOLDER") from None
    with held:
        yield


def _lock(path: Path) -> ExitStack | None:
    """The file, locked; None where there are no locks. Who let it go has deleted it: then the next one is made."""
    if fcntl is None or path.is_relative_to("/Volumes"):
        return None
    while True:
        held = ExitStack()
        try:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            held.callback(os.close, opened)
            held.callback(path.unlink, missing_ok=True)
            fcntl.flock(opened, fcntl.LOCK_EX)
        except OSError:
            held.close()
            return None
        if _is(path, opened):
            return held
        os.close(opened)


def _is(path: Path, opened: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(opened).st_ino
    except FileNotFoundError:
        return False


def _make(path: Path) -> ExitStack:
    """The file, made by nobody else."""
    while True:
        try:
            opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError:
            if not path.exists():
                raise
            _wait_for(path)
            continue
        with os.fdopen(opened, "w") as file:
            file.write(f"{socket.gethostname()} {os.getpid()}")
        held = ExitStack()
        held.callback(path.unlink, missing_ok=True)
        return held


def _wait_for(path: Path) -> None:
    """Look again in a moment; what a dead process left is deleted."""
    with suppress(FileNotFoundError):
        if _is_left(path):
            path.unlink()
            return
    time.sleep(_LOOK)


def _is_left(path: Path) -> bool:
    if time.time() - path.stat().st_mtime > _STALE:
        return True
    host, _, pid = path.read_text().partition(" ")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # it lives, and is another user's
        return False
    return False
