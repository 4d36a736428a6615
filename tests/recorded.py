"""A tracking store of a test's own, and sessions recorded in it as applications record them."""

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pytest

from convsim_nb.domain.session import Session
from convsim_nb.workflow.sessions import search_sessions

EXPERIMENT = "recorded"

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints, and swallows what that raises
    import mlflow.pyfunc.context


@contextmanager
def recording(folder: Path) -> Iterator[None]:
    """A fresh SQLite store that is MLflow's current one inside; traces are written the moment they end."""
    before = mlflow.get_tracking_uri()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ENABLE_ASYNC_TRACE_LOGGING", "false")
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        mlflow.tracing.reset()
        mlflow.set_experiment(EXPERIMENT)
        yield
    mlflow.set_tracking_uri(before)
    mlflow.tracing.reset()


def record(
    session_id: str, agent: Callable[..., Any], *turns: Mapping[str, Any], metadata: Mapping[str, str] | None = None
) -> None:
    """Call a traced agent once a turn, with these arguments, as the turns of one session."""
    for arguments in turns:
        with mlflow.tracing.context(session_id=session_id, metadata=dict(metadata or {})):
            agent(**arguments)


def found(session_id: str, **options: Any) -> Session:
    """The session, read back out of the store."""
    where = f"metadata.`mlflow.trace.session` = '{session_id}'"
    return search_sessions(experiment=EXPERIMENT, where=where, **options)[0]


def said(session: Session) -> list[tuple[str, str]]:
    """Who said what."""
    return [(message.role, message.content) for message in session.messages]
