"""Test cases out of recorded sessions."""

from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from convsim_nb.adapters.distilled import DistillJournal, key_of, place_of
from convsim_nb.adapters.prices import window_of
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.distill import WINDOW, DistillSettings
from convsim_nb.engine.ports import Chat
from convsim_nb.workflow import background
from convsim_nb.workflow.asked import ask_for
from convsim_nb.workflow.budgeted import BudgetedChat
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.checking import with_duplicates
from convsim_nb.workflow.display import display
from convsim_nb.workflow.distilling import Distilling
from convsim_nb.workflow.prompts import resolve_prompts
from convsim_nb.workflow.redact import redacted_session
from convsim_nb.workflow.sessions import Sessions, as_sessions

Split = Literal["auto", False]
_SLICE = 0.2
"""Seconds between two looks at how far it is."""


def distill(
    sessions: Any,
    *,
    model: str | Chat | None = None,
    split: Split = "auto",
    check: bool = True,
    llm_params: Mapping[str, Any] | None = None,
    model_timeout: float | None = 300.0,
    concurrency: int = 20,
    max_cost: float | None = None,
    max_tokens: int | None = None,
    max_seconds: float | None = None,
    window: int | None = None,
    prompts: Mapping[str, str] | None = None,
    redact: Callable[[str], str] | None = None,
    journal: str | PathLike[str] | bool = True,
    record: str | PathLike[str] | None = None,
    replay: str | PathLike[str] | None = None,
    progress: bool = True,
) -> CaseSet:
    """Read test cases out of recorded sessions: goal, persona, style, guidelines, facts, and what is withheld.

    Blocks until all are read. A session that fails is a line in `CaseSet.problems` beside the good cases;
    so is what a check has against a case. Interrupted, it keeps what was done, and the same call goes on
    from there.

    Args:
        sessions: What `search_sessions` gives, or anything that `load_sessions` takes.
        model: An MLflow model URI, demo:/rules, or any object that fits `Chat`.
        split: A case for each goal that a session held (auto), or one case a session (False).
        check: Whether each case is checked against its session, and asked for once more where something is found.
        llm_params: What goes with every call of the model, such as {"temperature": 0}.
        model_timeout: Seconds for one reply.
        concurrency: Sessions at once.
        max_cost: US dollars that it may take.
        max_tokens: Tokens that it may take.
        max_seconds: How long it may take.
        window: Tokens of a session that the model can read; by default the model's own.
        prompts: Prompts in the place of our own, by name (split, distill): prompts:/name@alias, or a text.
        redact: A function of a text that takes out what must not leave memory.
        journal: The file that keeps what is done; True keeps it until all is done, False keeps nothing.
        record: A file that keeps every reply of the model.
        replay: Such a file: the model answers from it, with no key and no cost.
        progress: Whether it shows how far it is.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    _refuse(split=split, concurrency=concurrency, limits=(max_cost, max_tokens, max_seconds, model_timeout, window))
    asked = ask_for(model, params=llm_params, timeout=model_timeout, record=record, replay=replay, max_cost=max_cost)
    found = _redacted(as_sessions(sessions), redact)
    background.refuse_on_loop("distill()")
    settings = DistillSettings(
        split=split == "auto",
        check=check,
        window=window or window_of(asked.uri) or WINDOW,
        prompts=resolve_prompts(prompts, known=("split", "distill")),
    )
    how = {"model": asked.name, "params": dict(asked.params), "settings": _shown(settings)}
    keys = [key_of(session, how=how) for session in found]
    kept = _journal(keys, wanted=journal)
    asked = asked.recorded(record, resumed=kept is not None and any(map(kept.get, keys)))
    budget = Budget(max_cost=max_cost, max_tokens=max_tokens, max_seconds=max_seconds)
    work = Distilling(
        sessions=found,
        keys=keys,
        chat=BudgetedChat(asked.chat, budget=budget, model_timeout=model_timeout),
        model=asked.name,
        settings=settings,
        budget=budget,
        concurrency=concurrency,
        journal=kept,
    )
    try:
        return _waited(work, found, progress=progress)
    finally:
        if asked.recorder:
            asked.recorder.close()
        if kept:
            kept.close(keep=journal is not True or len(work.results) < len(found))


# --- waiting -------------------------------------------------------------------------


def _waited(work: Distilling, found: Sessions, *, progress: bool) -> CaseSet:
    """Wait for the end; an interrupt stops the work, keeps what was done, and is raised when it has ended."""
    steps = display().steps(len(found), "sessions distilled") if progress else None
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
    cases = _cases(work, found)
    if steps:
        steps.close(len(work.results), f"{_count(len(cases), 'test case')}, {_count(len(cases.problems), 'problem')}")
    return cases


def _interrupted(work: Distilling) -> str:
    kept = f"; what is done is kept in {work.journal.path}: the same call goes on from there" if work.journal else ""
    return f"interrupted{kept}"


def _cases(work: Distilling, found: Sessions) -> CaseSet:
    read = [work.results[place].cases for place in sorted(work.results)]
    failed = [f"session {found[place].id}: {why}" for place, why in sorted(work.problems.items())]
    told = [f"session {found[n].id}: {line}" for n in sorted(work.results) for line in work.results[n].problems]
    return CaseSet(
        with_duplicates(_distinct(case for cases in read for case in cases)),
        problems=(*found.problems, *failed, *told),
        sessions=found,
        usage=work.chat.usage,
    )


def _distinct(cases: Iterable[TestCase]) -> list[TestCase]:
    """Two sessions may be called alike: their cases are told apart."""
    seen: dict[str, int] = {}
    distinct = []
    for case in cases:
        seen[case.case_id] = seen.get(case.case_id, 0) + 1
        again = seen[case.case_id]
        distinct.append(case if again == 1 else case.edited(case_id=f"{case.case_id}~{again}"))
    return distinct


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _refuse(*, split: object, concurrency: object, limits: Iterable[float | None]) -> None:
    if split not in (False, "auto"):
        raise UsageError(f"split={split!r}: give 'auto' (a case for each goal) or False (one case a session)")
    if not isinstance(concurrency, int) or concurrency < 1:
        raise UsageError(f"concurrency={concurrency!r}: give a number above 0")
    for limit in limits:
        if limit is not None and limit <= 0:
            raise UsageError(f"a limit of {limit!r}: give a number above 0")


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
