"""Tab behind `%convsim`: verbs, options, what an option may be, and the notebook's names."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from convsim_nb.notebook.magics.options import Option, options_of
from convsim_nb.notebook.magics.verbs import WORKBENCH, verbs
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import run_ids
from convsim_nb.workflow.start import playing

_MOST_IDS = 30
Matcher = Callable[[CompletionContext], SimpleMatcherResult]
_OURS = re.compile(r"\s*(?:[\w, ]+=\s*)?%{1,2}convsim(?=\s)(.*)", re.DOTALL)
_TYPED = re.compile(r"[^\W\d]\w*$|$")


def matcher(shell: Any) -> Matcher:
    """What IPython asks at each Tab; on our lines it asks nobody else, for they are no Python."""

    @context_matcher(identifier="convsim")  # type: ignore[untyped-decorator]
    def complete(context: CompletionContext) -> SimpleMatcherResult:
        ours = _OURS.fullmatch(context.text_until_cursor)
        if ours is None:
            return {"completions": [], "suppress": False}
        fragment, found = completions(ours[1], shell)
        return {
            "completions": [SimpleCompletion(text=text, type="convsim") for text in found],
            "matched_fragment": fragment,
            "suppress": True,
        }

    return complete  # type: ignore[no-any-return]


def completions(before: str, shell: Any) -> tuple[str, list[str]]:
    """The end of the line that is typed already, and what may stand in its place."""
    words = before.split()
    typed = "" if before[-1:].isspace() or not words else words.pop()
    if found := [word for word in _fitting(words, typed, shell) if word.startswith(typed)]:
        return typed, found
    name = _TYPED.search(typed)[0]  # type: ignore[index] # it always finds: of `$mod` and `{mod` the name
    return name, [one for one in _names(shell) if name and words and one.startswith(name) and words[0] in verbs()]


def _fitting(words: Sequence[str], typed: str, shell: Any) -> Iterable[str]:
    """All that may follow `words`, those behind the magic's name."""
    if not words and typed.startswith("-"):
        words = [WORKBENCH]
    if not words:
        return sorted([*verbs(), "help"])
    if words[0] == "help":
        return verbs()
    if words[0] not in verbs() or verbs()[words[0]].cell:
        return ()
    options = options_of(verbs()[words[0]].call)
    if typed.startswith("-"):
        return _free_flags(options, words)
    asked = next((option for option in options if option.flag == words[-1] and option.wants != "flag"), None)
    is_run = options[:1] and options[0].name in ("run", "first")
    if asked is None and (len(words) == 1 or words[0] == "compare") and is_run:
        return [*_runs(shell), *_ids(words[0])]
    names = () if asked and asked.wants in ("text", "choice") else _names(shell)
    return [*sorted(asked.choices if asked else ()), *names]


def _runs(shell: Any) -> list[str]:
    """The names that the person gave to runs."""
    return [name for name in _names(shell) if isinstance(shell.user_ns[name], Run)]


def _ids(verb: str) -> list[str]:
    """The ids of runs, newest first: of those that play, where the verb wants such."""
    if verb in ("stop", "pause"):
        return [run.run_id for run in reversed(playing())]
    return list(run_ids())[:_MOST_IDS]


def _free_flags(options: Sequence[Option], words: Sequence[str]) -> list[str]:
    """The options that are not on the line yet."""
    free = [option for option in options if option.flag not in words and option.off not in words]
    off = [option.off for option in free if option.off and option.default is not False]
    return sorted([*(option.flag for option in free), *off, *([] if "-o" in words else ["-o"])])


def _names(shell: Any) -> list[str]:
    """The names that the person gave."""
    hidden = shell.user_ns_hidden
    return sorted(name for name in shell.user_ns if not name.startswith("_") and name not in hidden)
