"""What a person does in a workbench: each is a call that Python offers too."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.notebook.grid.case_grid import CaseGrid
from convsim_nb.notebook.grid.rows import Row
from convsim_nb.notebook.live.desk import asked_of
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.notebook.picker.session_picker import SessionPicker
from convsim_nb.notebook.workbench.draft import Draft
from convsim_nb.notebook.workbench.runs import RunShelf, failed_cases, failed_json
from convsim_nb.notebook.workbench.settings import Settings
from convsim_nb.views.words import count, money
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.estimate import Estimate, estimate
from convsim_nb.workflow.run import Run

Answer = dict[str, Any]
_STEPS = ("sessions", "cases", "runs")


@dataclass(frozen=True)
class Offer:
    """Other cases that are at hand: a person takes or dismisses them."""

    cases: CaseSet
    text: str
    name: str
    """Of the button that takes them."""
    rows: tuple[Row, ...] = ()
    """The rows in their place, where some of them are no cases yet."""
    settled: Callable[[], None] = lambda: None
    """Called when they were taken or dismissed."""


class WorkbenchDesk:
    """Grid, picker, settings and runs of one workbench, and the verbs of its pages."""

    def __init__(
        self,
        grid: CaseGrid,
        *,
        settings: Settings,
        shelf: RunShelf,
        draft: Draft,
        make_picker: Callable[[], SessionPicker],
        changed: Callable[[], None],
    ) -> None:
        """`changed` is called, on any thread, when what a page shows may have changed."""
        self.grid, self.settings, self.shelf, self.draft = grid, settings, shelf, draft
        self.picker: SessionPicker | None = None
        self.step = "cases" if grid.cases else "sessions"
        self.trouble = ""
        """What goes wrong on disk, as long as it does."""
        self.changes = 0
        """Counts what a person or a cell changed: what was refused before may be possible now."""
        self._offers: list[Offer] = []
        self._make_picker, self._changed = make_picker, changed
        self._estimated: tuple[CaseSet, Any, Answer] | None = None
        self._beginning = threading.Lock()
        self._verbs: dict[str, Callable[..., Answer | None]] = {
            "run": self._run,
            "stop": self.stop,
            "set": self._set,
            "step": self._step,
            "look_at": self._look_at,
            "compare": self._compare,
            "sessions": self.open_sessions,
            "bring_back": self._bring_back,
            "dismiss": self._dismiss,
        }
        grid.on_change(self.have_changed)
        grid.on_marked(self.have_changed)

    def do(self, what: str, given: Mapping[str, Any]) -> Answer:
        """Do what a page asks for: `given` are the arguments of a verb, from a page, of any kind.

        Raises:
            ConvsimError: it cannot be done; the line is for the person.
        """
        done = asked_of(self._verbs, what, given)
        self._changed()
        return done

    def have_changed(self) -> None:
        """Cases, marks, settings or the notebook's names may have changed."""
        self.changes += 1
        self._changed()

    # --- playing ---------------------------------------------------------------------

    def play(self, cases: CaseSet) -> Run:
        """Play cases with the settings as they stand; the agent is looked up anew.

        Raises:
            UsageError: there is nothing to play, or no agent, or no model; said before any model is called.
        """
        with self._beginning:
            if self.shelf.playing is not None:
                raise UsageError("a run is playing: stop it first, or wait for its end")
            if not cases:
                raise UsageError(self._nothing_to_play())
            return self.shelf.begin(cases, self.settings.agent(), self.settings.options())

    def chosen(self) -> CaseSet:
        """The cases that Run plays: those that are marked in the grid, else all that are valid."""
        cases, marked = self.grid.cases, set(self.grid.marked())
        return CaseSet([case for case in cases if case.case_id in marked]) if marked else cases

    def stop(self) -> None:
        """Stop the run that plays; after the end this does nothing."""
        if (run := self.shelf.playing) is not None:
            run.stop()

    def _run(self, *, failed: bool = False) -> Answer:
        """Play; `failed`: only the cases that failed in the run that is shown, as they stand in the grid now."""
        if not failed:
            run = self.play(self.chosen())
        elif self.shelf.shown is None:
            raise UsageError("no run is shown yet: press Run")
        else:
            again = set(failed_cases(self.shelf.shown.run))
            run = self.play(CaseSet([case for case in self.grid.cases if case.case_id in again]))
        self.step = "runs"
        return {"run_id": run.run_id}

    def _nothing_to_play(self) -> str:
        drafts = len(self.grid.problems)
        if drafts:
            lack = "lacks" if drafts == 1 else "lack"
            return f"no case is valid yet: the grid says in amber what {count(drafts, 'row')} {lack}"
        return "there is no test case yet: add one in the grid, or distill sessions"

    # --- the rest --------------------------------------------------------------------

    def open_sessions(self, *, open: bool = True) -> None:  # noqa: A002 - as the page names it
        """Show the sessions, or give their room to the cases; they are listed when they are first shown."""
        self.sessions_open = bool(open)
        if open and self.picker is None:
            self.picker = self._make_picker()
            self.picker.on_distilled(self.take_in)
            self.picker.on_model(self._take_model)

    sessions_open = False
    kept_as_of = ""
    """The hour of what a saved notebook shows; empty as long as it shows nothing."""

    def offer(self, *offers: Offer) -> None:
        """Say that other cases are at hand, one set after the other, and let the person take them."""
        texts = {each.text for each in offers}
        self._offers = [*offers, *(each for each in self._offers if each.text not in texts)]

    def take_in(self, cases: CaseSet) -> None:
        """Append what was distilled to the cases."""
        if cases:
            self.grid.add(cases)
        self._changed()

    def _set(self, name: str, value: str) -> None:
        self.settings.put(str(name), str(value))
        self.changes += 1

    def _take_model(self, model: str) -> None:
        """What a person distills with plays the user, too, where nobody has named another."""
        if not self.settings.said.get("user_model"):
            self._set("user_model", model)
            self._changed()

    def _step(self, name: str) -> None:
        if name in _STEPS:
            self.step = name
        if name == "sessions":
            self.open_sessions()

    def _look_at(self, run_id: str) -> None:
        self.shelf.look_at(str(run_id))

    def _compare(self, first: str, second: str) -> Answer:
        return {"html": self.shelf.compared(str(first), str(second))}

    def _bring_back(self) -> None:
        if self._offers and not self.trouble:
            offer = self._offers[0]
            if offer.rows:
                self.grid.put_rows("Bring back what was edited", offer.rows)
            else:
                self.grid.cases = offer.cases
        self._dismiss()

    def _dismiss(self) -> None:
        if self.trouble:
            self.trouble = ""
        elif self._offers:
            self._offers.pop(0).settled()

    @property
    def _notice(self) -> Answer | None:
        if self.trouble:
            return {"text": sendable(self.trouble), "name": ""}
        return {"text": sendable(self._offers[0].text), "name": self._offers[0].name} if self._offers else None

    # --- what is shown ---------------------------------------------------------------

    def as_json(self) -> Answer:
        """All that bar and shelf show, as it stands."""
        cases, shown = self.grid.cases, self.shelf.shown
        chosen = self.chosen()
        return {
            "step": self.step,
            "counts": {
                "cases": len(cases),
                "drafts": len(self.grid.problems),
                "chosen": len(chosen),
                "marked": len(chosen) < len(cases) or bool(self.grid.marked()),
                "sessions": len(self.picker.listed) if self.picker is not None else None,
            },
            "sessions_open": self.sessions_open,
            "settings": self.settings.as_json(),
            "agent": self._agent(),
            "estimate": self._estimate(chosen),
            "playing": self.shelf.playing is not None,
            "runs": self.shelf.listed(),
            "failed": failed_json(shown.run) if shown is not None else [],
            "notice": self._notice,
            "changes": self.changes,
            "kept": self.kept_as_of,
        }

    def _agent(self) -> Answer:
        if not self.settings.said.get("agent"):
            return {"name": "", "hash": "", "problem": ""}
        try:
            ref = self.settings.ref()
        except ConvsimError as error:
            return {"name": "", "hash": "", "problem": sendable(str(error))}
        return {"name": sendable(ref.name), "hash": ref.source_hash, "problem": ""}

    def _estimate(self, cases: CaseSet) -> Answer:
        """What Run will take; computed again only where cases or settings changed."""
        try:
            options = self.settings.options()
            if self._estimated is None or self._estimated[:2] != (cases, options):
                self._estimated = (cases, options, _estimate_json(estimate(cases, **options)) if cases else {})
        except ConvsimError as error:
            return {"problem": sendable(str(error))}
        return self._estimated[2]


def _estimate_json(found: Estimate) -> Answer:
    cost = "cost not known" if found.cost is None else money(found.cost)
    tokens = found.input_tokens + found.output_tokens
    words = [count(found.conversations, "conversation"), f"about {found.calls:,} calls", f"{tokens:,} tokens", cost]
    return {"words": words, "basis": found.basis}
