"""Picked sessions on their way to test cases: what it will take, how far it is, what came of it."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Session
from convsim_nb.notebook.errands import Errands
from convsim_nb.notebook.live.desk import problem_of
from convsim_nb.notebook.picker.picking import Change, Picking
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.distill import start_distill
from convsim_nb.workflow.distill_estimate import DistillEstimate, estimate_distill
from convsim_nb.workflow.distilling import Distilling, Outcome
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.sessions import Sessions

_SAMPLE = 50
"""So many sessions are read for an estimate; of more, a sample stands for all."""
_SLICE = 0.2
"""Seconds between two looks at how far it is."""
Stage = Literal["reading", "distilling", "ended"]


@dataclass
class Job:
    """One "distill selected"."""

    ids: tuple[str, ...]
    model: str
    number: int
    """How many were begun here before it, and it."""
    stage: Stage = "reading"
    read: int = 0
    """Sessions read whole so far."""
    stopping: bool = False
    problem: str = ""
    """Why it could not begin, or what failed at its end."""
    work: Distilling | None = None
    places: tuple[str, ...] = ()
    """The ids of the sessions that the work is on, in its order."""
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def stop(self) -> None:
        """End what is not over, and keep what was done."""
        self.stopping = True
        if self.work is not None:
            self.work.stop()


@dataclass(eq=False)
class Distillery:
    """Distills what is picked, one job at a time; changes are told by the picking."""

    picking: Picking
    model: Any = None
    """What distills where nothing else is named."""
    job: Job | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    """By session, how far it is and what came of it."""
    cases: CaseSet = field(default_factory=CaseSet)
    """All that was distilled here, the sessions in the order in which they were done."""
    callbacks: list[Callable[[CaseSet], None]] = field(default_factory=list)
    on_model: list[Callable[[str], None]] = field(default_factory=list)
    """Called with the model that a person named, when it begins."""
    _done: dict[str, set[str]] = field(default_factory=dict)
    """By session, the models that have distilled it."""
    _lane: Errands = field(default_factory=lambda: Errands("convsim-distill"))
    _over: threading.Event = field(default_factory=threading.Event)

    # --- before ----------------------------------------------------------------------

    def known(self, ids: Sequence[str], model: Any) -> tuple[str, ...]:
        """Those of the sessions that this model has distilled already."""
        name = _name(model)
        return tuple(each for each in ids if name in self._done.get(each, ()))

    def estimate(self, ids: Sequence[str], model: Any) -> DistillEstimate:
        """What distilling these will take. Of many, a sample is read and stands for all.

        Raises:
            StoreError: the store did not answer.
            UsageError: none of them can be read.
        """
        step = max(1, len(ids) / _SAMPLE)
        sample = [ids[int(n * step)] for n in range(min(len(ids), _SAMPLE))]
        read, problems = self._read(sample)
        if not read:
            raise UsageError(_first(problems) if problems else _nothing(0))
        found = estimate_distill(Sessions(read.values()), model=model)
        return found if len(sample) == len(ids) else _scaled(found, len(ids) / len(sample), len(sample))

    # --- at work ---------------------------------------------------------------------

    def begin(self, ids: Sequence[str], *, model: Any = None, again: bool = False, **options: Any) -> Job:
        """Begin in the background, and return at once.

        Sessions that the model has distilled already are left out, unless `again`.

        Raises:
            UsageError: nothing is left to distill, or another job is at work.
            ModelNameError: no model is named, or none that is known.
        """
        model = model if model is not None else self.model
        name = "" if options.get("replay") else resolve_model(model)[0]
        with self.picking.lock:
            if self.job is not None and self.job.stage != "ended":
                raise UsageError("sessions are being distilled already: wait for the end, or stop that first")
            wanted = tuple(ids) if again else tuple(_set_aside(ids, self.known(ids, model)))
            if not wanted:
                raise UsageError(_nothing(len(ids)))
            job = self.job = Job(wanted, name, 1 if self.job is None else self.job.number + 1)
            self._over.clear()
            self.outcomes |= dict.fromkeys(wanted, Outcome("waiting"))
            self.model = model
            self.picking.tell(Change(outcomes=wanted))
        self._lane.add(lambda: self._carry_out(job, model, options))
        return job

    def stop(self) -> None:
        """End what is not over; what was done is kept. Returns at once."""
        if self.job is not None and self.job.stage != "ended":
            self.job.stop()
            self.picking.tell(Change())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job, if there is one, has ended and everybody has its cases."""
        return self.job is None or self._over.wait(timeout)

    # --- on the lane -----------------------------------------------------------------

    def _carry_out(self, job: Job, model: Any, options: Mapping[str, Any]) -> None:
        cases: CaseSet | None = None
        try:
            cases = self._distilled(job, model, options)
        except Exception as error:  # noqa: BLE001 - whatever fails, the person has to hear of it
            job.problem = problem_of(error)
        with self.picking.lock:
            if job.work is not None:
                self._note(job, model)
            left = [each for each in job.ids if self.outcomes[each].state in ("waiting", "reading")]
            why = "not distilled: " + (job.problem or "stopped")
            self.outcomes |= {each: Outcome("failed", problems=(why,)) for each in left}
            job.stage, job.seconds = "ended", time.monotonic() - job.began
            if cases is not None and len(cases):
                self.cases = _joined(self.cases, cases)
            self.picking.tell(Change(outcomes=job.ids))
        if cases is not None:
            self._hand_over(job, cases)
        self._over.set()

    def _hand_over(self, job: Job, cases: CaseSet) -> None:
        for callback in tuple(self.callbacks):
            try:
                callback(cases)
            except Exception as error:  # noqa: BLE001 - it is somebody's own code; the cases are kept all the same
                job.problem = f"on_distilled: {problem_of(error)}"
                self.picking.tell(Change())

    def _distilled(self, job: Job, model: Any, options: Mapping[str, Any]) -> CaseSet | None:
        """The cases of what was read and distilled; None where it was stopped before."""
        read, problems = self._read(job.ids, job)
        with self.picking.lock:
            self.outcomes |= problems
        if job.stopping:
            return None
        if not read:
            raise UsageError(_first(problems))
        work = start_distill(Sessions(read.values()), model=model, **options)
        job.places, job.work, job.model, job.stage = tuple(read), work, work.model, "distilling"
        if job.stopping:  # in the moment between
            work.stop()
        while not work.ended.wait(_SLICE):
            self._follow(job)
        self._follow(job)
        return work.wait().cases

    def _read(self, ids: Sequence[str], job: Job | None = None) -> tuple[dict[str, Session], dict[str, Outcome]]:
        """Sessions whole, and why others cannot be read. A job can be stopped meanwhile."""
        read: dict[str, Session] = {}
        problems: dict[str, Outcome] = {}
        told = time.monotonic()
        for each in ids:
            if job is not None and job.stopping:
                break
            try:
                read[each] = self.picking.open(each)
            except UsageError as error:
                problems[each] = Outcome("failed", problems=(str(error),))
            if job is not None:
                job.read += 1
                if time.monotonic() - told > _SLICE:
                    told = time.monotonic()
                    self.picking.tell(Change())
        return read, problems

    def _follow(self, job: Job) -> None:
        assert job.work is not None  # noqa: S101 - it has begun
        now = dict(zip(job.places, job.work.outcomes, strict=True))
        with self.picking.lock:
            changed = tuple(each for each, outcome in now.items() if self.outcomes.get(each) != outcome)
            self.outcomes |= {each: now[each] for each in changed}
            if changed:
                self.picking.tell(Change(outcomes=changed))

    def _note(self, job: Job, model: Any) -> None:
        for each in job.places:
            if self.outcomes[each].state == "done":
                self._done.setdefault(each, set()).add(_name(model))


def _first(problems: Mapping[str, Outcome]) -> str:
    (why, *_), *_ = (each.problems for each in problems.values())
    return f"none of these sessions can be read: {why}"


def _set_aside(ids: Sequence[str], known: Sequence[str]) -> list[str]:
    """The ids that are not known, in their order."""
    there = set(known)
    return [each for each in ids if each not in there]


def _name(model: Any) -> str:
    return model.strip() if isinstance(model, str) else f"{type(model).__name__} {id(model)}"


def _nothing(number: int) -> str:
    if not number:
        return "no session is selected: click some in the list, or set picker.selected"
    which = "this session was" if number == 1 else f"all {number} sessions were"
    return f"{which} distilled by this model already: see picker.cases, or ask for them again"


def _joined(before: CaseSet, new: CaseSet) -> CaseSet:
    """Both; a case of an id that was there before takes its place."""
    cases = {case.case_id: case for case in before} | {case.case_id: case for case in new}
    sessions = {session.id: session for session in (*before.sessions, *new.sessions)}
    usage = new.usage if before.usage is None or new.usage is None else before.usage + new.usage
    return CaseSet(cases.values(), problems=(*_told(before), *_told(new)), sessions=sessions.values(), usage=usage)


def _told(cases: CaseSet) -> tuple[str, ...]:
    """The problems of a set that are no findings on its cases, which these bring themselves."""
    found = sum(len(case.findings) for case in cases)
    return cases.problems[: len(cases.problems) - found]


def _scaled(found: DistillEstimate, by: float, sample: int) -> DistillEstimate:
    number = round(found.sessions * by)
    return found.model_copy(
        update={
            "sessions": number,
            "calls": round(found.calls * by),
            "input_tokens": round(found.input_tokens * by),
            "output_tokens": round(found.output_tokens * by),
            "cost": None if found.cost is None else found.cost * by,
            "basis": f"From a sample of {sample}. {found.basis}",
        }
    )
