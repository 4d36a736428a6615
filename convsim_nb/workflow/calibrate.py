"""The verb `calibrate`: the judge on trial, against what people said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsim_nb.analysis.agreement import Agreement, agreement
from convsim_nb.analysis.scorers import folded
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.label import Label
from convsim_nb.views.calibration import calibration_html, lines
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run
from convsim_nb.workflow.stored import stored

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judgement:
    """One conversation that both a person and the judge have spoken on."""

    conversation: Conversation
    label: Label
    judge: bool
    why: str
    """What the judge gave as its reason."""

    @property
    def person(self) -> bool:
        """Whether the person found the goal reached."""
        return self.label.value == "reached"

    @property
    def agrees(self) -> bool:
        """Whether both say the same."""
        return self.person == self.judge


class Calibration:
    """A judge held against people's labels; disagreements come first."""

    def __init__(self, run: Run, judge: str, judgements: Sequence[Judgement], *, faults: int) -> None:
        self.run, self.judge = run, judge
        self.judgements = tuple(sorted(judgements, key=lambda one: one.agrees))
        self.faults = faults
        """Labelled as the simulator's fault: neither yes nor no, and left out."""
        self.found: Agreement = agreement(
            [one.person for one in judgements],
            [one.judge for one in judgements],
            cases=[one.conversation.case_id for one in judgements],
        )

    @property
    def disagreements(self) -> tuple[Judgement, ...]:
        """Those that a person and the judge see differently."""
        return tuple(one for one in self.judgements if not one.agrees)

    def to_frame(self) -> "pd.DataFrame":
        """One row a labelled conversation, the disagreements first."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "case_id": one.conversation.case_id,
                    "key": one.conversation.key,
                    "person": one.person,
                    "judge": one.judge,
                    "agrees": one.agrees,
                    "note": one.label.note,
                    "why": one.why,
                }
                for one in self.judgements
            ]
        )

    def __repr__(self) -> str:
        told = [self._told(one) for one in self.disagreements]
        return "\n".join([*lines(self.found, judge=self.judge, faults=self.faults), *told])

    def _repr_html_(self) -> str:
        shown = [(one.conversation, self._told(one)) for one in self.disagreements]
        said = lines(self.found, judge=self.judge, faults=self.faults)
        return calibration_html(self.found, said=said, judge=self.judge, shown=shown, cases=self.run.state.cases)

    def align(self, judge: Any, *, optimizer: Any = None) -> Any:
        """Hand the labels to MLflow, which gives back a judge that says more of what people say.

        `judge` is one of MLflow's, of single turns; it is shown the last turn of each labelled conversation, whose
        inputs hold all that was said before. `optimizer` is one of MLflow's, by default its own choice.

        Raises:
            StoreError: the tracking store failed.
            UsageError: the judge is one of sessions, which MLflow does not align, or MLflow has no traces of the run.
        """
        if getattr(judge, "is_session_level_scorer", False):
            raise UsageError(
                f"MLflow aligns no judge of whole sessions yet, as {judge.name} is: make one of {{{{ inputs }}}} "
                "and {{ outputs }}, which is shown the last turn with all that was said before"
            )
        return judge.align(self.traces(judge), optimizer)

    def traces(self, judge: Any) -> list[Any]:
        """The last trace of each labelled conversation, with the label as human feedback under the judge's name."""
        from convsim_nb.adapters.mlflow.labels import as_feedback
        from convsim_nb.adapters.mlflow.scorers import stored_traces

        place = stored(self.run)
        if place is None:
            raise UsageError(f"MLflow has no traces of run {self.run.run_id}: cs.push(run) brings them there")
        last = {one.conversation.trace_ids[-1]: one for one in self.judgements if one.conversation.trace_ids}
        found = stored_traces(place.destination, list(last))
        says_bool = getattr(judge, "feedback_value_type", str) is bool
        for trace_id, trace in found.items():
            value = last[trace_id].person if says_bool else ("yes" if last[trace_id].person else "no")
            trace.info.assessments.append(as_feedback(last[trace_id].label, name=judge.name, value=value))
        return list(found.values())

    def _told(self, one: Judgement) -> str:
        person, judge = ("reached" if each else "not reached" for each in (one.person, one.judge))
        note = f" ({one.label.note})" if one.label.note else ""
        why = f": {one.why}" if one.why else ""
        return f"{one.conversation.key}: a person says {person}{note}, {self.judge} {judge}{why}"


def calibrate(run: Run | str, *, scorer: str | None = None) -> Calibration:
    """Hold the judge of a run against people's labels: agreement, base rate, confusion, kappa, disagreements first.

    Labels are given by `run.label(key, "reached")`, or in the live view.

    Args:
        run: A run with labels, or its id.
        scorer: The name of a yes-or-no score to hold against them, in the place of the run's own verdicts.

    Raises:
        NotFoundError: no run of that id.
        UsageError: nothing is labelled, or the run has no yes-or-no score of that name.
    """
    found = run if isinstance(run, Run) else load_run(run)
    judgements = list(_of_scorer(found, scorer) if scorer else _of_verdicts(found))
    if not judgements:
        raise UsageError(
            f"run {found.run_id} has no labelled conversation that {scorer or 'the judge'} spoke on: label some, "
            f"such as run.label({next(iter(found.state.by_key), 'key')!r}, 'reached')"
        )
    faults = sum(label.value == "simulator_fault" for label in found.labels.values())
    settings = found.state.settings
    judge = scorer or (settings.judge_model if settings else "the judge")
    if not scorer and settings and settings.goal_check.startswith("function:"):
        judge = settings.goal_check.split(":")[1]
    return Calibration(found, judge, judgements, faults=faults)


def _labelled(run: Run) -> Iterator[tuple[Conversation, Label]]:
    for key, label in run.labels.items():
        conversation = run.state.by_key.get(key)
        if conversation is not None and label.value in ("reached", "not_reached"):
            yield conversation, label


def _of_verdicts(run: Run) -> Iterator[Judgement]:
    for conversation, label in _labelled(run):
        if conversation.verdict in ("reached", "not_reached"):
            why = conversation.checks[-1].why if conversation.checks else ""
            yield Judgement(conversation, label, conversation.verdict == "reached", why)


def _of_scorer(run: Run, name: str) -> Iterator[Judgement]:
    scores = {one.key: one for one in folded(run.scores) if one.name == name}
    if not any(one.holds is not None for one in scores.values()):
        known = ", ".join(dict.fromkeys(one.name for one in run.scores if one.holds is not None)) or "none"
        raise UsageError(f"run {run.run_id} has no yes-or-no score {name!r}: those it has are {known}")
    for conversation, label in _labelled(run):
        one = scores.get(conversation.key)
        if one is not None and one.holds is not None:
            yield Judgement(conversation, label, one.holds, one.rationale)
