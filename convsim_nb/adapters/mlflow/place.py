"""Which MLflow run a simulation is written into: one of its own, one below another, or one that is there."""

from dataclasses import dataclass, replace

from convsim_nb.adapters.mlflow import runlog
from convsim_nb.adapters.mlflow.again import reopened
from convsim_nb.adapters.mlflow.store import Destination, Pin, knock, store_errors
from convsim_nb.domain.errors import NotFoundError
from convsim_nb.domain.events import RunStarted


@dataclass(frozen=True)
class Place:
    """Where the run goes; without either id it is a run of its own in the pinned experiment."""

    run_id: str | None = None
    """A run that is there: it is written into, and neither named nor ended."""
    parent: str | None = None
    """A run below which a new one is made."""
    shared: bool = False
    """Whether a run that is there is about more than this simulation: then it has a dataset of its own."""

    def reach(self, pin: Pin) -> Destination:
        """Go to the store. A run that is named decides on the experiment, where none was given.

        Raises:
            NotFoundError: no such run or experiment, or it was deleted.
            StoreError: the store cannot be reached.
        """
        named = self.run_id or self.parent
        if named is None:
            return pin.reach()
        with store_errors(pin.tracking_uri):
            knock(pin.tracking_uri)
            info = Destination(pin.tracking_uri, "").client.get_run(named).info
        if info.lifecycle_stage != "active":
            raise NotFoundError(f"run {named!r} was deleted: restore it, or name another")
        return replace(pin, experiment=info.experiment_id, by_id=True).reach()

    def begin(self, to: Destination, started: RunStarted, *, resumed: bool) -> tuple[str, bool]:
        """MLflow's id of the run, and whether its status is ours to set."""
        if resumed and (again := reopened(to, started.run_id)):
            return again
        if self.run_id is None:
            return runlog.start(to, started, parent=self.parent), True
        runlog.adopt(to, self.run_id, started, shared=self.shared)
        return self.run_id, False


OWN = Place()
