"""`%convsim` and `%%convsim`: a line is read, the Python API is called, the result gets its name."""

import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, magics_class, needs_local_scope, no_var_expand

from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.magics.arguments import Line, read_line
from convsim_nb.notebook.magics.case_verbs import follow, grid_behind
from convsim_nb.notebook.magics.rewriting import AWAITED, WAITED
from convsim_nb.notebook.magics.verb_help import help_text
from convsim_nb.notebook.magics.verbs import WORKBENCH, Verb, verbs
from convsim_nb.notebook.magics.words import Names, split
from convsim_nb.workflow.run import Run


@magics_class
class ConvsimMagics(Magics):
    """The magics of convsim-nb."""

    shell: InteractiveShell

    @no_var_expand  # our own resolver, or an awaited line would read otherwise
    @needs_local_scope
    @line_cell_magic
    def convsim(self, line: str, cell: str | None = None, local_ns: Mapping[str, Any] | None = None) -> Any:
        """Test chat agents with simulated users: %convsim help says how."""
        # A terminal shows no workbench: it is told what there is.
        words = split(line) or ["help"] * (cell is None and getattr(self.shell, "kernel", None) is None)
        is_awaited = words[:1] == [AWAITED.strip()]
        verb, rest = _verb(words[1:] if is_awaited else words, in_cell=cell is not None)
        if verb is None:
            sys.stdout.write(help_text(rest))
            return None
        names = Names(self.shell.user_ns, local_ns or {})
        if cell is not None:
            return self._bound(_cell_name(rest), verb.call(cell))
        asked = read_line(rest, verb.call, verb=verb.name, names=names)
        if verb.followed:
            return self._followed(verb, asked)
        result = self._bound(asked.output, verb.call(**asked.given))
        if is_awaited:
            return result if _waits(verb, asked, result) else _at_once(result)  # awaiting a run is waiting for its end
        return result.wait() if _waits(verb, asked, result) else result

    def _followed(self, verb: Verb, asked: Line) -> Any:
        """Call a verb that lets a person edit, and let a name follow the edits; what it follows is shown again."""
        name = asked.output or next(iter(asked.said.values()), "")
        known = grid_behind(name, self.shell.user_ns) if len(asked.given) == 1 else None
        if known is not None:
            return known
        result = verb.call(**asked.given)
        follow(result, name, self.shell.user_ns)
        return result

    def _bound(self, name: str | None, result: Any) -> Any:
        """Give the result its name, before it is waited for: whatever ends the cell, what was done has a name."""
        if name is None:
            return result
        if name in self.shell.user_ns:
            sys.stdout.write(_renamed(name, self.shell.user_ns[name], result))
        self.shell.user_ns[name] = result
        return result


def _verb(words: Sequence[str], *, in_cell: bool) -> tuple[Verb | None, list[str]]:
    """The verb of a line and what follows it; None for `help`. Without a verb it is the workbench's."""
    name = words[0] if words and not words[0].startswith("-") else WORKBENCH
    if name == WORKBENCH and words[:1] != [WORKBENCH]:
        words = [WORKBENCH, *words]
    found = verbs().get(name)
    if found is not None and "--help" in words:
        return None, [name]
    if name == "help" and not in_cell:
        return None, list(words[1:])
    if found is None:
        close = get_close_matches(name, [*verbs(), "help"], n=1)
        meant = f"did you mean {close[0]}?" if close else f"there are {', '.join([*verbs(), 'help'])}"
        raise UsageError(f"%convsim has no verb {name!r}: {meant}")
    if found.cell != in_cell:
        right, wrong = ("%%", "%") if found.cell else ("%", "%%")
        raise UsageError(f"{wrong}convsim {name}: write {right}convsim {name}; see %convsim help {name}")
    return found, list(words[1:])


def _cell_name(words: Sequence[str]) -> str:
    """The name that the cell's test cases get: behind `-o` or alone; `cases` where none is said."""
    name = " ".join(word for word in words if word != "-o") or "cases"
    if not name.isidentifier():
        raise UsageError(f"%%convsim cases {name}: give one name for the test cases, such as %%convsim cases smoke")
    return name


def _waits(verb: Verb, asked: Line, result: Any) -> bool:
    """Whether the cell waits for the run's end; a paused run that goes on is nobody's to wait for."""
    plays = verb.name in WAITED and isinstance(result, Run)
    return plays and not asked.given.get("background", False)


async def _at_once(result: Any) -> Any:
    return result


def _renamed(name: str, before: Any, result: Any) -> str:
    """Say that a name means something else now; nothing where it is the same workbench, opened again."""
    if result is before or (type(result) is type(before) and type(result).__name__ == "Workbench" and result == before):
        return ""
    now, was = _shortly(result), _shortly(before)
    return f"{name} is now {now}; it was {'another' if was == now else was}\n"


def _shortly(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, Run):
        return f"run {value.run_id}"
    kind = type(value).__name__
    kind = f"{'an' if kind[0] in 'AEIOUaeiou' else 'a'} {kind}"
    try:
        return f"{kind} of {len(value)}" if not isinstance(value, str) else kind
    except TypeError:
        return kind
