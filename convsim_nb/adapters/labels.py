"""Labels on disk: one JSON line each in the run's folder, the newest of a conversation counts."""

import os
from contextlib import suppress
from pathlib import Path

from pydantic import ValidationError

from convsim_nb.adapters.segments import write_whole
from convsim_nb.domain.errors import StoreError
from convsim_nb.domain.label import Label

LABELS = "labels.jsonl"


def write_label(folder: Path, label: Label) -> None:
    """Add a label to those of a run; readable by its owner alone.

    Raises:
        StoreError: the folder cannot be written to.
    """
    path, line = folder / LABELS, f"{label.model_dump_json()}\n".encode()
    try:
        with suppress(OSError):  # a Volume takes a file whole alone
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as file:
                file.write(line)
            return
        write_whole(path, (path.read_bytes() if path.exists() else b"") + line)
    except OSError as error:
        raise StoreError(f"the label cannot be kept in {folder}: {error}") from None


def read_labels(folder: Path) -> dict[str, Label]:
    """The labels of a run by conversation.

    Raises:
        StoreError: a line that is not the last is no label.
    """
    return {key: label for key, label in newest_words(folder).items() if label.value is not None}


def newest_words(folder: Path) -> dict[str, Label]:
    """What was said last of each conversation, labels that were taken back too; a last line that was cut is left out.

    Raises:
        StoreError: a line that is not the last is no label.
    """
    path = folder / LABELS
    lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    found: dict[str, Label] = {}
    for number, line in enumerate(lines, start=1):
        try:
            label = Label.model_validate_json(line)
        except ValidationError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                break
            raise StoreError(f"{path}:{number} is not a label: {error.errors()[0]['msg']}") from None
        found[label.key] = label
    return found
