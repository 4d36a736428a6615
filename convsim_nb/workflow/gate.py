"""The gate: a new version passes, fails, or cannot be told from the one before."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Unpack, cast

from convsim_nb.analysis.gate import Judged, judged
from convsim_nb.domain.errors import ModelNameError, UsageError
from convsim_nb.domain.events import RunSettings
from convsim_nb.views.gate import gate_markdown, junit_xml
from convsim_nb.workflow.compare import Comparison, compare, differences, refuse_unlike
from convsim_nb.workflow.ended import refuse_unended
from convsim_nb.workflow.options import SimulateOptions, above_zero, spelled_out
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run
from convsim_nb.workflow.scorers import check_scorers
from convsim_nb.workflow.simulate import begun

_TAKEN_OVER = (
    "user_model",
    "judge_model",
    "user_llm_params",
    "judge_llm_params",
    "max_turns",
    "trials",
    "goal_check",
    "guards",
    "judge_check",
    "script_then",
)
"""What is taken from the baseline where it is not given."""

_POINTS = 100


class Gate:
    """What a gate found."""

    def __init__(self, comparison: Comparison, *, max_drop: float) -> None:
        self.comparison = comparison
        self.found: Judged = _with_budget(judged(comparison.found[0], max_drop=max_drop / 100), self.run)

    @property
    def outcome(self) -> str:
        """`passed`, `failed` or `inconclusive`."""
        return self.found.outcome

    @property
    def run(self) -> Run:
        """The new run."""
        return self.comparison.others[0]

    @property
    def markdown(self) -> str:
        """The summary, for a pull request."""
        return gate_markdown(
            self.comparison.found[0],
            self.found,
            names=self._names,
            said=self.comparison.sentences,
            failures=[group.sentence for group in self.run.failures()],
        )

    @property
    def junit(self) -> str:
        """The same as JUnit's XML: a test for the gate and one a case."""
        found = self.comparison.found[0]
        return junit_xml(found, self.found, names=self._names, conversations=self.run.conversations)

    @property
    def _names(self) -> tuple[str, str]:
        return self.comparison.names[0], self.comparison.names[1]

    def to_dict(self) -> dict[str, Any]:
        """The outcome, the run and the comparison in plain JSON."""
        return {**self.found.model_dump(mode="json"), "run_id": self.run.run_id, **self.comparison.to_dict()}

    def __repr__(self) -> str:
        return f"{self.outcome}: {self.found.why}\n{self.comparison!r}"


def _with_budget(found: Judged, run: Run) -> Judged:
    """The word, with the budget that cut the run off: what it means is not seen in the comparison."""
    cut = [one for one in run.conversations if one.stop == "over_budget" and one.origin is None]
    if found.outcome != "inconclusive" or not cut:
        return found
    why = f"{found.why}; the budget cut off {len(cut)} of {len(run.conversations)} trials: {cut[0].detail}"
    return found.model_copy(update={"why": why})


@dataclass(frozen=True)
class Held:
    """A run that plays, or was played, and what it is held against."""

    run: Run
    before: Run
    max_drop: float
    scorers: Sequence[Any] | None
    force: bool

    def judged(self) -> Gate:
        """The word, once the run has ended.

        Raises:
            KeyboardInterrupt: it was interrupted; the run is stopped, and what was done is kept.
        """
        run = self.run.wait()
        if self.scorers is not None:
            run.evaluate(self.scorers or None)
        return Gate(compare(self.before, run, force=self.force), max_drop=self.max_drop)


@spelled_out
def gate(
    cases: Any,
    agent: Any = None,
    *,
    baseline: Run | str,
    max_drop: float = 5.0,
    scorers: Sequence[Any] | None = None,
    force: bool = False,
    **options: Unpack[SimulateOptions],
) -> Gate:
    """Play the test cases against an agent, and hold the run against an earlier one.

    What is not given of models, turns, trials, the goal check and guards is as in the baseline. What could not be
    compared in the end is refused before anything is played.

    Args:
        cases: A CaseSet, a list, or a file: .yaml, .json, .jsonl. Or a run that has ended: it is held as it is, and
            nothing is played.
        agent: The new version; none for a run.
        baseline: The run that it is held against, or its id.
        max_drop: How many points the reach rate may fall.
        scorers: What the new run is scored with before they are compared; an empty list for ours.
        force: Compare although something else than the agent differs.

    Raises:
        NotFoundError: no run of that id.
        UsageError: an argument is wrong, something else than the agent differs, or nothing of the baseline can be
            compared: said before anything is played.
    """
    return held(
        cases, agent, baseline=baseline, max_drop=max_drop, scorers=scorers, force=force, options=options
    ).judged()


def held(
    cases: Any,
    agent: Any,
    *,
    baseline: Run | str,
    max_drop: float,
    scorers: Sequence[Any] | None,
    force: bool,
    options: SimulateOptions,
) -> Held:
    """Do what `gate` does up to where the run plays: for who must know it before it has ended.

    Raises:
        NotFoundError: no run of that id.
        UsageError: as `gate` does.
    """
    if not (max_drop == 0 or above_zero(max_drop, whole=False)) or max_drop > _POINTS:
        raise UsageError(f"max_drop={max_drop!r}: give points of the reach rate, from 0 to 100")
    if scorers is not None:
        check_scorers(scorers, experiment=options.get("experiment"), stored=options.get("mlflow", True))
    journal = options.get("journal")
    before = baseline if isinstance(baseline, Run) else load_run(baseline, journal=_folder(journal))
    refuse_unended(before, before="a gate")
    if isinstance(cases, Run):
        run = _as_it_is(cases, agent, options)
    else:
        given = cast(SimulateOptions, {**options, **_of_baseline(before.state.settings, options)})
        run = begun(cases, agent, given, check=(lambda _: None) if force else partial(_refuse_unlike, before))
    return Held(run, before, max_drop, scorers, force)


def _as_it_is(run: Run, agent: Any, options: Mapping[str, Any]) -> Run:
    """A run that was played before; nothing can be asked of how it is to be played."""
    asked = [*(["agent"] if agent is not None else []), *(name for name in options if name != "journal")]
    if asked:
        raise UsageError(f"{', '.join(asked)}: run {run.run_id} is played already; give its cases to play them anew")
    refuse_unended(run, before="a gate")
    return run


def _refuse_unlike(before: Run, planned: Plan) -> None:
    """Refuse what could not be compared in the end, while it costs nothing."""
    cases = {case.case_id: case for case in planned.cases}
    found = differences(before, settings=planned.started.settings, cases=cases, name="this gate")
    if differs := list(found):
        refuse_unlike(differs)
    counted = {one.case_id for one in before.conversations if one.counts}
    if not counted:
        raise UsageError(
            f"the baseline {before.run_id} has no trial that counts, {len(before.conversations)} are void or a "
            "person's: see why, and play it again; force=True plays all the same"
        )
    if counted.isdisjoint(cases):
        raise UsageError(
            f"the baseline {before.run_id} has none of the {len(cases)} cases, or no trial of them that counts: "
            "give one of the same cases; force=True plays all the same"
        )


def _folder(journal: Any) -> str | Path | None:
    return None if isinstance(journal, bool) else journal


def _of_baseline(settings: RunSettings | None, given: Mapping[str, Any]) -> dict[str, Any]:
    if settings is None:
        return {}
    taken = {name: getattr(settings, name) for name in _TAKEN_OVER if given.get(name) is None}
    own_user = given.get("user") is not None or given.get("replay") is not None
    if taken.get("goal_check", "").startswith("function:"):
        raise UsageError(
            f"the baseline's goal was checked by {taken['goal_check']}: give cs.gate() that function as its goal check"
        )
    for name in ("user_model", "judge_model"):
        if name in taken and (own_user or ":/" not in taken[name]):
            del taken[name]
    if "user_model" not in taken and given.get("user_model") is None and not own_user:
        raise ModelNameError(
            f"the baseline's user was {settings.user_model!r}, which is no model URI: give user_model="
        )
    return {name: value for name, value in taken.items() if value not in ({}, None)}
