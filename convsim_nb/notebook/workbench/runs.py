"""The runs of a workbench: those it played, those of earlier days, and what is said of each."""

import threading
from collections.abc import Callable, Collection
from typing import Any

from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import ConvsimError
from convsim_nb.domain.events import MessageDelta, RunEvent
from convsim_nb.notebook.display import NotebookDisplay, ShownRun, ViewKind, shown_by
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.notebook.live.run_view import RunView
from convsim_nb.views.sentences import run_titles
from convsim_nb.views.words import percent, stop_words
from convsim_nb.workflow.compare import compare
from convsim_nb.workflow.options import SimulateOptions
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run, run_ids
from convsim_nb.workflow.simulate import simulate

_EARLIER = 12
"""So many runs of earlier kernels are listed."""
_FAILED = 12
"""So many cases that failed are named."""


class BenchedRun(ShownRun):
    """A run that a workbench shows: in its own view there, and wherever else it is shown."""

    def __init__(self, run: Run, place: NotebookDisplay, *, kind: ViewKind, changed: Callable[[], None]) -> None:
        super().__init__(run, place, lasts=True)
        self.run, self._changed = run, changed
        if kind == "plain":
            self._sink = lambda _: None  # the workbench draws it
        self.view: RunView | None = self.make_view() if kind == "live" else None

    def __call__(self, event: RunEvent) -> None:
        """Show one event."""
        super().__call__(event)
        if not isinstance(event, MessageDelta):
            self._changed()

    def close(self) -> None:
        """The run has ended: its view stays."""
        super().close()
        self._changed()


class RunShelf:
    """The runs that were played here or taken from disk; one of them is shown."""

    def __init__(self, place: NotebookDisplay, changed: Callable[[], None]) -> None:
        self.kind: ViewKind = "text"
        """How runs are shown from now on."""
        self.shown: BenchedRun | None = None
        self._place, self._changed = place, changed
        self._benched: list[BenchedRun] = []
        self._earlier: dict[str, Run] = {}
        self._unread: set[str] = set()
        self._taking = threading.Lock()

    @property
    def runs(self) -> tuple[Run, ...]:
        """The newest first."""
        return tuple(sorted((each.run for each in self._benched), key=_began, reverse=True))

    @property
    def playing(self) -> Run | None:
        """The run that plays, where one does."""
        return next((run for run in self.runs if not run.ended.is_set()), None)

    def begin(self, cases: Any, agent: Any, options: SimulateOptions) -> Run:
        """Begin a run, and show it.

        Raises:
            UsageError: an argument is wrong, said before any model is called.
        """
        with shown_by(self._bench):
            return simulate(cases, agent, **options)

    def look_at(self, run_id: str) -> None:
        """Show another run in the place of the one that is shown.

        Raises:
            NotFoundError: there is none of that id.
        """
        found = next((each for each in self._benched if each.run.run_id == run_id), None)
        if found is None:
            run = self._earlier.get(run_id) or load_run(run_id)
            found = self._bench(run)
            self._place.adopt(run, found)
        self.shown = found
        self._changed()

    def compared(self, first: str, second: str) -> str:
        """The comparison of two runs as HTML; what else differs than the agent is said in it.

        Raises:
            UsageError: they cannot be compared.
        """
        return compare(self._named(first), self._named(second), force=True)._repr_html_()

    def show_live(self) -> None:
        """There is a page: each run gets a view, and those that come too."""
        self.kind = "live"
        for each in self._benched:
            each.view = each.view or each.make_view()

    def listed(self) -> list[dict[str, Any]]:
        """A line a run, the newest first: those of this workbench and of earlier days."""
        with self._taking:
            here = {run.run_id for run in self.runs}
            self._find_earlier(here)
            every = [*self.runs, *(run for run_id, run in self._earlier.items() if run_id not in here)]
        shown = self.shown and self.shown.run
        lines = sorted(every, key=_began, reverse=True)
        titles = run_titles([run.state for run in lines])
        of_shown = set(shown.state.cases) if shown else set()
        return [
            {
                **run_json(run, title=title),
                "shown": run is shown,
                "here": run.run_id in here,
                "shared": len(of_shown.intersection(run.state.cases)),
            }
            for run, title in zip(lines, titles, strict=True)
        ]

    def _bench(self, run: Run) -> BenchedRun:
        self.shown = BenchedRun(run, self._place, kind=self.kind, changed=self._changed)
        self._benched.append(self.shown)
        return self.shown

    def _named(self, run_id: str) -> Run:
        here = next((run for run in self.runs if run.run_id == run_id), None)
        return here or self._earlier.get(run_id) or load_run(run_id)

    def _find_earlier(self, here: Collection[str]) -> None:
        """Read the newest journals, each once."""
        for run_id in list(run_ids())[:_EARLIER]:
            if run_id in here or run_id in self._earlier or run_id in self._unread:
                continue
            try:
                self._earlier[run_id] = load_run(run_id)
            except ConvsimError:
                self._unread.add(run_id)  # cs.runs() says why


def _began(run: Run) -> float:
    """When a run began; ids tell it to the second only."""
    return run.state.started_at.timestamp() if run.state.started_at else 0.0


# --- what is said of a run -----------------------------------------------------------


def run_json(run: Run, *, title: str) -> dict[str, Any]:
    """A run in one line: who played, how many reached, and what stands outside the rate."""
    summary, agent = run.summary, run.state.agent
    line = {
        "name": title,
        "named": bool(run.state.run_name),
        "agent": agent.name if agent else "",
        "hash": agent.source_hash if agent else "",
        "started": run.state.started_at.isoformat() if run.state.started_at else "",
        "rate": rate_words(run),
        "total": summary.total,
        "reached": summary.reached,
        "not_reached": summary.not_reached,
        "void": summary.void,
        "apart": summary.assisted + summary.forked,
        "unfinished": summary.unfinished,
        "corrections": summary.corrections,
        "done": summary.reached + summary.not_reached,
        "ended": run.state.ended,
        "stopped": run.state.stopped,
        "stopping": run.is_stopping,
        "playing": not run.ended.is_set(),
    }
    return {"run_id": run.run_id, **sendable(line)}


def rate_words(run: Run) -> str:
    """`60% reached, 95% interval 31% to 83%`; empty where nothing counts yet."""
    summary = run.summary
    if summary.rate is None:
        return ""
    return f"{percent(summary.rate)} reached, 95% interval {percent(summary.low)} to {percent(summary.high)}"


def failed_json(run: Run) -> list[dict[str, Any]]:
    """The conversations that did not reach their goal, in the order of the cases, at most a dozen."""
    return [_failed_line(run, each) for each in _failed(run)[:_FAILED]]


def failed_cases(run: Run) -> tuple[str, ...]:
    """The ids of the cases with a conversation that failed, each once, in the order of the run."""
    return tuple(dict.fromkeys(each.case_id for each in _failed(run)))


def _failed(run: Run) -> list[Conversation]:
    return [each for each in run.conversations if each.verdict == "not_reached" and each.counts]


def _failed_line(run: Run, conversation: Conversation) -> dict[str, Any]:
    case = run.state.cases.get(conversation.case_id)
    said = {"goal": case.goal if case else "", "why": stop_words(conversation), "trial": conversation.trial}
    return {"key": conversation.key, "case_id": conversation.case_id, **sendable(said)}
