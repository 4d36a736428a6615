"""A run, written to MLflow while it plays: the run itself, its traces, what was found, its files."""

import asyncio
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from convsim_nb.adapters.mlflow import runlog
from convsim_nb.adapters.mlflow.again import supersede
from convsim_nb.adapters.mlflow.assess import assessments
from convsim_nb.adapters.mlflow.export import Export, Findings, export
from convsim_nb.adapters.mlflow.place import OWN, Place
from convsim_nb.adapters.mlflow.scores import log_scores
from convsim_nb.adapters.mlflow.store import Destination, Pin, shown, store_errors
from convsim_nb.adapters.mlflow.tracing import Shown, TracedAgent
from convsim_nb.analysis.summary import summarise
from convsim_nb.domain.errors import ConvsimError, StoreError
from convsim_nb.domain.events import (
    ConversationEnded,
    ConversationStarted,
    MessageDelta,
    MessageSent,
    RunEnded,
    RunEvent,
    RunStarted,
)
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState
from convsim_nb.domain.veil import BARE, Veil
from convsim_nb.engine.ports import Agent

_TICK = 0.5
"""Seconds between two rounds of writing."""
_FIRST_ANSWER_SECONDS = 20.0
"""How long the end of a run waits for a store that has never answered."""


class MlflowSink:
    """Writes a run to MLflow, on a daemon thread of its own; hearing an event costs a queue's append.

    Begins with `RunStarted`, which it must hear, and ends with `RunEnded`: then everything is written and
    the MLflow run is `FINISHED`, or `KILLED` where it was stopped. Put it after the journal, whose file it
    copies at the end. A store that fails ends the writing, never the run: `on_failure` is called once with
    the reason, on the sink's thread; hand it to the loop:
    `lambda reason: loop.call_soon_threadsafe(emitter.drop, sink, reason)`.
    """

    name = "mlflow"

    def __init__(
        self,
        pin: Pin,
        *,
        on_failure: Callable[[str], None] = lambda _: None,
        journal: Path | None = None,
        report: Callable[[RunState], str] | None = None,
        state: RunState | None = None,
        place: Place = OWN,
        veil: Veil = BARE,
        way: Export | None = None,
    ) -> None:
        """`journal` is the file of events; where there is none, the sink keeps its own until the end.

        `report` makes the HTML that is stored with the run. `state` is what a resumed run has behind it;
        it must not be anybody else's. `place` names a run to write into, or one to be below.
        Events come as they may be kept; what traces hold goes through `veil`. `way` is how traces come to the
        store, where they are not made in this process.
        """
        self._pin, self._on_failure, self.journal, self._report = pin, on_failure, journal, report
        self._state, self._place = state or RunState(), place
        self._owned = False
        self._export = way or export(veil)
        self._export.on_stall = self._give_up
        self._events: deque[RunEvent] = deque()
        self._findings: Findings = {}
        self._stored: set[str] = set()
        self._told: dict[str, int] = {}
        self._progress = 0
        """How many things the store has taken; who waits for the end sees by it that the store lives."""
        self._scored: dict[tuple[str, str], str] = {}
        self._wake, self._over, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._answered, self._giving_up = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self.destination: Destination | None = None
        """The store and the experiment; None until it has answered."""
        self.mlflow_run_id: str | None = None
        """MLflow's id of the run; None until it is made."""
        self.on_made: Callable[[str], None] = lambda _: None
        """Told MLflow's id of the run, once it is made, on the sink's thread."""
        self.failure: str | None = None
        """Why the writing ended early, in a line."""
        self.problems: list[str] = []
        """Assessments that the store refused, in a line each: the rest was written."""

    @property
    def is_over(self) -> bool:
        """Whether everything is written, or given up."""
        return self._over.is_set()

    @property
    def has_answered(self) -> bool:
        """Whether the store has taken the run, or was given up."""
        return self._answered.is_set() or self.is_over

    @property
    def awaited(self) -> str:
        """What the end of the run waits for, in words."""
        where = shown(self._pin.tracking_uri)
        if self._answered.is_set():
            return f"MLflow at {where}, which is still taking what was done"
        return f"MLflow at {where}, which has not answered yet; at most {_FIRST_ANSWER_SECONDS:.0f} s"

    @property
    def on_failure(self) -> Callable[[str], None]:
        """Who is told, with the reason, that the store was given up; told at once where that has happened."""
        return self._on_failure

    @on_failure.setter
    def on_failure(self, told: Callable[[str], None]) -> None:
        with self._giving_up:
            self._on_failure = told
            if self.failure is not None:
                told(self.failure)

    def traced(
        self,
        agent: Agent,
        *,
        name: str,
        run_id: str,
        model_id: str = "",
        history: Literal["full", "text"] = "full",
        shown: Shown | None = None,
    ) -> TracedAgent:
        """The same agent, each of its turns a trace of this run. `run_id` is ours, `history` what it is given."""
        return TracedAgent(
            agent,
            export=self._export,
            name=name,
            run_id=run_id,
            model_id=model_id,
            history=history,
            shown=shown,
        )

    def __call__(self, event: RunEvent) -> None:
        """Take one event in."""
        if isinstance(event, MessageDelta) or self.failure:
            return
        self._events.append(event)
        if isinstance(event, RunStarted) and self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(event,), name="convsim-mlflow", daemon=True)
            self._thread.start()
        if isinstance(event, RunEnded):
            self._wake.set()

    def close(self, patience: float = 60.0) -> None:
        """Wait until everything is written, as long as there is progress: at most `patience` seconds without any.

        Without a `RunEnded`, what there is is written, and the MLflow run is `KILLED`.
        """
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._wait_for_end(patience if self._answered.is_set() else min(patience, _FIRST_ANSWER_SECONDS))
        self._export.close()

    def _wait_for_end(self, patience: float) -> None:
        done = -1
        while not self._over.is_set() and done != self._progress:
            done = self._progress
            self._over.wait(patience)
        if not self._over.is_set():
            self._give_up(f"{shown(self._pin.tracking_uri)} has not answered for {patience:.0f} s")

    async def ready(self, timeout: float = 10.0) -> bool:  # noqa: ASYNC109 - it is given up softly, not cancelled
        """Wait until the MLflow run is made, at most `timeout` seconds; False where it is not, or not yet.

        Nobody has to: the run goes on beside it. Who waits keeps MLflow's start out of the first turns' times.
        """
        await self._export.warm()
        await asyncio.to_thread(self._answered.wait, timeout)
        return self.mlflow_run_id is not None

    def log_scores(self, scores: Iterable[Score]) -> None:
        """Write scores as assessments and their means as metrics; for a run that was written to its end.

        Does nothing where the store was given up before, which was said then.

        Raises:
            StoreError: the store fails now, or the run is still being written.
        """
        if self.failure:
            return
        if self.destination is None or self.mlflow_run_id is None or not self._over.is_set():
            raise StoreError("the run is still being written to MLflow: wait for its end before you score it")
        log_scores(
            scores,
            destination=self.destination,
            run_id=self.mlflow_run_id,
            conversations=self._state.by_key,
            logged=self._scored,
        )

    # --- on the sink's own thread ----------------------------------------------------

    def _work(self, started: RunStarted) -> None:
        try:
            with store_errors(self._pin.tracking_uri), tempfile.TemporaryDirectory() as folder:
                self._write(started, Path(folder) / runlog.EVENTS)
        except Exception as error:  # noqa: BLE001 - whatever it is, on a daemon thread it would stay unsaid
            self._give_up(str(error) if isinstance(error, ConvsimError) else f"{type(error).__name__}: {error}")
            self._over.set()
            self._mark_failed()
        finally:
            self._export.let_go()
            self._over.set()

    def _write(self, started: RunStarted, own_journal: Path) -> None:
        to = self.destination = self._place.reach(self._pin)
        self._export.experiment_id = to.experiment_id
        run_id, self._owned = self._place.begin(to, started, resumed=bool(self._state.run_id))
        self.mlflow_run_id = run_id
        self.on_made(run_id)
        self._answered.set()
        self._progress += 1
        self._round(to, run_id, own_journal)  # a resumed state has ended before: `started` opens it again
        while not self._state.ended and not self._closing.is_set():
            self._wake.wait(_TICK)
            self._wake.clear()
            self._round(to, run_id, own_journal)
        time.sleep(self._export.unsettled())
        self._round(to, run_id, own_journal, everything=True)
        self._progress += 1
        self._sum_up(to, run_id, own_journal)
        if self._owned:
            to.client.set_terminated(run_id, "FINISHED" if self._state.ended and not self._state.stopped else "KILLED")

    def _round(self, to: Destination, run_id: str, own_journal: Path, *, everything: bool = False) -> None:
        while self._events:
            event = self._events.popleft()
            self._supersede(to, event)
            self._state.apply(event)
            if self.journal is None:
                with own_journal.open("a", encoding="utf-8") as file:
                    file.write(f"{event.model_dump_json()}\n")
            if isinstance(event, ConversationEnded) or (
                isinstance(event, MessageSent) and event.message.role == "user" and event.turn > 1
            ):
                self._turn_is_over(event.key, run_id)
        while stored := self._export.write(to, run_id=run_id, findings=self._findings, everything=everything):
            self._stored |= stored
            self._progress += 1
        self._assess_stored(to)

    def _supersede(self, to: Destination, event: RunEvent) -> None:
        """A new attempt takes the place of the one before, whose traces leave every count."""
        if isinstance(event, ConversationStarted) and event.key in self._state.by_key:
            before = self._state.by_key[event.key].session_id
            if before and before != event.session_id:
                supersede(to, before)

    def _turn_is_over(self, key: str, run_id: str) -> None:
        """Whatever is to be found out about the agent's last answer is known now."""
        conversation, settings = self._state.by_key[key], self._state.settings
        if settings is None:
            return
        found = assessments(
            conversation,
            case=self._state.cases[conversation.case_id],
            settings=settings,
            traces=self._export.turns.get(conversation.session_id, {}),
            run_id=run_id,
            since=self._told.get(conversation.session_id, 0),
        )
        for trace_id, findings in found.items():
            self._findings.setdefault(trace_id, []).extend(findings)
        self._told[conversation.session_id] = conversation.turns - 1
        if conversation.stop is not None:
            self._export.turns.pop(conversation.session_id, None)
            self._told.pop(conversation.session_id)

    def _assess_stored(self, to: Destination) -> None:
        """Log what was found of traces that are stored already."""
        stored = [trace_id for trace_id in self._findings if trace_id in self._stored]
        found = [(trace_id, finding) for trace_id in stored for finding in self._findings.pop(trace_id)]
        for trace_id, finding in found:
            finding.trace_id = trace_id
        if found and not self._export.assess([finding for _, finding in found]):
            for trace_id, finding in found:
                self._assess(to, trace_id, finding)
                self._progress += 1

    def _assess(self, to: Destination, trace_id: str, assessment: Any) -> None:
        """Log one assessment; one that the store refuses, of a trace that somebody deleted, ends nothing."""
        from mlflow.exceptions import MlflowException

        try:
            to.tracing.log_assessment(trace_id, assessment)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "BAD_REQUEST"):
                raise
            self.problems.append(f"{assessment.name} on {trace_id}: {error}")

    def _sum_up(self, to: Destination, run_id: str, own_journal: Path) -> None:
        runlog.log_metrics(to, run_id, runlog.metrics_of(summarise(self._state.conversations)))
        runlog.log_files(
            to,
            run_id,
            cases=self._state.cases.values(),
            conversations=self._state.conversations,
            events=self.journal or own_journal,
            report=self._report(self._state) if self._report else None,
        )

    def _mark_failed(self) -> None:
        if self.destination and self.mlflow_run_id and self._owned:
            with suppress(ConvsimError), store_errors(self._pin.tracking_uri):  # the reason was said already
                self.destination.client.set_terminated(self.mlflow_run_id, "FAILED")

    def _give_up(self, reason: str) -> None:
        with self._giving_up:
            if self.failure is None:
                self.failure = reason
                self._export.let_go()
                self._answered.set()
                self._on_failure(reason)
