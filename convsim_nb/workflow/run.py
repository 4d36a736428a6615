"""The handle of a run: live while it plays, and the same when it is brought back."""

import asyncio
import os
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from convsim_nb.adapters.labels import read_labels
from convsim_nb.adapters.mlflow_note import MlflowNote, note, read_note
from convsim_nb.adapters.score_file import read_scores
from convsim_nb.analysis.fault import score_faults, simulation_faults
from convsim_nb.analysis.scorers import folded
from convsim_nb.analysis.summary import RunSummary, summarise
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.label import Label
from convsim_nb.domain.score import Score
from convsim_nb.domain.state import RunState
from convsim_nb.engine.ports import Agent
from convsim_nb.workflow import background
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.display import display
from convsim_nb.workflow.ended import is_finished
from convsim_nb.workflow.kept import read_kept
from convsim_nb.workflow.reading import Reading
from convsim_nb.workflow.steering import Steering
from convsim_nb.workflow.stopping import wait_for_stop

if TYPE_CHECKING:
    import pandas as pd

    from convsim_nb.adapters.mlflow.push import Pushed
    from convsim_nb.adapters.mlflow.sink import MlflowSink
    from convsim_nb.workflow.live import Live
    from convsim_nb.workflow.plan import Plan

_JOB = "spark"
"""The topic of a Spark job that failed."""
_LONG_OVER = threading.Event()
_LONG_OVER.set()


class Run(Reading, Steering):
    """Many conversations against one agent: playing, ended, or brought back by `load_run`."""

    def __init__(self, state: RunState, *, folder: Path | None = None) -> None:
        self.state = state
        """The fold of the run's events so far."""
        self.folder = folder
        """Where its journal lies; None where it keeps none."""
        self.scores: tuple[Score, ...] = read_scores(folder) if folder else ()
        """What `evaluate` found."""
        self.labels: dict[str, Label] = read_labels(folder) if folder else {}
        """What people said of its conversations, by key: see `label`."""
        self.unsent: dict[str, str] = {}
        """Why a label is not in MLflow, by the conversation's key; and why the scores are not."""
        self.kept: CaseSet = read_kept(folder)
        """The conversations that were made into test cases: see `keep_case`."""
        self.mlflow: MlflowSink | None = None
        """What writes the run to MLflow; None where nothing does."""
        self._noted = read_note(folder)
        self.stored_as: str | None = self._noted.mlflow_run_id
        """MLflow's id of a run that was brought back."""
        self.pushed: Pushed | None = None
        """What `push` brought to MLflow, where it was called."""
        self.planned: Plan | None = None
        """What it was started with in this process; None for a run that was brought back."""
        self.plan_of_forks: Plan | None = None
        """What a run that was brought back plays its forks by: it does not know the run's own agent."""
        self.others: dict[str, Agent] = {}
        """The agents that were given for forks in this process, by name."""
        self.promised: set[str] = set()
        """Keys of forks and repeats that were begun: they may not have started yet."""
        self._hearers: list[Callable[[], None]] = []
        self._live: Live | None = None
        self._playing: Future[None] | None = None
        self._process: int | None = None

    # --- what it is ------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """Our id: known from the start, the name of its folder."""
        return self.state.run_id

    @property
    def mlflow_run_id(self) -> str | None:
        """MLflow's id; None until MLflow gave one, or where the run is not written there."""
        if self.pushed is not None:
            return self.pushed.mlflow_run_id
        if self.mlflow is not None:
            return self.mlflow.mlflow_run_id
        return self.stored_as

    @property
    def cases(self) -> CaseSet:
        """The test cases that it plays."""
        return CaseSet(self.state.cases.values())

    @property
    def conversations(self) -> tuple[Conversation, ...]:
        """One conversation a key, in case order, the newest attempt."""
        return self.state.conversations

    @property
    def summary(self) -> RunSummary:
        """Its numbers so far."""
        return summarise(self.conversations)

    @property
    def problems(self) -> tuple[str, ...]:
        """In a line each: what failed beside the agent, so that the numbers are read with care."""
        past = self._noted.mended
        dropped = [
            f"{drop.sink} stopped listening: {drop.reason}"
            for place, drop in enumerate(self.state.dropped)
            if drop.sink != "mlflow" or place >= past
        ]
        faults = (*simulation_faults(self.conversations), *score_faults(self.scores))
        notices = [text for topic, text in self.state.notices.items() if not (topic == _JOB and self._is_played)]
        return (*dropped, *notices, *faults, *self.unsent.values())

    @property
    def mended(self) -> tuple[str, ...]:
        """In a line each: what had failed, and was put right since, by `push` or by a resume."""
        past = [drop for drop in self.state.dropped[: self._noted.mended] if drop.sink == "mlflow"]
        pushed = [f"mlflow stopped listening: {drop.reason}; cs.push brought what was missing" for drop in past]
        job = self.state.notices.get(_JOB) if self._is_played else None
        return (*pushed, *([f"{job}; what was missing was played since"] if job else []))

    @property
    def _is_played(self) -> bool:
        return is_finished(self.state) and not self.state.stopped

    def note_mlflow(self, mlflow_run_id: str, *, mended: int | None = None) -> None:
        """Keep beside the journal where it stands in MLflow: for the workflow that brings it there."""
        more = self._noted.mended if mended is None else mended
        self._noted = MlflowNote(mlflow_run_id=mlflow_run_id, mended=more)
        if self.folder is not None:
            with suppress(OSError):  # a folder that takes no more is said by the journal
                note(self.folder, self._noted)

    def conversation(self, key: str) -> Conversation:
        """The conversation of a key, as it stands.

        Raises:
            UsageError: the run has none of that key.
        """
        if key not in self.state.by_key:
            known = ", ".join(list(self.state.by_key)[:3])
            raise UsageError(f"run {self.run_id} has no conversation {key!r}: keys look like {known}")
        return self.state.by_key[key]

    def __getitem__(self, case_id: str) -> tuple[Conversation, ...]:
        """All trials of a case."""
        found = tuple(c for c in self.conversations if c.case_id == case_id)
        if not found:
            raise KeyError(f"no test case {case_id!r} in run {self.run_id}")
        return found

    def __repr__(self) -> str:
        from convsim_nb.views.text import summary_lines

        return "\n".join(summary_lines(self.state))

    def _repr_html_(self) -> str:
        from convsim_nb.views.static_html import run_html

        return run_html(self.state, scores=self.scores)

    # --- while it plays --------------------------------------------------------------

    def follow(self, live: "Live", playing: "Future[None] | None") -> None:
        """Take the playing run to the handle: for the workflow that starts it."""
        self._live, self._playing, self._process = live, playing, os.getpid()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop, and has not ended."""
        return self._live is not None and self._live.is_stopping

    @property
    def ended(self) -> threading.Event:
        """Set when all is over, and written where it is written."""
        return self._live.ended if self._live is not None else _LONG_OVER

    def wait(self, timeout: float | None = None) -> Self:
        """Wait for the end, at most `timeout` seconds, and give the run back.

        Ctrl-C, or a kernel interrupt, stops the run, keeps what was done, and raises.

        Raises:
            KeyboardInterrupt: it was interrupted.
            StoreError: it plays on Spark, and its job or its shared folder failed; what was done is kept.
            UsageError: called on the loop's own thread, or in another process than the run's; or what a Spark
                worker lacks.
        """
        background.refuse_on_loop("run.wait()")
        if self._process not in (None, os.getpid()) and not self.ended.is_set():
            raise UsageError(f"run {self.run_id} plays in process {self._process}, which forked this one: wait there")
        self._is_awaited()
        try:
            over = display().wait(self, timeout)
        except KeyboardInterrupt:
            self.stop()
            wait_for_stop(self)
            raise
        if over and self._playing is not None and not self._playing.cancelled():
            self._playing.result()  # at most a moment away: `ended` is set in its last step
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        """Wait on any event loop, without blocking it."""
        return self._awaited().__await__()

    def _is_awaited(self) -> None:
        if self._live is not None:
            self._live.awaited = True

    async def _awaited(self) -> Self:
        self._is_awaited()
        if self._playing is not None:
            with display().awaiting(self):
                await asyncio.shield(asyncio.wrap_future(self._playing))
        return self

    def stop(self, key: str | None = None) -> None:
        """End the conversations that are not over, or one, as `cancelled`; what was done is kept.

        Returns at once. After the end it does nothing.

        Raises:
            UsageError: the run has no conversation of that key.
        """
        if self._live is not None and key is None:
            self._live.stop()
        elif key is not None:
            self._tell(key, lambda control: control.stop(key))

    def hear(self, hearer: Callable[[], None]) -> None:
        """Be told from now on when scores or labels change, which no event tells; on the thread that changes them."""
        self._hearers.append(hearer)

    def tell_hearers(self) -> None:
        """Scores or labels have changed: for the workflow that changes them."""
        for hearer in tuple(self._hearers):
            hearer()

    # --- reading it ------------------------------------------------------------------

    def to_frame(self) -> "pd.DataFrame":
        """One row a conversation, its scores in columns of their own, named after the scorer.

        Scores of single turns stand there as their mean, the share of yes among yes and no.
        """
        import pandas as pd

        scores: dict[str, dict[str, object]] = {}
        for score in folded(self.scores):
            scores.setdefault(score.key, {})[score.name] = score.value
        return pd.DataFrame(
            [
                {**_row(c, self.state.cases[c.case_id], self.labels.get(c.key)), **scores.get(c.key, {})}
                for c in self.conversations
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The run in plain JSON: ids, numbers, and a line a conversation."""
        conversations = [
            {
                "key": c.key,
                "case_id": c.case_id,
                "trial": c.trial,
                "verdict": c.verdict,
                "stop": c.stop,
                "turns": c.turns,
                "corrections": c.corrections,
                "detail": c.detail,
                "session_id": c.session_id,
                "trace_ids": list(c.trace_ids),
            }
            for c in self.conversations
        ]
        return {
            "run_id": self.run_id,
            "run_name": self.state.run_name,
            "mlflow_run_id": self.mlflow_run_id,
            "agent": self.state.agent.name if self.state.agent else None,
            "folder": str(self.folder) if self.folder else None,
            "summary": self.summary.model_dump(mode="json"),
            "problems": list(self.problems),
            "conversations": conversations,
            "scores": [score.model_dump(mode="json") for score in self.scores],
        }

    def evaluate(
        self, scorers: Sequence[Any] | None = None, *, model: str | None = None, concurrency: int = 10
    ) -> "pd.DataFrame":
        """Score every conversation that came to its end, without asking the agent again.

        `scorers` are names, functions that take a `Conversation`, and MLflow's: built-in ones, `make_judge`,
        `@scorer` functions of a session or of single turns; they read the traces in MLflow, and all are given
        the case's `expectations`. Without `scorers`: ours that need no model. Scores stand in `scores`, in
        `to_frame()` and, where the run is written to MLflow, as assessments of its run there; scoring twice
        replaces scores of one name. A scorer that raises has its error there, the others their values: a line on
        stderr and in `problems` says how often. Returns one row a score: `case_id`, `trial`, `turn`, `name`, `value`,
        `rationale`, `error`.

        Args:
            scorers: Such as `["turns_to_goal", "ConversationCompleteness", my_scorer]`.
            model: The model of MLflow's scorers that are given by name.
            concurrency: How many of MLflow's scorers are called at once.

        Raises:
            ModelNameError: a scorer's model is none that MLflow takes, or has no key.
            StoreError: the tracking store failed.
            UsageError: a scorer is not known, the run has not ended, or MLflow has no traces of it.
        """
        from convsim_nb.workflow.score import evaluate

        return evaluate(self, scorers, model=model, concurrency=concurrency)


def _row(conversation: Conversation, case: TestCase, label: Label | None) -> Mapping[str, object]:
    usage = conversation.usage
    tokens = {f"{who}_tokens": u.input_tokens + u.output_tokens for who, u in usage.items()}
    return {
        "case_id": conversation.case_id,
        "trial": conversation.trial,
        "goal": case.goal,
        "verdict": conversation.verdict,
        "stop": conversation.stop,
        "turns": conversation.turns,
        "corrections": conversation.corrections,
        "seconds": conversation.seconds,
        "detail": conversation.detail,
        "assisted": conversation.assisted,
        "label": label.value if label else None,
        "note": label.note if label else "",
        "session_id": conversation.session_id,
        "source_session": case.source.session_id if case.source else None,
        "key": conversation.key,
        **tokens,
    }
