"""Scoring a finished run."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from convsim_nb.analysis.scorers import SCORERS, Scorer, score
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.score import Score

if TYPE_CHECKING:
    import pandas as pd

    from convsim_nb.workflow.run import Run


def evaluate(run: "Run", scorers: Sequence[str | Scorer] | None) -> "pd.DataFrame":
    """Score the conversations of a finished run: see `Run.evaluate`."""
    named = _named(SCORERS if scorers is None else scorers)
    if not run.state.ended:
        raise UsageError(f"run {run.run_id} has not ended: call run.wait() or run.stop() before run.evaluate()")
    found = score(run.conversations, named)
    replaced = {name for name, _ in named}
    run.scores = (*(old for old in run.scores if old.name not in replaced), *found)
    if run.mlflow is not None:
        run.mlflow.log_scores(found)
    return _frame(run, found)


def _named(scorers: "Sequence[str | Scorer] | dict[str, Scorer]") -> list[tuple[str, Scorer]]:
    if isinstance(scorers, str) or not hasattr(scorers, "__iter__"):
        raise UsageError(f"scorers={scorers!r}: give a list, such as [{next(iter(SCORERS))!r}]")
    return [_one(scorer) for scorer in scorers]


def _one(scorer: str | Scorer) -> tuple[str, Scorer]:
    if callable(scorer):
        return getattr(scorer, "__name__", type(scorer).__name__), scorer
    if scorer in SCORERS:
        return scorer, SCORERS[scorer]
    close = get_close_matches(str(scorer), SCORERS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"ours are {', '.join(SCORERS)}; or give a function"
    raise UsageError(f"no scorer {scorer!r}: {hint}")


def _frame(run: "Run", found: Sequence[Score]) -> "pd.DataFrame":
    import pandas as pd

    by_key = run.state.by_key
    rows = [
        {
            "case_id": by_key[one.key].case_id,
            "trial": by_key[one.key].trial,
            "name": one.name,
            "value": one.value,
            "rationale": one.rationale,
        }
        for one in found
    ]
    return pd.DataFrame(rows, columns=["case_id", "trial", "name", "value", "rationale"])
