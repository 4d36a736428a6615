"""Many writes to an SQL store as one transaction: a trace then costs a third of what it costs alone.

MLflow's store opens a session for each trace and reads the experiment anew each time. Here a view of the
store, ours alone, gives all of its calls one session; MLflow's own code still makes every row. What it
needs of the store that is not documented is named in `takes_many`; where that is missing, one write at a
time does as well.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

_NEEDED = ("ManagedSessionMaker", "get_experiment", "start_trace", "log_spans", "create_assessment")


def takes_many(store: Any) -> bool:
    """Whether the store is one of SQL, of the kind we know."""
    return type(store).__name__ == "SqlAlchemyStore" and all(hasattr(store, name) for name in _NEEDED)


class Together:
    """A store whose writes count only all together, at the end of `together`."""

    def __init__(self, view: Any, session: Any) -> None:
        self._view, self._session = view, session

    def start_traces(self, infos: Sequence[Any]) -> list[Any]:
        """Make the traces' records; gives them as they are stored."""
        # One flush for all of them. Each of its own would also hide a trace that is there already:
        # the store then rolls back, and with it whatever else we have written in this session.
        self._session.flush = lambda *_: None
        try:
            stored = [self._view.start_trace(info) for info in infos]
        finally:
            del self._session.flush
        self._session.flush()
        return stored

    def log_spans(self, experiment_id: str, spans: Sequence[Any]) -> None:
        """Store spans of the traces that were started here."""
        self._view.log_spans(experiment_id, list(spans))

    def log_assessments(self, assessments: Sequence[Any]) -> list[Any]:
        """Store assessments; each knows its trace. Gives them as they are stored."""
        return [self._view.create_assessment(assessment) for assessment in assessments]


@contextmanager
def together(store: Any) -> Iterator[Together]:
    """All or nothing: what is written in this context.

    Raises:
        MlflowException: the store refused something of it, and holds nothing of it.
    """
    experiments: dict[str, Any] = {}

    def experiment(experiment_id: str) -> Any:
        if experiment_id not in experiments:
            experiments[experiment_id] = store.get_experiment(experiment_id)
        return experiments[experiment_id]

    with _writing(store) as session:

        @contextmanager
        def the_same(*_: Any, **__: Any) -> Iterator[Any]:
            yield session

        view = copy.copy(store)
        view.ManagedSessionMaker, view.get_experiment = the_same, experiment
        yield Together(view, session)


def _writing(store: Any) -> AbstractContextManager[Any]:
    try:
        session: AbstractContextManager[Any] = store.ManagedSessionMaker(read_only=False)
    except TypeError:  # older releases know no readers' replica
        session = store.ManagedSessionMaker()
    return session
