"""From the words of a magic's line to Python values: one way for the magic and for the awaited line.

A word that wants an object is looked up: a name, an attribute, an item, a call, a literal. What is no
such thing, or whose name nobody has given, is text: a URI, a path, a word. `$name` and `{expression}`
are always looked up, also inside text; `$$`, `{{` and `}}` are the signs themselves.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsim_nb.domain.errors import ConvsimError, UsageError

_QUOTES = "'\""
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_DOLLAR = re.compile(r"\$([^\W\d]\w*(?:\.[^\W\d]\w*)*)")
_INSIDE = re.compile(r"\$\$|\{\{|\}\}|" + _DOLLAR.pattern + r"|\{([^{}]+)\}")
_LOOKED_UP = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_LITERAL = (ast.Constant, ast.List, ast.Tuple, ast.Dict, ast.Set, ast.UnaryOp, ast.Lambda)


def split(line: str) -> list[str]:
    """The words of a line: parted at spaces outside quotes and brackets, up to a `#` that begins a word.

    Raises:
        UsageError: a quote or a bracket is not closed.
    """
    return ["".join(word) for word in _words(line)]


def _words(line: str) -> Iterator[list[str]]:
    word: list[str] = []
    open_: list[str] = []
    for sign in line:
        inside = bool(open_)
        if not inside and sign == "#" and not word:
            return
        if not inside and sign.isspace():
            if word:
                yield word
            word = []
            continue
        _follow(sign, open_, word)
        word.append(sign)
    if open_:
        raise UsageError(f"{line.strip()}: a closing {open_[-1]} is missing")
    if word:
        yield word


def _follow(sign: str, open_: list[str], word: list[str]) -> None:
    """Keep the stack of what has to be closed; within quotes only their own sign counts."""
    if open_ and open_[-1] in _QUOTES:
        if sign == open_[-1] and not _escaped(word):
            open_.pop()
    elif open_ and sign == open_[-1]:
        open_.pop()
    elif sign in _PAIRS:
        open_.append(_PAIRS[sign])
    elif sign in _QUOTES and (open_ or not word or not word[-1].isalnum()):  # not the apostrophe of a word
        open_.append(sign)


def _escaped(word: list[str]) -> bool:
    text = "".join(word)
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


@dataclass(frozen=True)
class Names:
    """What names mean where a line stands: the notebook's, and those of a function around it."""

    everywhere: dict[str, Any]
    here: Mapping[str, Any]

    def __contains__(self, name: str) -> bool:
        return name in self.here or name in self.everywhere

    def object(self, word: str) -> Any:
        """What a word stands for: an object where it can be looked up, else its text.

        Raises:
            UsageError: it can be looked up, and that fails.
        """
        if whole := self._whole(word):
            return self._value(whole, word)
        if quoted := _unquoted(word):
            return self._filled(quoted)
        tree = _expression(word)
        if isinstance(tree, ast.Tuple) and not word.startswith("("):  # a,b: each may be a name, or text
            return [self.object(ast.get_source_segment(word, each) or "") for each in tree.elts]
        if isinstance(tree, _LITERAL):
            return self._value(word, word)
        if isinstance(tree, _LOOKED_UP) and _root(tree) in self:
            return self._looked_up(tree, word)
        return self._filled(word)

    def text(self, word: str) -> Any:
        """What a word says, as text; `$name` and `{expression}` alone are the object itself.

        Raises:
            UsageError: what stands in it cannot be looked up.
        """
        if whole := self._whole(word):
            return self._value(whole, word)
        return self._filled(_unquoted(word) or word)

    def _whole(self, word: str) -> str | None:
        """The expression in a word that is nothing but `$name` or `{expression}`."""
        if found := _DOLLAR.fullmatch(word):
            return found[1]
        if word.startswith("{") and word.endswith("}") and not word.startswith("{{"):
            inner = word[1:-1].strip()
            return inner if _expression(inner) else word
        return None

    def _filled(self, text: str) -> str:
        return _INSIDE.sub(lambda found: self._piece(found, text), text)

    def _piece(self, found: re.Match[str], text: str) -> str:
        """What stands in the place of one sign; braces around what is no expression are braces."""
        name, inner = found[1], found[2]
        if inner and not _expression(inner):
            return f"{{{self._filled(inner)}}}"
        return str(self._value(name or inner, text)) if name or inner else found[0][0]

    def _looked_up(self, tree: ast.expr, word: str) -> Any:
        try:
            return self._value(word, word)
        except UsageError as error:
            # `cases.yaml` is a file, also where a name `cases` is known.
            if not isinstance(tree, ast.Attribute):
                raise
            if Path(word).expanduser().exists():
                return word
            raise UsageError(f"{error}, and there is no file {word}") from None

    def _value(self, expression: str, word: str) -> Any:
        try:
            return eval(expression, self.everywhere, self.here)  # noqa: S307 - the person's own code, in their own notebook
        except ConvsimError:
            raise
        except NameError as error:
            raise UsageError(f"{word}: {error}: give it a value in a cell before this one") from None
        except Exception as error:  # noqa: BLE001 - whatever the person's expression raises, their line is wrong
            raise UsageError(f"{word}: {type(error).__name__}: {error}") from None


def _expression(word: str) -> ast.expr | None:
    try:
        return ast.parse(word.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        return None


def _unquoted(word: str) -> str | None:
    """The text of a word that is one quoted string."""
    tree = _expression(word) if word[:1] in tuple(_QUOTES) else None
    return tree.value if isinstance(tree, ast.Constant) and isinstance(tree.value, str) else None


def _root(tree: ast.expr) -> str:
    """The name that an expression begins with: `runs` of `runs["a"].cases[:3]`."""
    while isinstance(tree, ast.Attribute | ast.Subscript | ast.Call):
        tree = tree.func if isinstance(tree, ast.Call) else tree.value
    return tree.id if isinstance(tree, ast.Name) else ""
