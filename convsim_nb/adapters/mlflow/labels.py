"""Labels as MLflow keeps what people say of a session: human feedback on its first trace."""

import getpass
from typing import Any

from convsim_nb.adapters.mlflow.store import Destination, store_errors
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.label import Label

NAME = "convsim/label"


def log_label(label: Label, conversation: Conversation, *, destination: Destination, run_id: str | None) -> None:
    """Log a label in the place of an earlier one; a label that was taken back takes the feedback away.

    `run_id` is MLflow's, where it is known; the first trace of the conversation must be stored.

    Raises:
        StoreError: the store failed, or does not know the trace.
    """
    trace_id = conversation.trace_ids[0]
    with store_errors(destination.tracking_uri):
        known = [one for one in destination.tracing.get_trace_info(trace_id).assessments if one.name == NAME]
        if label.value is None:
            for one in reversed(known):  # MLflow brings back what a deleted one had taken the place of
                destination.tracing.delete_assessment(trace_id, str(one.assessment_id))
            return
        counting = [str(one.assessment_id) for one in known if one.valid]
        feedback = _feedback(label, conversation, run_id, before=counting[-1] if counting else None)
        destination.tracing.log_assessment(trace_id, feedback)


def _feedback(label: Label, conversation: Conversation, run_id: str | None, *, before: str | None) -> Any:
    from mlflow.entities import AssessmentSource, Feedback

    metadata = {"mlflow.trace.session": conversation.session_id}
    if run_id is not None:
        metadata["mlflow.assessment.sourceRunId"] = run_id
    return Feedback(
        name=NAME,
        value=label.value,
        source=AssessmentSource(source_type="HUMAN", source_id=_who()),
        rationale=label.note or None,
        metadata=metadata,
        overrides=before,
    )


def as_feedback(label: Label, *, name: str, value: bool | str) -> Any:
    """A label in the words of a judge of that name, as MLflow's alignment reads it."""
    from mlflow.entities import AssessmentSource, Feedback

    source = AssessmentSource(source_type="HUMAN", source_id=_who())
    return Feedback(name=name, value=value, source=source, rationale=label.note or None)


def _who() -> str:
    """Who labels; on machines that name no user, nobody in particular."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "convsim"
