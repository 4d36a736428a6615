"""What a remote agent traced, brought into our trace of the turn, or named in it."""

from collections.abc import Mapping
from typing import Any

from convsim_nb.adapters.mlflow.net import Claim

AGENT_TRACE = "convsim.agent_trace"
"""On our trace: the id of the agent's own, wherever that lies. It is left as it is."""
_PROBLEM = "convsim.agent_trace_problem"


def graft(refs: Mapping[str, Any], span: Any, claim: Claim) -> None:
    """Name the agent's own trace on ours, and copy the spans of one that it handed back under `span`.

    A trace that MLflow cannot read costs no turn: the root span says what was wrong with it.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    own = str(refs.get("trace_id") or "")
    if own in ("", claim.trace_id):  # an agent in this process may well hand back ours
        return
    claim.metadata = {**claim.metadata, AGENT_TRACE: own}
    if refs.get("trace") is None:
        return
    try:
        mlflow.add_trace(refs["trace"], target=span)
    except MlflowException as error:
        span.set_attribute(_PROBLEM, str(error))
