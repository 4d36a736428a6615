"""Comparing runs: is the new version better, how sure is that, and where is it worse."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsim_nb.analysis.compare import Compared, Side
from convsim_nb.analysis.compare import compare as compared_sides
from convsim_nb.analysis.paired import holm
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import RunSettings
from convsim_nb.views.comparison import comparison_html, corrected_words, sentences, table_lines
from convsim_nb.views.inline import line, page, text
from convsim_nb.views.sentences import run_titles
from convsim_nb.views.side_by_side import Sided, sided
from convsim_nb.workflow.display import display
from convsim_nb.workflow.prompts import wordings
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run

if TYPE_CHECKING:
    import pandas as pd

_SAME = (
    "user_model",
    "judge_model",
    "user_llm_params",
    "judge_llm_params",
    "prompts",
    "max_turns",
    "goal_check",
    "guards",
    "judge_check",
    "script_then",
)
"""Settings that must be the same: else it is not the agent alone that differs."""
_NOTED = ("agent_history", "agent_timeout")
"""Settings that belong to the agent: where they differ, that is said."""


class Comparison:
    """One run against others; the first is the one that the others are compared to."""

    def __init__(self, first: Run, others: Sequence[Run], *, differs: Sequence[str] = ()) -> None:
        self.first, self.others = first, tuple(others)
        self.differs = tuple(differs)
        """What else differs than the agent, where the comparison was forced."""
        one = _side(first)
        self.found: tuple[Compared, ...] = tuple(compared_sides(one, _side(other)) for other in others)
        """One for each of the others."""
        self._corrected = self._holm()

    @property
    def names(self) -> tuple[str, ...]:
        """The runs' names, made different where they are the same."""
        return tuple(run_titles([run.state for run in (self.first, *self.others)]))

    @property
    def changed(self) -> "pd.DataFrame":
        """The cases whose share of trials that reached the goal changed, the worst first."""
        import pandas as pd

        rows = [
            {
                "run": name,
                "case_id": change.case_id,
                "goal": change.goal,
                "before": sum(change.first) / len(change.first),
                "after": sum(change.second) / len(change.second),
                "difference": change.gap,
            }
            for name, found in zip(self.names[1:], self.found, strict=True)
            for change in found.cases
            if change.gap
        ]
        return pd.DataFrame(rows, columns=["run", "case_id", "goal", "before", "after", "difference"])

    def to_frame(self) -> "pd.DataFrame":
        """One row a metric and run, the reach rate first; differences are second minus first, as fractions.

        `p` is of one comparison alone; `p_corrected` is Holm's, over the runs that are compared to the first.
        Seconds have neither: all cases of a run share its machine and its hour.
        """
        import pandas as pd

        columns = ["metric", "run", "first", "second", "difference", "low", "high", "p", "p_corrected", "cases"]
        rows = [self._row(place, name) for name in self._metric_names for place in range(len(self.found))]
        return pd.DataFrame([row for row in rows if row], columns=columns)

    @property
    def sentences(self) -> list[str]:
        """The answer in words, and how far it carries, for each of the others."""
        return [*(said for place in range(len(self.found)) for said in self.said(place)), *self.corrected]

    @property
    def corrected(self) -> list[str]:
        """What was done to the p, where several runs are compared to the first."""
        return [corrected_words(len(self.found))] if len(self.found) > 1 else []

    def to_dict(self) -> dict[str, Any]:
        """The comparison in plain JSON: words, a row a metric and run, and the cases that changed."""
        return {
            "runs": [run.run_id for run in (self.first, *self.others)],
            "names": list(self.names),
            "sentences": self.sentences,
            "metrics": [
                row
                for name in self._metric_names
                for place in range(len(self.found))
                if (row := self._row(place, name))
            ],
            "changed": self.changed.to_dict("records"),
        }

    def __repr__(self) -> str:
        return "\n\n".join(["\n".join(self._words(place)) for place in range(len(self.found))] + self.corrected)

    def _repr_html_(self) -> str:
        shown = [self._html(place) for place in range(len(self.found))]
        return "".join([*shown, *(page(line(text(said))) for said in self.corrected)])

    @property
    def _metric_names(self) -> list[str]:
        return list(dict.fromkeys(metric.name for found in self.found for metric in found.metrics))

    def sides(self, place: int = 0) -> tuple[Sided, Sided]:
        """The transcripts of the first run, and of one of the others."""
        one, other = self.first, self.others[place]
        names = self.names[0], self.names[place + 1]
        return sided(names[0], one.conversations, one.scores), sided(names[1], other.conversations, other.scores)

    # --- parts -----------------------------------------------------------------------

    def _row(self, place: int, name: str) -> dict[str, Any]:
        metric = next((metric for metric in self.found[place].metrics if metric.name == name), None)
        if metric is None:
            return {}
        return {
            "metric": name,
            "run": self.names[place + 1],
            "first": metric.first,
            "second": metric.second,
            "difference": metric.gap.mean,
            "low": metric.gap.low if metric.tested else None,
            "high": metric.gap.high if metric.tested else None,
            "p": metric.gap.p if metric.tested else None,
            "p_corrected": self._corrected[name][place] if metric.tested else None,
            "cases": metric.gap.cases,
        }

    def _holm(self) -> dict[str, dict[int, float]]:
        """For each metric, the corrected p of each run that has it."""
        found: dict[str, dict[int, float]] = defaultdict(dict)
        for place, compared in enumerate(self.found):
            for metric in compared.metrics:
                if metric.tested:
                    found[metric.name][place] = metric.gap.p
        return {
            name: dict(zip(by_place, holm(list(by_place.values())), strict=True)) for name, by_place in found.items()
        }

    def said(self, place: int = 0) -> list[str]:
        """The answer in words about one of the others, and how far it carries."""
        told = sentences(self.found[place], first=self.names[0], second=self.names[place + 1], corrected=self.ps(place))
        return [*told, *(f"not the agent alone differs: {each}" for each in self.differs), *self._noted(place)]

    def ps(self, place: int = 0) -> dict[str, float]:
        """The p of each metric that is tested, as it is shown: corrected, where there are several runs."""
        return {name: by_place[place] for name, by_place in self._corrected.items() if place in by_place}

    def _noted(self, place: int) -> Iterator[str]:
        one, two = self.first.state.settings, self.others[place].state.settings
        for name, before, after in _differing(one, two, _NOTED):
            yield f"{name} is {before} in {self.names[0]} and {after} in {self.names[place + 1]}: part of the versions"

    def _words(self, place: int) -> Iterator[str]:
        yield from self.said(place)
        if self.found[place].metrics:
            names = {"first": self.names[0], "second": self.names[place + 1]}
            yield from table_lines(self.found[place], **names, corrected=self.ps(place))

    def _html(self, place: int) -> str:
        other = self.others[place]
        return comparison_html(
            self.found[place],
            said=self.said(place),
            sides=self.sides(place),
            cases={**self.first.state.cases, **other.state.cases},
            corrected=self.ps(place),
        )


def compare(
    first: "Run | str", *others: "Run | str", force: bool = False, journal: str | Path | None = None
) -> Comparison:
    """Compare runs of the same cases with the first of them, paired by case.

    Differences are second minus first, with a 95 % interval that is clustered by case and the p of a
    permutation test (McNemar's exact one for one trial a case). Void, assisted and forked conversations are
    left out, and counted.

    Args:
        first: The run that the others are compared to; a `Run` or the id of one.
        others: One or more runs.
        force: Compare runs although something else than the agent differs; it is said with the result.
        journal: The folder of journals that ids are looked up in; by default `.convsim/runs`.

    Raises:
        UsageError: there is nothing to compare, a run has not ended, or more than the agent differs.
        NotFoundError: no run of that id.
    """
    display()  # a notebook learns how to show it
    if not others:
        raise UsageError("only one run is given: compare it to a second one of the same cases")
    runs = [run if isinstance(run, Run) else load_run(run, journal=journal) for run in (first, *others)]
    refuse_same(runs)
    for run in runs:
        if not run.state.ended:
            raise UsageError(f"run {run.run_id} has not ended: call run.wait() or run.stop() before compare()")
    differs = [
        said
        for other in runs[1:]
        for said in differences(runs[0], settings=other.state.settings, cases=other.state.cases, name=other.run_id)
    ]
    if differs and not force:
        refuse_unlike(differs)
    return Comparison(runs[0], runs[1:], differs=differs)


def refuse_same(runs: Sequence[Run]) -> None:
    """Refuse a run that is given twice, whatever id it was named by.

    Raises:
        UsageError: it is.
    """
    ids = [run.run_id for run in runs]
    for each in ids:
        if ids.count(each) > 1:
            raise UsageError(f"both are run {each}: give another")


def refuse_unlike(differs: Sequence[str]) -> None:
    """Refuse a comparison in which more than the agent differs.

    Raises:
        UsageError: always; it names all that differs.
    """
    raise UsageError(f"not the agent alone differs: {'; '.join(differs)}; force=True compares all the same")


def differences(first: Run, *, settings: RunSettings | None, cases: Mapping[str, TestCase], name: str) -> Iterator[str]:
    """What else differs than the agent between a run and another one, or one that is yet to be played."""
    for setting, before, after in _differing(first.state.settings, settings, _SAME):
        yield f"{setting} is {before} in {first.run_id} and {after} in {name}"
    both = [case_id for case_id in first.state.cases if case_id in cases]
    edited = [each for each in both if first.state.cases[each].digest != cases[each].digest]
    if edited:
        who = f"case {edited[0]} was" if len(edited) == 1 else f"case {edited[0]} and {len(edited) - 1} more were"
        yield f"{who} edited between {first.run_id} and {name}"


def _differing(
    one: RunSettings | None, two: RunSettings | None, names: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    for name in names if one and two else ():
        before, after = getattr(one, name), getattr(two, name)
        if before != after and not (name == "prompts" and wordings(before) == wordings(after)):
            yield name, _shown(before), _shown(after)


def _shown(value: object, longest: int = 60) -> str:
    said = repr(value)
    return said if len(said) <= longest else f"{said[:longest]}..."


def _side(run: Run) -> Side:
    goals = {case_id: case.goal for case_id, case in run.state.cases.items()}
    at_once = run.state.settings.concurrency if run.state.settings else None
    return Side(conversations=run.conversations, scores=run.scores, goals=goals, concurrency=at_once)
