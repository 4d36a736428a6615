"""Where the traces of a run are to be seen: a server's page, or their spans in place."""

from typing import TYPE_CHECKING

from convsim_nb.adapters.mlflow.spans import SpanLine, read_spans
from convsim_nb.adapters.mlflow.store import Destination, pin

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def spans_of(run: "Run", trace_id: str) -> tuple[SpanLine, ...]:
    """What happened inside a turn of a run's agent, from the run's store, or from MLflow's current one.

    Raises:
        NotFoundError: the trace is not stored, or not yet.
        StoreError: the store failed.
    """
    known = run.mlflow.destination if run.mlflow is not None else None
    return read_spans(trace_id, destination=known or Destination(pin().tracking_uri, ""))


def trace_page(run: "Run") -> str:
    """The address of a server's page of traces; empty where there is no server."""
    known = run.mlflow.destination if run.mlflow is not None else None
    if known is None or not known.tracking_uri.startswith(("http://", "https://")):
        return ""
    return f"{known.tracking_uri.rstrip('/')}/#/experiments/{known.experiment_id}/traces"
