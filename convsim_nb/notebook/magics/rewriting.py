"""`%convsim run`, or `resume`, on the top level of a cell becomes an `await`, where the kernel hears widgets meanwhile.

From 7.4 on, ipykernel answers widgets while a cell awaits. So the magic's line, which IPython has made
a call of by then, is awaited; in functions, where no `await` may stand, the magic waits by itself.
"""

import ast
from collections.abc import Iterator
from typing import Any

_MAGIC = "convsim"
AWAITED = "await "
"""Before the verb, on a line whose result is awaited."""
WAITED = ("run", "resume")
"""The verbs whose lines are."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_COMPREHENSIONS = (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)


class Rewriting:
    """An input transformer of IPython, after its own."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._running = 0

    def __call__(self, lines: list[str]) -> list[str]:
        """The lines of a cell with each top-level `%convsim run` awaited."""
        if self._running or not self._may_await():
            return lines
        return awaited("".join(lines)).splitlines(keepends=True)

    def register(self) -> None:
        """Transform the cells that come; a cell within a cell (`%run`) cannot be awaited."""
        self._shell.input_transformers_post.append(self)
        self._shell.events.register("pre_execute", self._begins)
        self._shell.events.register("post_execute", self._ends)

    def unregister(self) -> None:
        """Leave cells alone."""
        self._shell.input_transformers_post.remove(self)
        self._shell.events.unregister("pre_execute", self._begins)
        self._shell.events.unregister("post_execute", self._ends)

    def _may_await(self) -> bool:
        return bool(self._shell.autoawait) and str(self._shell.loop_runner) == "asyncio"

    def _begins(self) -> None:
        self._running += 1

    def _ends(self) -> None:
        self._running = max(0, self._running - 1)  # the cell that loaded us began before we could see it


def awaited(code: str) -> str:
    """A cell's code with its top-level `%convsim run` calls awaited; as it was where it is no Python."""
    if _MAGIC not in code:
        return code
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return code
    lines = code.encode().splitlines(keepends=True)  # as Python counts lines and columns
    for call in sorted(_runs(tree), key=lambda call: (call.lineno, call.col_offset), reverse=True):
        line, verb = lines[call.lineno - 1], call.args[1]
        at, quote = call.col_offset, verb.col_offset + 1
        lines[call.lineno - 1] = b"".join((line[:at], b"await ", line[at:quote], AWAITED.encode(), line[quote:]))
    return b"".join(lines).decode()


def _runs(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that IPython made of `%convsim run` and `resume`, outside functions and their like."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, _FUNCTIONS + _COMPREHENSIONS):
            continue
        if isinstance(node, ast.Call) and _is_run(node):
            yield node
        yield from _runs(node)


def _is_run(call: ast.Call) -> bool:
    """Whether this is `get_ipython().run_line_magic('convsim', 'run ...')`, with all of it on one line."""
    if not (isinstance(call.func, ast.Attribute) and call.func.attr == "run_line_magic" and len(call.args) == 2):  # noqa: PLR2004
        return False
    name, line = call.args
    if not (isinstance(name, ast.Constant) and isinstance(line, ast.Constant) and isinstance(line.value, str)):
        return False
    return name.value == _MAGIC and line.value.split()[:1] in ([verb] for verb in WAITED) and call.lineno == line.lineno
