"""Tab behind `%convsim`: verbs, options, what an option may be, and the notebook's names."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from convsim_nb.notebook.options import Option, options_of
from convsim_nb.notebook.verbs import verbs

_LAST_NAME = re.compile(r"[^\W\d]\w*$")


def completer(shell: Any) -> Callable[[Any, Any], list[str]]:
    """A hook for IPython's `complete_command`."""
    return lambda _shell, event: complete(event.text_until_cursor, event.symbol, shell)


def complete(before: str, symbol: str, shell: Any) -> list[str]:
    """What may stand in the place of `symbol`, the end of the line `before` the cursor."""
    words = before.split()
    typed = "" if before[-1:].isspace() else words.pop()
    found = [word for word in _fitting(words[1:], typed, shell) if word.startswith(typed)]
    if found:  # IPython's symbol may be a part of the word: `model` of `$model`
        return [word[len(typed) - len(symbol) :] for word in found]
    name = _LAST_NAME.search(typed)
    return [one for one in _names(shell) if name is not None and one.startswith(name[0]) and name[0] == symbol]


def _fitting(words: Sequence[str], typed: str, shell: Any) -> Iterable[str]:
    """All that may follow `words`, those behind the magic's name."""
    if not words:
        return [*verbs(), "help"]
    if words[0] == "help":
        return verbs()
    if words[0] not in verbs() or verbs()[words[0]].cell:
        return ()
    options = options_of(verbs()[words[0]].call)
    if typed.startswith("-"):
        return _free_flags(options, words)
    asked = next((option for option in options if option.flag == words[-1] and option.wants != "flag"), None)
    names = () if asked and asked.wants in ("text", "choice") else _names(shell)
    return [*(asked.choices if asked else ()), *names]


def _free_flags(options: Sequence[Option], words: Sequence[str]) -> list[str]:
    """The options that are not on the line yet."""
    free = [option for option in options if option.flag not in words and option.off not in words]
    off = [option.off for option in free if option.off and option.default is not False]
    return sorted([*(option.flag for option in free), *off, *(["-o"] if "-o" not in words else [])])


def _names(shell: Any) -> list[str]:
    """The names that the person gave."""
    hidden = shell.user_ns_hidden
    return sorted(name for name in shell.user_ns if not name.startswith("_") and name not in hidden)
