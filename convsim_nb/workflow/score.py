"""Scoring a finished run, without asking the agent again."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.score_file import write_scores
from convsim_nb.analysis.fault import score_faults
from convsim_nb.analysis.scorers import score
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.score import Score
from convsim_nb.views.report import report_html
from convsim_nb.workflow.scorers import OWN, Chosen, chosen
from convsim_nb.workflow.stored import Stored, standing, stored, trace_ids

if TYPE_CHECKING:
    import pandas as pd

    from convsim_nb.adapters.mlflow.scorers import Said
    from convsim_nb.workflow.run import Run

_COLUMNS = ["case_id", "trial", "turn", "name", "value", "rationale", "error"]
_SCORES = "scores"
"""What is not in MLflow, as `Run.unsent` names it."""


def evaluate(run: "Run", scorers: Any, *, model: str | None, concurrency: int) -> "pd.DataFrame":
    """Score the conversations of a finished run: see `Run.evaluate`."""
    if not run.state.ended:
        raise UsageError(f"run {run.run_id} has not ended: call run.wait() or run.stop() before run.evaluate()")
    if concurrency < 1:
        raise UsageError(f"concurrency={concurrency!r}: give a number above 0")
    place = stored(run)
    picked = chosen(OWN if scorers is None else scorers, model=model, place=place)
    if picked.theirs and place is None:
        place = stored(run, pushed=True)
    traced = trace_ids(run, place) if place is not None else {}
    own = score(run.conversations, picked.own)
    said = _said(run, picked, place, traced=traced, concurrency=concurrency) if picked.theirs else []
    found = (*own, *(one.score for one in said))
    replaced = {*(name for name, _ in picked.own), *(each.name for each in picked.theirs), *(one.name for one in found)}
    run.scores = (*(old for old in run.scores if old.name not in replaced), *found)
    if run.folder is not None:
        write_scores(run.folder, run.scores)
    run.tell_hearers()
    if place is not None and (live := standing(run, place)):
        _log(run, own, said, picked, live, traced=traced)
        run.unsent.pop(_SCORES, None)
    elif place is not None:
        _keep_here(run, place)
    for each in score_faults(found):
        sys.stderr.write(f"convsim: {each}\n")
    return _frame(run, found)


def _said(
    run: "Run", picked: Chosen, place: Stored | None, *, traced: Mapping[str, Sequence[str]], concurrency: int
) -> "list[Said]":
    """What MLflow's scorers say; they read the traces that the run left in MLflow."""
    from convsim_nb.adapters.mlflow.scorers import Scored, run_scorers, stored_traces

    ended = [one for one in run.conversations if one.verdict in ("reached", "not_reached")]
    wanted = [trace_id for one in ended for trace_id in traced.get(one.key, ())]
    traces = stored_traces(place.destination, wanted) if place is not None else {}
    turns = sum(one.turns for one in ended)
    if not traces and (turns or place is None):
        raise UsageError(
            f"{picked.theirs[0].name} reads traces, and MLflow has none of run {run.run_id}: "
            f"cs.push({run.run_id!r}) brings them there"
        )
    _say_proposed(run, picked)
    if len(traces) < turns:
        sys.stderr.write(
            f"convsim: {turns - len(traces)} of {turns} turns have no trace in MLflow, and its scorers do not see "
            f"them: cs.push({run.run_id!r}) brings them there\n"
        )
    every = [
        Scored(
            one,
            [traces[each] for each in traced.get(one.key, ()) if each in traces],
            run.state.cases[one.case_id].expected,
        )
        for one in ended
    ]
    return run_scorers(picked.theirs, every, concurrency=concurrency)


def _say_proposed(run: "Run", picked: Chosen) -> None:
    from convsim_nb.adapters.mlflow.scorers import reads_expectations

    waiting = sum(len(case.expected) < len(case.expectations) for case in run.cases)
    asking = next((each.name for each in picked.theirs if reads_expectations(each)), None)
    if waiting and asking:
        sys.stderr.write(
            f"convsim: {asking} is not given what a model proposed to expect in {waiting} of {len(run.cases)} cases: "
            "run cases.confirmed() where it holds\n"
        )


def _log(
    run: "Run",
    own: Iterable[Score],
    said: "Sequence[Said]",
    picked: Chosen,
    place: Stored,
    *,
    traced: Mapping[str, Sequence[str]],
) -> None:
    from convsim_nb.adapters.mlflow.runlog import REPORT
    from convsim_nb.adapters.mlflow.scores import log_said, said_of
    from convsim_nb.adapters.score_file import SCORES, as_lines

    ours = [(one, said_of(one, run.state.by_key[one.key], trace_ids=traced.get(one.key, ()))) for one in own]
    log_said(
        [*said, *(each for _, each in ours if each is not None)],
        destination=place.destination,
        run_id=place.mlflow_run_id,
        others=[one for one, each in ours if each is None],
        aggregations={each.name: each.aggregations for each in picked.theirs if each.aggregations is not None},
    )
    client = place.destination.client
    client.log_text(place.mlflow_run_id, as_lines(run.scores), SCORES)
    client.log_text(place.mlflow_run_id, report_html(run.state, scores=run.scores), REPORT)


def _keep_here(run: "Run", place: Stored) -> None:
    """Say that the scores are not in MLflow, and how they get there."""
    run.unsent[_SCORES] = (
        f"MLflow's run {place.mlflow_run_id} was deleted, and the scores are kept here alone: "
        f"cs.push({run.run_id!r}) writes the run anew"
    )
    sys.stderr.write(f"convsim: {run.unsent[_SCORES]}\n")


def _frame(run: "Run", found: Sequence[Score]) -> "pd.DataFrame":
    import pandas as pd

    by_key = run.state.by_key
    rows = [
        {
            "case_id": by_key[one.key].case_id,
            "trial": by_key[one.key].trial,
            **one.model_dump(include={"turn", "name", "value", "rationale", "error"}),
        }
        for one in found
    ]
    return pd.DataFrame(rows, columns=_COLUMNS).astype({"turn": "Int64"})
