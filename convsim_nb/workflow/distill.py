"""Test cases out of recorded sessions."""

from collections.abc import Callable
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Unpack

from convsim_nb.adapters.distilled import DistillJournal, key_of, place_of
from convsim_nb.adapters.prices import window_of
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.distill import WINDOW, DistillSettings
from convsim_nb.workflow import background
from convsim_nb.workflow.asked import Asked, ask_for
from convsim_nb.workflow.budgeted import BudgetedChat
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.display import display
from convsim_nb.workflow.distill_options import DEFAULTS, DistillOptions, checked
from convsim_nb.workflow.distilling import Distilling
from convsim_nb.workflow.options import spelled_out
from convsim_nb.workflow.prompts import resolve_prompts
from convsim_nb.workflow.redact import redacted_session
from convsim_nb.workflow.sessions import Sessions, as_sessions

_with_options = partial(spelled_out, of=DistillOptions, defaults=DEFAULTS)
_SLICE = 0.2
"""Seconds between two looks at how far it is."""


@_with_options
def distill(sessions: Any, *, progress: bool = True, **options: Unpack[DistillOptions]) -> CaseSet:
    """Read test cases out of recorded sessions: goal, persona, style, guidelines, facts, and what is withheld.

    Blocks until all are read. A session that fails is a line in `CaseSet.problems` beside the good cases;
    so is what a check has against a case. Interrupted, it keeps what was done, and the same call goes on
    from there.

    Args:
        sessions: What `search_sessions` gives, or anything that `load_sessions` takes.
        progress: Whether it shows how far it is.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    background.refuse_on_loop("distill()")
    return _waited(_prepared(sessions, checked(options)), progress=progress)


@_with_options
def start_distill(sessions: Any, **options: Unpack[DistillOptions]) -> Distilling:
    """Begin to do what `distill` does, in the background, and return at once.

    `stop()` ends it and keeps what was done, `wait()` waits for its end, `cases` are those so far.

    Args:
        sessions: What `search_sessions` gives, or anything that `load_sessions` takes.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    work = _prepared(sessions, checked(options))
    work.start()
    return work


def _prepared(sessions: Any, given: DistillOptions) -> Distilling:
    asked = ask_for(
        given["model"],
        params=given["llm_params"],
        timeout=given["model_timeout"],
        record=given["record"],
        replay=given["replay"],
        max_cost=given["max_cost"],
    )
    found = _redacted(as_sessions(sessions), given["redact"])
    settings = _settings(given, asked)
    how = {"model": asked.name, "params": dict(asked.params), "settings": _shown(settings)}
    keys = [key_of(session, how=how) for session in found]
    kept = _journal(keys, wanted=given["journal"])
    asked = asked.recorded(given["record"], resumed=kept is not None and any(map(kept.get, keys)))
    budget = Budget(max_cost=given["max_cost"], max_tokens=given["max_tokens"], max_seconds=given["max_seconds"])
    return Distilling(
        sessions=found,
        keys=keys,
        chat=BudgetedChat(asked.chat, budget=budget, model_timeout=given["model_timeout"]),
        model=asked.name,
        settings=settings,
        budget=budget,
        concurrency=given["concurrency"],
        journal=kept,
        keep=given["journal"] is not True,
        recorder=asked.recorder,
    )


def _settings(given: DistillOptions, asked: Asked) -> DistillSettings:
    return DistillSettings(
        split=given["split"] == "auto",
        check=given["check"],
        window=given["window"] or window_of(asked.uri) or WINDOW,
        prompts=resolve_prompts(given["prompts"], known=("split", "distill")),
    )


# --- waiting -------------------------------------------------------------------------


def _waited(work: Distilling, *, progress: bool) -> CaseSet:
    """Begin, and wait for the end; an interrupt stops the work, keeps what was done, and is raised at its end."""
    steps = display().steps(len(work.sessions), "sessions distilled") if progress else None
    try:
        work.start()
        while not work.ended.wait(_SLICE):
            if steps:
                steps.at(work.done)
    except KeyboardInterrupt:
        work.stop()
        work.ended.wait()
        if steps:
            steps.close(len(work.results), _interrupted(work))
        raise
    cases = work.wait().cases
    if steps:
        steps.close(len(work.results), f"{_count(len(cases), 'test case')}, {_count(len(cases.problems), 'problem')}")
    return cases


def _interrupted(work: Distilling) -> str:
    kept = f"; what is done is kept in {work.journal.path}: the same call goes on from there" if work.journal else ""
    return f"interrupted{kept}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _redacted(found: Sessions, redact: Callable[[str], str] | None) -> Sessions:
    if redact is None:
        return found
    return Sessions([redacted_session(session, redact) for session in found], problems=found.problems)


def _shown(settings: DistillSettings) -> dict[str, Any]:
    texts = {name: settings.prompt(name).text for name in ("split", "distill")}
    return {"split": settings.split, "check": settings.check, "window": settings.window, "prompts": texts}


def _journal(keys: list[str], *, wanted: str | PathLike[str] | bool) -> DistillJournal | None:
    if wanted is False or not keys:
        return None
    return DistillJournal(place_of(keys) if wanted is True else Path(wanted))
