"""The verb `label`: a person's word on a conversation, kept beside the run and, where there is MLflow, there."""

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from convsim_nb.adapters.labels import write_label
from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.domain.label import LABELS, Label, LabelValue

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def label_run(run: "Run", key: str, value: LabelValue | None, note: str) -> Label:
    """Label a conversation: see `Run.label`."""
    if value is not None and value not in LABELS:
        raise UsageError(f"label {value!r}: give one of {', '.join(LABELS)}, or None to take it back")
    conversation = run.conversation(key)
    if not conversation.messages:
        raise UsageError(f"{key} has no message yet: there is nothing to label")
    label = Label(key=key, value=value, note=note.strip(), session_id=conversation.session_id, at=datetime.now(UTC))
    if run.folder is not None:
        write_label(run.folder, label)
    run.labels = {**{k: one for k, one in run.labels.items() if k != key}, **({key: label} if value else {})}
    run.tell_hearers()
    if run.mlflow is not None or conversation.trace_ids:
        # Its trace is stored at the run's end at the latest; a store may take seconds, which nobody should wait for.
        threading.Thread(target=_send, args=(run, label), name="convsim-label").start()
    return label


def _send(run: "Run", label: Label) -> None:
    """Wait for the run's end, and log the label if it still counts; what goes wrong stands in the run's problems."""
    run.ended.wait()
    with _one_at_a_time:
        conversation, newest = run.conversation(label.key), run.labels.get(label.key)
        superseded = newest is not label and (newest is not None or label.value is not None)
        if superseded or conversation.session_id != label.session_id or not conversation.trace_ids:
            return
        try:
            _log(run, label)
        except ConvsimError as error:
            run.unsent[label.key] = f"the label of {label.key} is not in MLflow: {error}"
        else:
            run.unsent.pop(label.key, None)


def _log(run: "Run", label: Label) -> None:
    from convsim_nb.adapters.mlflow.labels import log_label
    from convsim_nb.adapters.mlflow.store import Destination, pin

    known = run.mlflow.destination if run.mlflow is not None else None
    destination = known or Destination(pin(None).tracking_uri, "")
    conversation = run.conversation(label.key)
    first = conversation.trace_ids[0]
    log_label(label, conversation, trace_id=first, destination=destination, run_id=run.mlflow_run_id)


_one_at_a_time = threading.Lock()
