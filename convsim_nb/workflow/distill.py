"""Distilling many sessions at once."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal

from convsim_nb.adapters.mlflow.quiet import quiet
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError, UsageError
from convsim_nb.domain.session import Session
from convsim_nb.engine import distill as engine
from convsim_nb.engine.ports import Chat
from convsim_nb.views.steps import StepProgress
from convsim_nb.workflow import background
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.sessions import as_sessions

Split = bool | Literal["auto"]


def distill(
    sessions: Any,
    *,
    model: str | Chat | None = None,
    split: Split = "auto",
    concurrency: int = 20,
    progress: bool = True,
) -> CaseSet:
    """Read test cases out of recorded sessions: goal, persona, guidelines, facts, and what is withheld.

    `sessions` is what `search_sessions` gives, or anything that `load_sessions` takes. A session that
    held several goals gives a case for each, unless `split=False`. Blocks until all are read; a session
    that fails is a line in `CaseSet.problems` beside the good cases.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
    """
    if split not in (True, False, "auto"):
        raise UsageError(f"split={split!r}: give 'auto' (a case for each goal) or False (one case a session)")
    if concurrency < 1:
        raise UsageError(f"concurrency={concurrency!r}: give a number above 0")
    _, chat = resolve_model(model, param="model")
    found = as_sessions(sessions)
    background.refuse_on_loop("distill()")
    steps = StepProgress(len(found), "sessions distilled") if progress else None
    work = _Distilling(quiet(chat), split=bool(split), told=steps)
    cases = _waited(background.submit(work.all(found, concurrency)))
    if steps:
        steps.close(f"{len(cases)} test cases, {len(work.problems)} problems")
    return CaseSet(_distinct(cases), problems=(*found.problems, *work.problems))


@dataclass
class _Distilling:
    chat: Chat
    split: bool
    told: Callable[[str], None] | None
    problems: list[str] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)

    async def all(self, sessions: Sequence[Session], concurrency: int) -> list[TestCase]:
        places = asyncio.Semaphore(concurrency)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(session, places)) for session in sessions]
        return [case for task in tasks for case in task.result()]

    async def _one(self, session: Session, places: asyncio.Semaphore) -> Sequence[TestCase]:
        async with places:
            cases = await self._cases(session)
        if self.told:
            self.told(session.id)
        return cases

    async def _cases(self, session: Session) -> Sequence[TestCase]:
        if not session.user_messages:
            self.problems.append(f"session {session.id}: the user says nothing in it")
            return ()
        try:
            settings = engine.DistillSettings(split=self.split)
            read = await engine.distill(session, chat=self.chat, report=self._used, settings=settings)
            self.problems += [f"session {session.id}: {line}" for line in read.problems]
            return read.cases
        except ModelError as error:
            self.problems.append(f"session {session.id}: {error}")
        except Exception as error:  # noqa: BLE001 - a model may be anybody's code; its failure is this session's alone
            self.problems.append(f"session {session.id}: the model raised {type(error).__name__}: {error}")
        return ()

    def _used(self, usage: Usage) -> None:
        self.usage += usage


def _waited(work: "Future[list[TestCase]]") -> list[TestCase]:
    try:
        return work.result()
    except KeyboardInterrupt:
        work.cancel()
        raise


def _distinct(cases: Iterable[TestCase]) -> list[TestCase]:
    """Two sessions may be called alike: their cases are told apart."""
    seen: dict[str, int] = {}
    distinct = []
    for case in cases:
        seen[case.case_id] = seen.get(case.case_id, 0) + 1
        again = seen[case.case_id]
        distinct.append(case if again == 1 else case.edited(case_id=f"{case.case_id}~{again}"))
    return distinct
