"""From a trace, a run, a case or a session to all that hangs together with it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Session
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.runs import load_run

if TYPE_CHECKING:
    import pandas as pd

    from convsim_nb.adapters.mlflow.lineage import Turn

_SHOWN = 8


class Link(Record):
    """One simulated conversation in MLflow, and what it belongs to."""

    run_id: str
    """Ours."""
    mlflow_run_id: str
    case_id: str
    trial: int
    session_id: str
    """The simulated session."""
    source_session: str
    """The recorded session that the case was distilled from; empty where there is none."""
    model_id: str
    """MLflow's logged model that was under test; empty where there is none."""
    trace_ids: tuple[str, ...]
    """One a turn, in order."""
    superseded: bool
    """Whether the conversation was played again since, so that it counts no more."""

    def run(self) -> Run:
        """The run that it was played in.

        Raises:
            NotFoundError: neither its journal nor MLflow has it.
        """
        return load_run(self.run_id)

    def case(self) -> TestCase:
        """The test case as it was played.

        Raises:
            NotFoundError: the run is not to be found.
        """
        return self.run().state.cases[self.case_id]

    def conversation(self) -> Conversation:
        """What was said, how it was judged, and why it ended.

        Raises:
            NotFoundError: the run is not to be found, or this attempt was played again since.
        """
        found = next((one for one in self.run().conversations if one.session_id == self.session_id), None)
        if found is None:
            raise NotFoundError(f"session {self.session_id} was played again: run {self.run_id} keeps its last attempt")
        return found


class Lineage(Sequence[Link]):
    """What hangs together with something: a link for each conversation, in the order of their start."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = tuple(links)

    @overload
    def __getitem__(self, index: int) -> Link: ...
    @overload
    def __getitem__(self, index: slice) -> "Lineage": ...

    def __getitem__(self, index: int | slice) -> "Link | Lineage":
        return Lineage(self._links[index]) if isinstance(index, slice) else self._links[index]

    def __len__(self) -> int:
        return len(self._links)

    def __iter__(self) -> Iterator[Link]:
        return iter(self._links)

    def __repr__(self) -> str:
        lines = [f"  {one.run_id}  {one.case_id}#{one.trial}  {one.session_id}" for one in self._links[:_SHOWN]]
        more = [f"  ... and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        return "\n".join([f"{len(self)} conversations of {len(self.run_ids)} runs", *lines, *more])

    @property
    def run_ids(self) -> tuple[str, ...]:
        """Our ids of the runs, each once."""
        return tuple(dict.fromkeys(one.run_id for one in self._links))

    @property
    def case_ids(self) -> tuple[str, ...]:
        """The test cases, each once."""
        return tuple(dict.fromkeys(one.case_id for one in self._links))

    @property
    def trace_ids(self) -> tuple[str, ...]:
        """All traces, conversation by conversation, turn by turn."""
        return tuple(trace_id for one in self._links for trace_id in one.trace_ids)

    @property
    def source_sessions(self) -> tuple[str, ...]:
        """The recorded sessions that the cases were distilled from, each once."""
        return tuple(dict.fromkeys(one.source_session for one in self._links if one.source_session))

    def to_frame(self) -> "pd.DataFrame":
        """One row a conversation, a column a field of `Link`."""
        import pandas as pd

        return pd.DataFrame([one.model_dump() for one in self._links], columns=list(Link.model_fields))


def lineage(of: Any, *, experiment: str | None = None) -> Lineage:
    """The simulated conversations in MLflow that hang together with something, each with all that it belongs to.

    `of` is a trace or its id; a run or its id, ours or MLflow's; a conversation; a test case or its id; a
    session, recorded or simulated, or its id. `experiment` is where to look; by default a run's or trace's
    own, else the active one.

    Raises:
        NotFoundError: nothing in MLflow hangs together with it.
        UsageError: it is none of these.
        StoreError: the tracking store failed.
    """
    links = [_link(turns) for turns in _groups(of, experiment)]
    if not links:
        where = f"experiment {experiment!r}" if experiment else "its experiment, or the active one"
        raise NotFoundError(f"no simulated conversation in {where} belongs to {_named(of)}: name another experiment")
    return Lineage(links)


def _groups(of: Any, experiment: str | None) -> "Iterator[list[Turn]]":
    """The turns of each conversation."""
    from convsim_nb.adapters.mlflow.lineage import by_session, experiment_of_run, turn_of_trace, turns_that_name
    from convsim_nb.adapters.mlflow.store import Destination, pin

    trace_id = _trace_id(of)
    if trace_id:
        turn = turn_of_trace(trace_id)
        to = Destination(pin().tracking_uri, turn.experiment_id)
        wanted = [("mlflow.trace.session", turn.named["mlflow.trace.session"])]
    else:
        wanted = _wanted(of)
        run_id = next((value for key, value in wanted if key == "convsim.run_id"), None)
        to = (experiment_of_run(run_id) if run_id and not experiment else None) or pin(experiment).reach()
    for key, value in wanted:
        if turns := turns_that_name(key, value, in_experiment=to):
            yield from by_session(turns).values()
            return


def _trace_id(of: Any) -> str:
    """The id of a trace, where this is one."""
    info = getattr(of, "info", None)
    if info is not None and getattr(info, "trace_id", None):
        return str(info.trace_id)
    return of if isinstance(of, str) and of.startswith("tr-") else ""


def _wanted(of: Any) -> list[tuple[str, str]]:
    """By which metadata the traces are found: of several, the first that finds any."""
    match of:
        case Run():
            return [("convsim.run_id", of.run_id)]
        case Conversation():
            return [("mlflow.trace.session", of.session_id)]
        case TestCase():
            return [("convsim.case_id", of.case_id)]
        case Session():
            return [("convsim.source_session", of.id), ("mlflow.trace.session", of.id)]
        case str() if of.startswith("sim-"):
            return [("mlflow.trace.session", of)]
        case str() if of.strip():
            keys = ("convsim.run_id", "mlflow.sourceRun", "convsim.case_id", "convsim.source_session")
            return [(key, of) for key in keys]
    raise UsageError(f"lineage of {_named(of)}: give a trace, a run, a conversation, a case or a session, or its id")


def _link(turns: "Sequence[Turn]") -> Link:
    named = turns[0].named
    return Link(
        run_id=named.get("convsim.run_id", ""),
        mlflow_run_id=named.get("mlflow.sourceRun", ""),
        case_id=named.get("convsim.case_id", ""),
        trial=int(named.get("convsim.trial", 1)),
        session_id=named.get("mlflow.trace.session", ""),
        source_session=named.get("convsim.source_session", ""),
        model_id=named.get("mlflow.modelId", ""),
        trace_ids=tuple(turn.trace_id for turn in turns),
        superseded=any(turn.superseded for turn in turns),
    )


def _named(of: Any) -> str:
    text = repr(of)
    return text if len(text) <= 60 else f"{text[:60]}..."  # noqa: PLR2004 - a line's worth
