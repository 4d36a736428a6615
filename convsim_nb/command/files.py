"""Files that a command was told to write: looked at before anybody is paid, and never worth more than the result."""

import argparse
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from convsim_nb.domain.errors import StoreError, UsageError

REPORTS = (".html", ".htm", ".md")
CASES = (".yaml", ".yml", ".json", ".jsonl", ".ndjson", ".csv")
ANY: tuple[str, ...] = ()
"""For a file that may end as it likes."""


def check_files(options: argparse.Namespace) -> None:
    """See that every file that the command is to write can be written; what is made for that goes again.

    Raises:
        UsageError: a folder or an ending stands in the way.
    """
    from convsim_nb.workflow.datasets import names_dataset

    endings: Mapping[str, tuple[str, ...]] = getattr(options, "files", {})
    for name, known in endings.items():
        given: str | None = getattr(options, name)
        if given and not names_dataset(given):  # a variable that is not set gives an empty text
            _check(f"--{name}", Path(given), known)


def _check(flag: str, path: Path, endings: tuple[str, ...]) -> None:
    ending = path.suffix if endings == CASES else path.suffix.lower()
    if endings and ending not in endings:
        raise UsageError(f"{flag} {path}: it can end in {', '.join(endings)}, not in {path.suffix!r}")
    try:
        with _folder_for(path):
            _try(path)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(f"{flag} {path} cannot be written: {why}: give a file in a folder of yours") from None


@contextmanager
def _folder_for(path: Path) -> Iterator[None]:
    """The folder of a file, made where it is not there, for as long as it lasts."""
    missing = [folder for folder in path.absolute().parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for folder in missing:
            with suppress(OSError):  # it was not made, or somebody else has put something in it
                folder.rmdir()


def _try(path: Path) -> None:
    """Open a file for writing, and leave it as it was; a pipe or a device is not opened."""
    target = path.resolve()
    there = target.exists()
    if not there or target.is_file() or target.is_dir():
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    if not there:
        target.unlink()


def write(path: str | None, text: str) -> None:
    """Write what CI reads: XML anew, a summary below what is there, as $GITHUB_STEP_SUMMARY wants it.

    Raises:
        StoreError: it cannot be written there.
    """
    if not path:
        return
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), "a", encoding="utf-8") as file:
            if path.endswith(".xml") and Path(path).is_file():
                file.truncate(0)
            file.write(text)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error}") from None
