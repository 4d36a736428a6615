"""Many sessions on their way to test cases: side by side, within a budget, stopped at will, taken up again."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from convsim_nb.adapters.distilled import DistillJournal, Done
from convsim_nb.adapters.recording import Recorder
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.secrets import masked
from convsim_nb.domain.session import Session
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.distill import DistillSettings
from convsim_nb.engine.distill import distill as distill_one
from convsim_nb.workflow import background
from convsim_nb.workflow.budgeted import BudgetedChat, UsedUp
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.checking import with_duplicates
from convsim_nb.workflow.sessions import Sessions


@dataclass(frozen=True)
class Outcome:
    """How far one session is, and what came of it."""

    state: Literal["waiting", "reading", "done", "failed"]
    cases: int = 0
    problems: tuple[str, ...] = ()
    """Why nothing came of it, or what is to be said beside its cases."""


@dataclass(repr=False)
class Distilling:
    """The work on many sessions, in the background; `stop()` ends it from any thread and keeps what was done."""

    sessions: Sessions
    keys: Sequence[str]
    """What each session is found by in the journal."""
    chat: BudgetedChat
    model: str
    settings: DistillSettings
    budget: Budget
    concurrency: int = 20
    journal: DistillJournal | None = None
    keep: bool = False
    """Whether the journal stays when all is done; where something is missing it always does."""
    recorder: Recorder | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    results: dict[int, Done] = field(default_factory=dict)
    """What came of the sessions that were read, by their places."""
    problems: dict[int, str] = field(default_factory=dict)
    """Why nothing came of the others."""
    stopped: bool = False
    _begun: set[int] = field(default_factory=set)
    _fault: Exception | None = None
    _task: "asyncio.Task[None] | None" = None

    def start(self) -> None:
        """Begin, on the background loop."""
        for place, key in enumerate(self.keys):
            if self.journal and (known := self.journal.get(key)):
                self.results[place] = known
        background.submit(self._all())

    def stop(self) -> None:
        """End what is not over; returns at once, from any thread, as often as one likes."""
        self.stopped = True
        background.loop().call_soon_threadsafe(self._cancel)

    def wait(self, timeout: float | None = None) -> "Distilling":
        """Wait for the end, or for so many seconds; gives the work itself.

        Raises:
            OSError: what was done could not be written to its files.
        """
        background.refuse_on_loop("wait()")
        self.ended.wait(timeout)
        if self._fault is not None:
            raise self._fault
        return self

    @property
    def done(self) -> int:
        """Sessions that are over."""
        return len(self.results) + len(self.problems)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """How far each session is, in their order."""
        return tuple(map(self._outcome, range(len(self.sessions))))

    @property
    def cases(self) -> CaseSet:
        """The test cases so far, in the order of their sessions; `problems` says what did not become one."""
        results, problems = dict(self.results), dict(self.problems)
        read = [results[place].cases for place in sorted(results)]
        failed = [f"session {self.sessions[place].id}: {why}" for place, why in sorted(problems.items())]
        told = [f"session {self.sessions[n].id}: {line}" for n in sorted(results) for line in results[n].problems]
        return CaseSet(
            with_duplicates(_distinct(case for cases in read for case in cases)),
            problems=(*self.sessions.problems, *failed, *told),
            sessions=self.sessions,
            usage=self.chat.usage,
        )

    def __repr__(self) -> str:
        how = "stopped" if self.stopped else "ended" if self.ended.is_set() else "at work"
        return f"<Distilling: {self.done} of {len(self.sessions)} sessions, {how}>"

    def _outcome(self, place: int) -> Outcome:
        if result := self.results.get(place):
            return Outcome("done", len(result.cases), result.problems)
        if place in self.problems:
            return Outcome("failed", problems=(self.problems[place],))
        return Outcome("reading" if place in self._begun else "waiting")

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _all(self) -> None:
        self._task = asyncio.current_task()
        places = asyncio.Semaphore(self.concurrency)
        try:
            async with asyncio.timeout(self.budget.max_seconds), asyncio.TaskGroup() as group:
                for place in range(len(self.sessions)):
                    if place not in self.results and not self.stopped:
                        group.create_task(self._one(place, places))
        except TimeoutError:
            self.budget.late = True
        except asyncio.CancelledError:
            pass  # our own stop: what was done is kept, and nobody else awaits this task
        finally:
            for place in range(len(self.sessions)):
                if place not in self.results:
                    self.problems.setdefault(place, f"not distilled: {self.budget.used_up or 'stopped'}")
            self._close()
            self.ended.set()

    def _close(self) -> None:
        try:
            if self.recorder:
                self.recorder.close()
            if self.journal:
                self.journal.close(keep=self.keep or len(self.results) < len(self.sessions))
        except OSError as error:
            self._fault = error  # raised where somebody waits

    async def _one(self, place: int, places: asyncio.Semaphore) -> None:
        session = self.sessions[place]
        async with places:
            self._begun.add(place)
            try:
                self._keep(place, await self._read(session))
            except UsedUp as reason:
                self.problems[place] = f"not distilled: {reason}"
            except ModelError as error:
                self.problems[place] = str(error)
            except Exception as error:  # noqa: BLE001 - a model may be anybody's code; its failure is this session's alone
                self.problems[place] = masked(f"the model raised {type(error).__name__}: {error}")

    async def _read(self, session: Session) -> Done:
        if not session.user_messages:
            return Done((), ("the user says nothing in it",))
        read = await distill_one(
            session, chat=self.chat, report=_counted_there, settings=self.settings, model=self.model
        )
        return Done(read.cases, (*_beside_words(session), *read.problems))

    def _keep(self, place: int, done: Done) -> None:
        self.results[place] = done
        if self.journal:
            self.journal.put(self.keys[place], self.sessions[place].id, done)


def _beside_words(session: Session) -> tuple[str, ...]:
    """A line on the images and files that the user sent, where there are some: goals may hang on them."""
    parts = [
        str(part.get("type")).removesuffix("_url").removeprefix("input_")
        for message in session.messages
        if message.role == "user"
        for said in message.wire
        for part in _parts(said.get("content"))
        if "text" not in str(part.get("type"))
    ]
    if not parts:
        return ()
    sent = ", ".join(f"{number} {kind}{'s' if number > 1 else ''}" for kind, number in Counter(parts).items())
    return (f"the user sent {sent}, which no test case carries: a simulated user writes text alone",)


def _parts(content: object) -> list[Mapping[str, object]]:
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []


def _distinct(cases: Iterable[TestCase]) -> list[TestCase]:
    """Two sessions may be called alike: their cases are told apart."""
    seen: dict[str, int] = {}
    distinct = []
    for case in cases:
        seen[case.case_id] = seen.get(case.case_id, 0) + 1
        again = seen[case.case_id]
        distinct.append(case if again == 1 else case.edited(case_id=f"{case.case_id}~{again}"))
    return distinct


def _counted_there(_usage: Usage) -> None:
    """The budgeted model counts its own calls."""
