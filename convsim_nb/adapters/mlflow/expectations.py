"""What was expected of a conversation, handed to MLflow's session scorers that ask for it.

MLflow promises a session scorer the argument `expectations`, and passes None. They lie on the first trace of the
session: where a scorer asks, and the session is a simulated one of ours, they are read from there.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from convsim_nb.adapters.mlflow.assess import PROPOSED

_MARK = "_convsim_reads_expectations"


def reach_session_scorers() -> None:
    """From now on session scorers are given our expectations; all other calls of scorers stay as they are."""
    from mlflow.genai.scorers import Scorer

    if not getattr(Scorer.run, _MARK, False):
        setattr(Scorer, "run", _given(Scorer.run))  # noqa: B010 - MLflow has no hook for it


def expectations_in(session: Sequence[Any]) -> dict[str, Any]:
    """What people expected in a session of ours, by name; empty for anybody else's."""
    ours = [trace for trace in session if "convsim.run_id" in trace.info.trace_metadata]
    return {
        one.name: one.expectation.value
        for trace in ours
        for one in trace.info.assessments
        if getattr(one, "expectation", None) is not None and PROPOSED not in (one.metadata or {})
    }


def _given(run: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(run)
    def given(scorer: Any, **arguments: Any) -> Any:
        if arguments.get("session") and arguments.get("expectations") is None:
            arguments["expectations"] = expectations_in(arguments["session"]) or None
        return run(scorer, **arguments)

    setattr(given, _MARK, True)
    return given
