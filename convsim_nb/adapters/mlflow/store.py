"""Which store a run writes to: taken from MLflow when the run starts, and kept.

`pin()` reads MLflow's ambient state and stays off the network; `Pin.reach()` goes there.
"""

import hashlib
import os
import re
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

from convsim_nb.adapters.mlflow.quiet import wordless
from convsim_nb.domain.errors import ConvsimError, NotFoundError, StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.tracing.client import TracingClient

CONNECT_SECONDS = 5.0
"""How long a server may take to accept a connection. MLflow itself goes on trying for minutes."""


@dataclass(frozen=True)
class Destination:
    """A tracking store that answered, and the experiment in it."""

    tracking_uri: str
    experiment_id: str
    experiment_name: str = ""

    @cached_property
    def client(self) -> "MlflowClient":
        """A client of this store, whatever MLflow's current one is."""
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.tracking_uri)

    @cached_property
    def tracing(self) -> "TracingClient":
        """The same for traces: MLflow's public functions write assessments to its current store only."""
        from mlflow.tracing.client import TracingClient

        return TracingClient(tracking_uri=self.tracking_uri)


@dataclass(frozen=True)
class Pin:
    """The store and the experiment that a run will write to, not yet looked up."""

    tracking_uri: str
    experiment: str | None = None
    """A name or an id; None is the store's default experiment."""
    by_id: bool = False

    def reach(self) -> Destination:
        """Go to the store; an experiment that is named and not there is made.

        Raises:
            NotFoundError: no experiment of that id, or it was deleted.
            StoreError: the store cannot be reached.
        """
        with store_errors(self.tracking_uri):
            knock(self.tracking_uri)
            make_ready(self.tracking_uri)
            found = self._find(Destination(self.tracking_uri, "").client)
        if found.lifecycle_stage != "active":
            raise NotFoundError(f"experiment {found.name!r} was deleted: restore it, or name another")
        return Destination(self.tracking_uri, str(found.experiment_id), found.name)

    def _find(self, client: "MlflowClient") -> Any:
        if self.experiment is None:
            return client.get_experiment(default_experiment())
        if not self.by_id and (named := client.get_experiment_by_name(self.experiment)):
            return named
        if self.by_id or self.experiment.isdigit():
            return client.get_experiment(self.experiment)
        return _made(client, self.experiment)


def _made(client: "MlflowClient", name: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_experiment(client.create_experiment(name))
    except MlflowException as error:
        made = client.get_experiment_by_name(name) if error.error_code == "RESOURCE_ALREADY_EXISTS" else None
        if made is None:
            raise
        return made  # by another process, in the moment between


def pin(experiment: str | None = None, *, tracking_uri: str | None = None) -> Pin:
    """Take MLflow's tracking URI and active experiment as they are now; what is given goes before.

    A later `set_tracking_uri`, `set_experiment` or `start_run` changes nothing. Stays off the network.
    """
    import mlflow

    current = mlflow.get_tracking_uri()
    uri = _absolute(tracking_uri or current)
    if experiment is not None:
        return Pin(uri, str(experiment))
    if uri != _absolute(current):  # an id of another store says nothing about this one
        return Pin(uri)
    return _active(uri)


def _active(uri: str) -> Pin:
    """MLflow's own order: the active run's, the one that was set, the environment's."""
    import mlflow
    from mlflow.tracking import fluent

    if run := mlflow.active_run():
        return Pin(uri, run.info.experiment_id, by_id=True)
    # MLflow has no public word for the active experiment that stays off the network.
    if active := getattr(fluent, "_active_experiment_id", None):
        return Pin(uri, str(active), by_id=True)
    if name := os.environ.get("MLFLOW_EXPERIMENT_NAME"):
        return Pin(uri, name)
    given = os.environ.get("MLFLOW_EXPERIMENT_ID")
    return Pin(uri, given, by_id=given is not None)


def default_experiment() -> str:
    """`0`, or the notebook's own on Databricks."""
    from mlflow.tracking.default_experiment.registry import get_experiment_id

    return str(get_experiment_id())


def _absolute(uri: str) -> str:
    """A relative SQLite file means the one of now, wherever the process goes later."""
    relative = re.fullmatch(r"sqlite:///([^/:].*)", uri)
    return f"sqlite:///{Path(relative[1]).resolve()}" if relative else uri


def make_ready(uri: str) -> None:
    """Let MLflow make the tables of a new SQLite store, once: two processes that do it at once break each other."""
    path = _sqlite_file(uri)
    if path is None or path in _ready:
        return
    from mlflow import MlflowClient

    # Twenty lines of tables made and schemas upgraded would be the first that a new user sees.
    with _alone(path), wordless("mlflow.store.db.utils", "alembic") if not path.exists() else nullcontext():
        MlflowClient(tracking_uri=uri).search_experiments(max_results=1)
    _ready.add(path)


_ready: set[Path] = set()


def is_unmade(uri: str) -> bool:
    """Whether this is a SQLite store that nobody has made yet: to look for something in it would make it."""
    path = _sqlite_file(uri)
    return path is not None and not path.exists()


def _sqlite_file(uri: str) -> Path | None:
    named = re.fullmatch(r"sqlite:///([^?:]+)(\?.*)?", uri)
    return Path(named[1]).resolve() if named else None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody else of this machine who asks for the same file is inside meanwhile."""
    if fcntl is None:
        yield
        return
    mark = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    # Not beside the file: it would stay there, in the user's folder.
    lock = os.open(Path(tempfile.gettempdir()) / f"convsim-{os.getuid()}-{mark}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def knock(uri: str) -> None:
    """See whether a server accepts connections at all."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return
    if parts.scheme in getproxies() and not proxy_bypass(parts.hostname):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS).close()


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Whatever MLflow raises inside is raised as `NotFoundError` or `StoreError`, in one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except ConvsimError:
        raise
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        missing = getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST"
        if missing:
            raise NotFoundError(
                f"{_first_line(error)} (in {shown(uri)}): look at what is there, or name another"
            ) from error
        raise StoreError(
            f"the tracking store {shown(uri)} failed: {_first_line(error)}; "
            "see that it runs, or set MLFLOW_TRACKING_URI to another"
        ) from error


def shown(uri: str) -> str:
    """A tracking URI without its password."""
    return re.sub(r"//[^/@]*@", "//", uri)


def _first_line(error: Exception, most: int = 200) -> str:
    said = re.sub(r"^[A-Z_]+: ", "", str(error).strip() or type(error).__name__)
    line = re.sub(r"//[^/@\s]*@", "//", said.splitlines()[0])
    return line if len(line) <= most else f"{line[:most]}..."
