"""A folder that takes a file whole and nothing else, as Unity Catalog's volumes do: an audit hook refuses the rest."""

import errno
import os
import sys
from pathlib import Path
from typing import Any

_volumes: list[str] = []
refused: list[str] = []
"""What was refused, in order."""


def volume(folder: Path) -> Path:
    """Make a folder into a volume, for the life of the process."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _volumes:
        sys.addaudithook(_hook)
    _volumes.append(str(folder))
    return folder


def _inside(path: Any) -> bool:
    return isinstance(path, str | os.PathLike) and any(os.fspath(path).startswith(each) for each in _volumes)


def _hook(event: str, given: tuple[Any, ...]) -> None:
    if event == "open" and _inside(given[0]):
        path, _, flags = given
        writes = flags & (os.O_WRONLY | os.O_RDWR)
        whole = flags & os.O_TRUNC or not os.path.exists(path)  # noqa: PTH110 - a hook does as little as it can
        if flags & (os.O_APPEND | os.O_RDWR) or (writes and not whole):
            _refuse(event, path)
    elif event == "os.rename" and _inside(given[1]) and os.path.exists(given[1]):  # noqa: PTH110
        _refuse(event, given[1])
    elif event == "fcntl.flock" and _inside(path := str(Path(f"/proc/self/fd/{given[0]}").readlink())):
        _refuse(event, path)
    elif event in ("os.truncate", "os.link", "os.symlink") and _inside(given[0]):
        _refuse(event, given[0])


def _refuse(event: str, path: Any) -> None:
    refused.append(f"{event} {Path(path).name}")
    raise OSError(errno.EOPNOTSUPP, "Operation not supported", os.fspath(path))
