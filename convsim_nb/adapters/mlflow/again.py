"""A run that is taken up again: its MLflow run goes on, and what is played once more no longer counts."""

from convsim_nb.adapters.mlflow.runlog import ADOPTED_TAG, RUN_ID_TAG
from convsim_nb.adapters.mlflow.store import Destination

SUPERSEDED = "convsim.superseded"
"""Tag of the traces of an attempt that a later one took the place of."""


def reopened(destination: Destination, run_id: str) -> tuple[str, bool] | None:
    """MLflow's id of the run with our `run_id`, running again, and whether its status is ours; None without one."""
    found = destination.client.search_runs(
        [destination.experiment_id], filter_string=f"tags.`{RUN_ID_TAG}` = '{run_id}'", max_results=1
    )
    if not found:
        return None
    mlflow_id, ours = str(found[0].info.run_id), ADOPTED_TAG not in found[0].data.tags
    if ours:
        destination.client.update_run(mlflow_id, status="RUNNING")
    return mlflow_id, ours


def supersede(destination: Destination, session_id: str) -> int:
    """Mark the stored traces of an attempt's session; gives their number."""
    traces = destination.client.search_traces(
        locations=[destination.experiment_id],
        filter_string=f"metadata.`mlflow.trace.session` = '{session_id}'",
        include_spans=False,
        max_results=500,
    )
    for trace in traces:
        destination.client.set_trace_tag(trace.info.trace_id, SUPERSEDED, "true")
    return len(traces)
