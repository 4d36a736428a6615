"""Which MLflow run a simulation is written into: one of its own, one below another, or one that is there.

One of its own that is started inside an active run of MLflow's is made below that, as MLflow's users expect.
"""

import threading
from dataclasses import dataclass, replace
from typing import Any

from convsim_nb.adapters.mlflow import runlog
from convsim_nb.adapters.mlflow.again import reopened
from convsim_nb.adapters.mlflow.store import Destination, Pin, knock, make_ready, store_errors
from convsim_nb.domain.errors import NotFoundError, StoreError
from convsim_nb.domain.events import RunStarted

_QUICKLY = 3.0
"""Seconds that a server is given to say whether a run is there, before anything is played."""


@dataclass(frozen=True)
class Place:
    """Where the run goes; without either id it is a run of its own in the pinned experiment."""

    run_id: str | None = None
    """A run that is there: it is written into, and neither named nor ended."""
    parent: str | None = None
    """A run below which a new one is made."""
    around: tuple[str, str] | None = None
    """MLflow's active run, by its id and its experiment's: a run of the same experiment is made below it."""
    shared: bool = False
    """Whether a run that is there is about more than this simulation: then it has a dataset of its own."""

    def amid(self) -> "Place":
        """The same, with MLflow's active run around it, as it is now on this thread."""
        import mlflow

        active = mlflow.active_run()
        return replace(self, around=(active.info.run_id, active.info.experiment_id) if active else None)

    def check(self, pin: Pin) -> None:
        """See that the run that is named is there, if the store says so quickly; one that is away is no reason to wait.

        Raises:
            NotFoundError: no such run, or it was deleted.
        """
        if self.run_id is None and self.parent is None:
            return
        missing: list[NotFoundError] = []
        looking = threading.Thread(target=self._look, args=(pin, missing), name="convsim-place", daemon=True)
        looking.start()
        # A file answers: its first opening may take longer. A server may be away, and MLflow tries for minutes.
        looking.join(_QUICKLY if pin.tracking_uri.startswith("http") or "databricks" in pin.tracking_uri else None)
        if missing:
            raise missing[0]

    def _look(self, pin: Pin, missing: list[NotFoundError]) -> None:
        try:
            self._named_run(pin)
        except NotFoundError as error:
            missing.append(error)
        except StoreError:
            return  # said when the run begins to write

    def reach(self, pin: Pin) -> Destination:
        """Go to the store. A run that is named decides on the experiment, where none was given.

        Raises:
            NotFoundError: no such run or experiment, or it was deleted.
            StoreError: the store cannot be reached.
        """
        if self.run_id is None and self.parent is None:
            return pin.reach()
        return replace(pin, experiment=self._named_run(pin).experiment_id, by_id=True).reach()

    def _named_run(self, pin: Pin) -> Any:
        """What MLflow says of the run that is named."""
        named = self.run_id or self.parent or ""
        with store_errors(pin.tracking_uri):
            knock(pin.tracking_uri)
            make_ready(pin.tracking_uri)
            info = Destination(pin.tracking_uri, "").client.get_run(named).info
        if info.lifecycle_stage != "active":
            raise NotFoundError(f"run {named!r} was deleted: restore it, or name another")
        return info

    def begin(self, to: Destination, started: RunStarted, *, resumed: bool) -> tuple[str, bool]:
        """MLflow's id of the run, and whether its status is ours to set."""
        if resumed and (again := reopened(to, started.run_id)):
            return again
        if self.run_id is None:
            return runlog.start(to, started, parent=self.parent or self._around_in(to)), True
        runlog.adopt(to, self.run_id, started, shared=self.shared)
        return self.run_id, False

    def _around_in(self, to: Destination) -> str | None:
        """MLflow shows a run below another only where both are of one experiment."""
        run_id, experiment_id = self.around or (None, "")
        return run_id if experiment_id == to.experiment_id else None


OWN = Place()
