"""What a person does to a run from its live view; each is a call that Python offers too."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from IPython.core.getipython import get_ipython

from convsim_nb.adapters.mlflow.spans import Frame
from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.domain.secrets import masked
from convsim_nb.notebook.case_words import case_yaml
from convsim_nb.notebook.live.protocol import scores_json
from convsim_nb.notebook.magics.words import Names
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.spans import spans_of, trace_page

Answer = dict[str, Any]
_INPUTS = {"messages", "input"}
_MOST_REPEATS = 100


class Desk(Protocol):
    """Takes what a view asks for."""

    def do(self, what: str, given: Mapping[str, Any]) -> Answer:
        """Do it, and give what the view wants to know of it.

        Raises:
            ConvsimError: it cannot be done; the line is for the person.
        """
        ...

    def steering(self) -> Answer:
        """What no event tells: who is held, how many play at once, what was labelled."""
        ...

    def scored(self, key: str) -> Answer:
        """What scorers say of a conversation: see `scores_json`."""
        ...


def asked_of(verbs: Mapping[str, Callable[..., Answer | None]], what: str, given: Mapping[str, Any]) -> Answer:
    """Do what a page asks for: `given` are the arguments of a verb, from a page, of any kind.

    Raises:
        UsageError: no verb is so named, or it takes other arguments: the page is of another version.
        ConvsimError: it cannot be done; the line is for the person.
    """
    verb = verbs.get(what)
    if verb is None:
        raise UsageError(f"this kernel does not know {what!r}: reload the page")
    try:
        bound = inspect.signature(verb).bind(**given)
    except TypeError as error:
        raise UsageError(f"{what}: {error}: reload the page") from None
    return verb(*bound.args, **bound.kwargs) or {}


class RunDesk:
    """A run, and the names of the notebook that it is shown in."""

    def __init__(self, run: Run, names: dict[str, Any]) -> None:
        self._run, self._names = run, names
        self._scores, self._scored = run.scores, int(bool(run.scores))
        self._verbs: dict[str, Callable[..., Answer | None]] = {
            "stop": self._stop,
            "pause": self._pause,
            "resume": self._resume,
            "say": self._say,
            "fork": self._fork,
            "again": self._again,
            "label": self._label,
            "case": self._case,
            "drop_case": self._drop_case,
            "concurrency": self._concurrency,
            "agents": self._agents,
            "spans": self._spans,
        }

    def do(self, what: str, given: Mapping[str, Any]) -> Answer:
        """Do what a view asks for: `given` are the arguments of a verb, from a page, of any kind."""
        return asked_of(self._verbs, what, given)

    def steering(self) -> Answer:
        """What no event tells."""
        run = self._run
        labels = {key: {"value": label.value, "note": label.note} for key, label in run.labels.items()}
        return {
            "live": not run.ended.is_set(),
            "stopping": run.is_stopping,
            "paused": run.is_paused,
            "held": list(run.held),
            "concurrency": run.concurrency,
            "labels": labels,
            "trace_page": trace_page(run),
            "scored": self._times_scored(),
        }

    def scored(self, key: str) -> Answer:
        """What scorers say of a conversation, as of which time."""
        mine = [score for score in self._run.scores if score.key == key]
        return {"scores": {key: {"as_of": self._times_scored(), "said": scores_json(mine)}}}

    def _times_scored(self) -> int:
        """How often the scores changed: a page asks again for what it shows. 0 where there are none."""
        if self._run.scores is not self._scores:
            self._scores, self._scored = self._run.scores, self._scored + 1
        return self._scored

    # --- the verbs -------------------------------------------------------------------

    def _stop(self, key: str | None = None) -> None:
        self._run.stop(_text(key))

    def _pause(self, key: str | None = None) -> None:
        self._run.pause(_text(key))

    def _resume(self, key: str | None = None) -> None:
        self._run.resume(_text(key))

    def _say(self, key: str, text: str | None = None) -> None:
        self._run.say(str(key), _text(text))

    def _fork(self, key: str, turn: int, text: str | None = None, agent: str = "") -> Answer:
        return {"key": self._run.fork(str(key), int(turn), _text(text), agent=self._agent(agent))}

    def _again(self, key: str, times: int = 1, agent: str = "") -> Answer:
        if int(times) > _MOST_REPEATS:
            raise UsageError(f"times={times}: give {_MOST_REPEATS} at most, or call run.again(...)")
        return {"keys": list(self._run.again(str(key), times=int(times), agent=self._agent(agent)))}

    def _label(self, key: str, value: Any, note: str = "") -> None:
        self._run.label(str(key), value, note=str(note))

    def _case(self, key: str, turn: int = 1) -> Answer:
        before = len(self._run.kept)
        case = self._run.keep_case(str(key), turn=int(turn))
        kept = len(self._run.kept)
        return {"case_id": case.case_id, "yaml": case_yaml(case), "kept": kept, "new": kept > before}

    def _drop_case(self, case_id: str) -> Answer:
        self._run.drop_case(str(case_id))
        return {"kept": len(self._run.kept)}

    def _concurrency(self, value: int) -> None:
        self._run.set_concurrency(int(value))

    def _agents(self) -> Answer:
        return {"names": sorted(name for name, value in self._names.items() if is_agent(name, value))}

    def _spans(self, trace_id: str) -> Answer:
        spans = spans_of(self._run, str(trace_id))
        return {"spans": [one.model_dump(mode="json") | {"where": where_raised(one.raised_at)} for one in spans]}

    def _agent(self, word: str) -> Any:
        """The agent of a name, as a magic's line would have it; None for the one that played."""
        word = str(word).strip()
        if word.isidentifier() and word not in self._names:
            raise UsageError(
                f"agent {word!r}: the notebook has no such name: define it in a cell, or give what simulate takes, "
                "such as models:/support@champion"
            )
        return Names(self._names, {}).object(word) if word else None


def where_raised(frame: Frame | None) -> str:
    """A line of the caller's own code: `cell 3, line 2, in agent: raise KeyError(name)`; empty where there is none."""
    if frame is None:
        return ""
    shell = get_ipython()
    known = shell.compile.format_code_name(frame.file) if shell is not None else None
    # A cell of this kernel is `("Cell", "In[3]")`; that of another is known by its file's folder alone.
    cell = known[1].removeprefix("In[").removesuffix("]") if known else ""
    place = f"cell {cell}" if cell else "a cell" if "ipykernel_" in frame.file else frame.file
    inside = "" if frame.function.startswith("<") else f", in {frame.function}"
    return f"{place}, line {frame.line}{inside}" + (f": {frame.code}" if frame.code else "")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def is_agent(name: str, value: Any) -> bool:
    """Whether a name in the notebook is likely an agent: it can be called, and takes a conversation."""
    if name.startswith("_") or isinstance(value, type) or not callable(value):
        return False
    try:
        return bool(_INPUTS & inspect.signature(value).parameters.keys())
    except (TypeError, ValueError):
        return False


def problem_of(error: Exception) -> str:
    """An error as a line for the person."""
    return masked(str(error) if isinstance(error, ConvsimError) else f"{type(error).__name__}: {error}")
