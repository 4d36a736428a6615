"""Labels as MLflow keeps what people say of a session: human feedback on its first trace."""

import getpass
from typing import Any

from convsim_nb.adapters.mlflow.store import Destination, store_errors
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.label import Label

NAME = "convsim/label"


def log_label(
    label: Label, conversation: Conversation, *, trace_id: str, destination: Destination, run_id: str | None
) -> bool:
    """Log a label in the place of an earlier one; a label that was taken back takes the feedback away.

    `trace_id` is that of the session's first trace, which must be stored; `run_id` is MLflow's, where it is
    known. False where the store has it already.

    Raises:
        StoreError: the store failed, or does not know the trace.
    """
    with store_errors(destination.tracking_uri):
        known = [one for one in destination.tracing.get_trace_info(trace_id).assessments if one.name == NAME]
        if label.value is None:
            for one in reversed(known):  # MLflow brings back what a deleted one had taken the place of
                destination.tracing.delete_assessment(trace_id, str(one.assessment_id))
            return bool(known)
        counting = [one for one in known if one.valid]
        before = counting[-1] if counting else None
        if before is not None and (getattr(before, "value", None), before.rationale or "") == (label.value, label.note):
            return False
        feedback = _feedback(label, conversation, run_id, before=str(before.assessment_id) if before else None)
        destination.tracing.log_assessment(trace_id, feedback)
        return True


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
