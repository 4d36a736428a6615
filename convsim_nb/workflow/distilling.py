"""Many sessions on their way to test cases: side by side, within a budget, stopped at will, taken up again."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from convsim_nb.adapters.distilled import DistillJournal, Done
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.session import Session
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.distill import DistillSettings
from convsim_nb.engine.distill import distill as distill_one
from convsim_nb.workflow import background
from convsim_nb.workflow.budgeted import BudgetedChat, UsedUp


@dataclass
class Distilling:
    """The work on many sessions; `stop()` ends it from any thread and keeps what was done."""

    sessions: Sequence[Session]
    keys: Sequence[str]
    """What each session is found by in the journal."""
    chat: BudgetedChat
    model: str
    settings: DistillSettings
    budget: Budget
    concurrency: int = 20
    journal: DistillJournal | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    results: dict[int, Done] = field(default_factory=dict)
    """What came of the sessions that were read, by their places."""
    problems: dict[int, str] = field(default_factory=dict)
    """Why nothing came of the others."""
    stopped: bool = False
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

    @property
    def done(self) -> int:
        """Sessions that are over."""
        return len(self.results) + len(self.problems)

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
            self.ended.set()

    async def _one(self, place: int, places: asyncio.Semaphore) -> None:
        session = self.sessions[place]
        async with places:
            try:
                self._keep(place, await self._read(session))
            except UsedUp as reason:
                self.problems[place] = f"not distilled: {reason}"
            except ModelError as error:
                self.problems[place] = str(error)
            except Exception as error:  # noqa: BLE001 - a model may be anybody's code; its failure is this session's alone
                self.problems[place] = f"the model raised {type(error).__name__}: {error}"

    async def _read(self, session: Session) -> Done:
        if not session.user_messages:
            return Done((), ("the user says nothing in it",))
        read = await distill_one(
            session, chat=self.chat, report=_counted_there, settings=self.settings, model=self.model
        )
        return Done(read.cases, read.problems)

    def _keep(self, place: int, done: Done) -> None:
        self.results[place] = done
        if self.journal:
            self.journal.put(self.keys[place], self.sessions[place].id, done)


def _counted_there(_usage: Usage) -> None:
    """The budgeted model counts its own calls."""
