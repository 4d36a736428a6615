"""What is known of a run without reading its whole journal: of hundreds, each is looked at in milliseconds."""

import json
from pathlib import Path

from convsim_nb.adapters.journal import EVENTS, first_line, segment_lines
from convsim_nb.domain.errors import StoreError
from convsim_nb.domain.events import RUN_KEY

_SAID = tuple(
    f'"kind":"{kind}"'.encode()
    for kind in (
        "message_sent",
        "message_rejected",
        "goal_checked",
        "usage_reported",
        "conversation_paused",
        "conversation_resumed",
    )
)
_MARK = f'"{RUN_KEY}":'.encode()
_BY_A_PERSON = b'"source":"operator"'
"""A message that takes its conversation out of the counts."""


def counts(line: bytes) -> bool:
    """Whether a journal's line changes how its conversations are counted; a damaged one has to be read to be named."""
    said = line.startswith(_SAID, line.find(b",") + 1)  # every event begins with when it was
    return not said or not line.endswith(b"}\n") or b"\0" in line or _BY_A_PERSON in line


def was_begun_with(folder: Path, run_key: str) -> bool:
    """Whether a journal is of the run that a key began, by its first line.

    Raises:
        StoreError: the line cannot be read, nor is the key found in what is left of it.
    """
    try:
        line = first_line(folder)
        if _is_whole(line):
            return _MARK in line and json.loads(line).get("tags", {}).get(RUN_KEY) == run_key
        left = _all(folder)
    except (OSError, ValueError, AttributeError) as error:
        raise StoreError(f"the beginning of {folder / EVENTS} cannot be read: {error}") from None
    if b"\0" not in line and not line.endswith(b"\n"):
        return False  # its process died before anything was played
    if _MARK not in left:
        raise StoreError(f"the beginning of {folder / EVENTS} is damaged")
    return _MARK + json.dumps(run_key, ensure_ascii=False).encode() in left


def _is_whole(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"}\n") and b"\0" not in line


def _all(folder: Path) -> bytes:
    path = folder / EVENTS
    return path.read_bytes() if path.exists() else b"".join(segment_lines(folder))
