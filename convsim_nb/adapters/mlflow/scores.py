"""Scores of conversations as MLflow keeps them: those of a session on its first trace, with the session's id."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, median
from typing import Any

from convsim_nb.adapters.mlflow.bulk import takes_many, together
from convsim_nb.adapters.mlflow.find import traces_of
from convsim_nb.adapters.mlflow.runlog import RUN_ID_TAG, log_metrics
from convsim_nb.adapters.mlflow.scorers import Said
from convsim_nb.adapters.mlflow.store import Destination, store_errors
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.score import Score

_SOURCE_RUN = "mlflow.assessment.sourceRunId"
_AT_ONCE = 100
"""Assessments of one transaction."""


def log_scores(
    scores: Iterable[Score],
    *,
    destination: Destination,
    run_id: str,
    conversations: Mapping[str, Conversation],
    logged: dict[tuple[str, str], str],
) -> None:
    """Write scores as assessments, and the mean of each name as the metric `<name>/mean` of the run.

    `run_id` is MLflow's; `conversations` are by key, and their traces must be stored. `logged` holds the
    ids of what was written by key and name: a second score of the same name takes the first one's place.
    A conversation without a trace counts in the mean alone.

    Raises:
        StoreError: the store failed.
    """
    every = list(scores)
    traced = ((score, conversations[score.key]) for score in every)
    said = [one for score, of in traced if (one := said_of(score, of, trace_ids=of.trace_ids)) is not None]
    for one in said:
        one.feedback.overrides = logged.get((one.score.key, one.score.name))
    with store_errors(destination.tracking_uri):
        for one, assessment_id in zip(said, _written(said, destination, run_id), strict=True):
            logged[one.score.key, one.score.name] = assessment_id
        _log_means(every, destination, run_id)


def log_said(
    said: Sequence[Said],
    *,
    destination: Destination,
    run_id: str,
    others: Iterable[Score] = (),
    aggregations: Mapping[str, Sequence[str | Callable[..., Any]]] | None = None,
) -> None:
    """Write what scorers said to the run with MLflow's `run_id`; the newest of a name on a trace counts.

    What this run said before under the same name stays, and is marked as overridden. `others` count in the
    means alone; `aggregations` are what scorers ask for besides the mean.

    Raises:
        StoreError: the store failed.
    """
    with store_errors(destination.tracking_uri):
        before = _before(destination, run_id)
        for one in said:
            one.feedback.overrides = before.get((one.feedback.trace_id, one.feedback.name))
        _written(said, destination, run_id)
        _log_means([*(one.score for one in said), *others], destination, run_id, aggregations)


def said_of(score: Score, conversation: Conversation, *, trace_ids: Sequence[str]) -> Said | None:
    """A score of ours as an assessment; None where it does not apply, or has no trace to stand on."""
    from mlflow.entities import AssessmentError, AssessmentSource, Feedback

    if (score.value is None and not score.error) or not trace_ids:
        return None
    feedback = Feedback(
        name=score.name,
        value=score.value,
        error=AssessmentError("SCORER_ERROR", score.error) if score.error else None,
        source=AssessmentSource(source_type="CODE", source_id=score.name),
        rationale=score.rationale or None,
        metadata={"mlflow.trace.session": conversation.session_id},
        trace_id=trace_ids[0],
    )
    return Said(score, feedback)


def _before(destination: Destination, run_id: str) -> dict[tuple[str, str], str]:
    """What the run said before and still counts: the ids of assessments, by trace and name."""
    ours = destination.client.get_run(run_id).data.tags.get(RUN_ID_TAG, "")
    return {
        (trace.info.trace_id, each.name): str(each.assessment_id)
        for trace in traces_of(destination, ours)
        for each in trace.info.assessments
        if (each.metadata or {}).get(_SOURCE_RUN) == run_id
        and getattr(each, "valid", True) is not False
        and each.source.source_type != "HUMAN"
    }


def _written(said: Sequence[Said], destination: Destination, run_id: str) -> list[str]:
    """Store the assessments; gives their ids."""
    feedbacks = [one.feedback for one in said]
    for each in feedbacks:
        each.metadata = {**(each.metadata or {}), _SOURCE_RUN: run_id}
    if takes_many(destination.tracing.store):
        return [
            id_
            for start in range(0, len(feedbacks), _AT_ONCE)
            for id_ in _many(feedbacks[start:][:_AT_ONCE], destination)
        ]
    return [str(destination.tracing.log_assessment(each.trace_id, each).assessment_id) for each in feedbacks]


def _many(feedbacks: Sequence[Any], destination: Destination) -> list[str]:
    with together(destination.tracing.store) as all_of_it:
        return [str(each.assessment_id) for each in all_of_it.log_assessments(feedbacks)]


def _log_means(
    scores: Iterable[Score],
    destination: Destination,
    run_id: str,
    aggregations: Mapping[str, Sequence[str | Callable[..., Any]]] | None = None,
) -> None:
    values: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        if (number := score.number) is not None:
            values[score.name].append(number)
    found: dict[str, float] = {}
    for name, numbers in values.items():
        for how in (aggregations or {}).get(name) or ("mean",):
            label = how if isinstance(how, str) else getattr(how, "__name__", "custom")
            found[f"{name}/{label}"] = float(_AGGREGATES[how](numbers) if isinstance(how, str) else how(numbers))
    if found:
        log_metrics(destination, run_id, found)


def _variance(numbers: Sequence[float]) -> float:
    mean = fmean(numbers)
    return fmean((number - mean) ** 2 for number in numbers)


def _p90(numbers: Sequence[float]) -> float:
    import numpy as np

    return float(np.percentile(numbers, 90))


_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "mean": fmean,
    "min": min,
    "max": max,
    "median": median,
    "variance": _variance,
    "p90": _p90,
}
"""Those that MLflow knows by name."""
