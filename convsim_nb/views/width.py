"""Text in a terminal's columns: Chinese takes two a character, combining marks none."""

import unicodedata

from convsim_nb.views.hidden import visible

_NO_WIDTH = {"Mn", "Me", "Cf"}


def one_line(text: str) -> str:
    """`text` in one line that does nothing to a terminal."""
    return " ".join(visible(text).split())


def columns_of(text: str) -> int:
    """How many columns `text` takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, *, columns: int, mark: str = "…") -> str:
    """`text` in at most `columns`, with a mark at the end where something is missing."""
    if columns_of(text) <= columns:
        return text
    kept, room = [], columns - columns_of(mark)
    for char in text:
        room -= _columns(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + mark if columns > 0 else ""


def pad(text: str, *, columns: int) -> str:
    """`text` with spaces behind it, up to `columns`."""
    return text + " " * (columns - columns_of(text))
