"""Whether words that a model quotes were really said."""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from convsim_nb.domain.session import Message, Role

_DRESS = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "*": "", "_": "", "`": "", "\ufe0f": ""}
)
_ELLIPSIS = re.compile(r"^(?:\.\.\.|…)+|(?:\.\.\.|…)+$")


def plain(text: str) -> str:
    """Text without what a quote may change: case, spaces, typographic marks, Markdown emphasis."""
    dressed = unicodedata.normalize("NFKC", text).translate(_DRESS)
    return " ".join(dressed.casefold().split())


def is_quoted(quote: str, text: str) -> bool:
    """Whether `text` holds `quote` word for word; a quote with no letter, digit or emoji proves nothing."""
    words = _ELLIPSIS.sub("", plain(quote).strip(" \"'")).strip()
    return any(char.isalnum() or unicodedata.category(char) == "So" for char in words) and words in plain(text)


def quoted_at(quote: str, text: str) -> tuple[int, int] | None:
    """Where in `text` the words of `quote` stand, from one character to before another; None where they do not."""
    words = _ELLIPSIS.sub("", plain(quote).strip(" \"'")).strip()
    letters = list(_letters(text))
    at = "".join(letter for letter, _ in letters).find(words) if words else -1
    return (letters[at][1], letters[at + len(words) - 1][1] + 1) if at >= 0 else None


def _letters(text: str) -> Iterator[tuple[str, int]]:
    """The characters of `plain(text)`, each with the place of the one it came from; runs of spaces are one."""
    spaced = True
    for place, char in enumerate(text):
        for letter in unicodedata.normalize("NFKC", char).translate(_DRESS).casefold():
            if not (spaced and letter.isspace()):
                yield " " if letter.isspace() else letter, place
            spaced = letter.isspace()


def said_by(role: Role, quote: str, messages: Sequence[Message]) -> int | None:
    """The place of the newest message of `role` that holds `quote`, or None."""
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == role and is_quoted(quote, messages[index].content):
            return index
    return None
