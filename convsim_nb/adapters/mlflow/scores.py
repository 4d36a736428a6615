"""Scores of conversations as MLflow keeps those of sessions: on the first trace, with the session's id."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from convsim_nb.adapters.mlflow.runlog import log_metrics
from convsim_nb.adapters.mlflow.store import Destination, store_errors
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.score import Score


def log_scores(
    scores: Iterable[Score],
    *,
    destination: Destination,
    run_id: str,
    conversations: Mapping[str, Conversation],
    logged: dict[tuple[str, str], str],
) -> None:
    """Write scores as assessments, and the mean of each name as the metric `<name>/mean` of the run.

    `run_id` is MLflow's; `conversations` are by key, and their traces must be stored. `logged` remembers
    what was written by key and name: a second score of the same name takes the first one's place.
    A conversation without a trace counts in the mean alone.

    Raises:
        StoreError: the store failed.
    """
    values: dict[str, list[float]] = defaultdict(list)
    with store_errors(destination.tracking_uri):
        for score in scores:
            if isinstance(score.value, int | float):
                values[score.name].append(float(score.value))
            conversation = conversations[score.key]
            if score.value is not None and conversation.trace_ids:
                place = (score.key, score.name)
                logged[place] = _log(score, conversation, destination, run_id, before=logged.get(place))
        if values:
            log_metrics(destination, run_id, {f"{name}/mean": fmean(found) for name, found in values.items()})


def _log(score: Score, conversation: Conversation, destination: Destination, run_id: str, *, before: str | None) -> str:
    from mlflow.entities import AssessmentSource, Feedback

    feedback = Feedback(
        name=score.name,
        value=score.value,
        source=AssessmentSource(source_type="CODE", source_id=score.name),
        rationale=score.rationale or None,
        metadata={"mlflow.assessment.sourceRunId": run_id, "mlflow.trace.session": conversation.session_id},
        overrides=before,
    )
    return str(destination.tracing.log_assessment(conversation.trace_ids[0], feedback).assessment_id)
