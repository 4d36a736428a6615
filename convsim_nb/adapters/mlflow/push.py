"""A run brought to MLflow after its end: what a broken connection kept back, made from the journal."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsim_nb.adapters.mlflow import runlog
from convsim_nb.adapters.mlflow.again import SUPERSEDED, supersede
from convsim_nb.adapters.mlflow.assess import CORRECTION, assessments
from convsim_nb.adapters.mlflow.export import TRACES_AT_ONCE
from convsim_nb.adapters.mlflow.find import run_in, traces_of
from convsim_nb.adapters.mlflow.labels import log_label
from convsim_nb.adapters.mlflow.recorded import PlayedTurn, RecordedRun, as_trace
from convsim_nb.adapters.mlflow.scores import log_scores
from convsim_nb.adapters.mlflow.store import Destination, Pin, store_errors
from convsim_nb.adapters.mlflow.writer import TraceWriter
from convsim_nb.adapters.score_file import SCORES, as_lines
from convsim_nb.analysis.summary import summarise
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import RunStarted
from convsim_nb.domain.label import Label
from convsim_nb.domain.record import Record
from convsim_nb.domain.score import Score

_SPANS = "mlflow.trace.spansLocation"
_LINKS_AT_ONCE = 100
"""MLflow takes no more in one call."""


class Pushed(Record):
    """What a push found in MLflow, and what it brought."""

    run_id: str
    mlflow_run_id: str
    experiment: str
    tracking_uri: str
    run_made: bool
    """True where MLflow knew nothing of the run."""
    traces_there: int
    traces_made: int
    assessments_made: int

    def __str__(self) -> str:
        run = "a new MLflow run" if self.run_made else "its MLflow run"
        brought = f"{self.traces_made} traces made, {self.traces_there} were there, {self.assessments_made} assessments"
        return f"run {self.run_id} is in {run} {self.mlflow_run_id}, experiment {self.experiment}: {brought} added"


def push_run(
    recorded: RecordedRun,
    *,
    pin: Pin,
    events: Path | None,
    report: str | None,
    scores: Iterable[Score] = (),
    labels: Iterable[Label] = (),
) -> Pushed:
    """Bring a run to the store of `pin`: into its own MLflow run where there is one, else into a new one.

    What is there stays as it is, so a second push brings nothing twice.

    Raises:
        NotFoundError: no such experiment.
        StoreError: the store failed; what had been brought by then stays.
    """
    with store_errors(pin.tracking_uri):
        to = pin.reach()
        found = run_in(to, recorded.state.run_id)
        if found is not None:
            named = to.client.get_experiment(found.info.experiment_id)
            to = Destination(to.tracking_uri, str(named.experiment_id), named.name)
        mlflow_run_id = found.info.run_id if found else runlog.start(to, _started(recorded))
        pushing = _Pushing(recorded, to, mlflow_run_id)
        if found is None:
            pushing.link()
        pushing.bring()
        pushing.supersede()
        pushing.score(scores, anew=found is None)
        pushing.label(labels)
        pushing.sum_up(before=found.data.metrics if found else {}, events=events, report=report)
        if found is None or runlog.ADOPTED_TAG not in found.data.tags:
            pushing.close()
    return pushing.outcome(run_made=found is None)


def _started(recorded: RecordedRun) -> RunStarted:
    state = recorded.state
    if state.agent is None or state.settings is None or state.started_at is None:
        raise UsageError("the journal does not begin with the start of a run: there is nothing to push")
    return RunStarted(
        at=0.0,
        run_id=state.run_id,
        run_name=state.run_name,
        started_at=state.started_at,
        agent=state.agent,
        settings=state.settings,
        cases=tuple(state.cases.values()),
        tags=state.tags,
    )


@dataclass(frozen=True)
class _Stored:
    """A trace that stands in the store."""

    trace_id: str
    known: Mapping[str, str]
    """The ids of the assessments that it has, by what tells one from another."""
    whole: bool
    """False where the connection broke between its record and its spans."""
    superseded: bool


class _Pushing:
    def __init__(self, recorded: RecordedRun, to: Destination, mlflow_run_id: str) -> None:
        self._recorded, self._state, self._to, self._run_id = recorded, recorded.state, to, mlflow_run_id
        self._writer = TraceWriter(to)
        self._stored = dict(_stored_in(to, self._state.run_id))
        self._there = {place: stored.trace_id for place, stored in self._stored.items()}
        self._made = self._assessed = 0

    def link(self) -> None:
        """Take the traces that are there into the run: theirs was deleted."""
        ids = [stored.trace_id for stored in self._stored.values()]
        for start in range(0, len(ids), _LINKS_AT_ONCE):
            self._to.client.link_traces_to_run(ids[start : start + _LINKS_AT_ONCE], self._run_id)

    def bring(self) -> None:
        """Make the traces that are missing, or whose spans never arrived, and log what was found on all of them."""
        missing = [turn for turn in self._recorded.turns if not self._has(turn)]
        ids = [self._trace_id(turn) for turn in missing]
        found = self._new_findings()
        for start in range(0, len(missing), TRACES_AT_ONCE):
            some = zip(missing[start : start + TRACES_AT_ONCE], ids[start:], strict=False)
            caught = [as_trace(turn, self._state, trace_id=trace_id) for turn, trace_id in some]
            for each in caught:
                each.trace.info.assessments.extend(found.pop(each.claim.trace_id, ()))
            self._writer.write(caught, run_id=self._run_id)
        self._made = len(missing)
        self._log([finding for findings in found.values() for finding in findings])

    def supersede(self) -> None:
        """Mark the traces of attempts that a later one took the place of."""
        marked = {session for (session, _), stored in self._stored.items() if stored.superseded}
        stored = {session for session, _ in self._stored}
        for session in sorted(stored & _left_behind(self._recorded) - marked):
            supersede(self._to, session)

    def _has(self, turn: PlayedTurn) -> bool:
        return turn.place in self._stored and self._stored[turn.place].whole

    def _trace_id(self, turn: PlayedTurn) -> str:
        stored = self._stored.get(turn.place)
        self._there[turn.place] = stored.trace_id if stored else self._free_id(turn)
        return self._there[turn.place]

    def _free_id(self, turn: PlayedTurn) -> str:
        """The trace's id as the run knows it; another where that is a trace of the agent's own."""
        if not turn.trace_id.startswith("tr-"):
            return turn.own_id
        return turn.own_id if _knows(self._to, turn.trace_id) else turn.trace_id

    def _new_findings(self) -> dict[str, list[Any]]:
        """What was found and does not stand on its trace yet, by trace id."""
        new: dict[str, list[Any]] = defaultdict(list)
        for finding in (finding for one in self._state.conversations for finding in self._findings(one)):
            new[finding.trace_id].append(finding)
        self._assessed = sum(map(len, new.values()))
        return new

    def _log(self, findings: Sequence[Any]) -> None:
        for start in range(0, len(findings), TRACES_AT_ONCE):
            some = findings[start : start + TRACES_AT_ONCE]
            if not self._writer.assess(some):
                for finding in some:
                    self._to.tracing.log_assessment(finding.trace_id, finding)

    def _findings(self, conversation: Conversation) -> Iterator[Any]:
        settings, traces = self._state.settings, self._traces_of(conversation)
        if settings is None or not traces:
            return
        case = self._state.cases[conversation.case_id]
        found = assessments(conversation, case=case, settings=settings, traces=traces, run_id=self._run_id)
        known = {stored.trace_id: stored.known for stored in self._stored.values()}
        for trace_id, findings in found.items():
            for finding in findings:
                if _sign(finding) not in known.get(trace_id, ()):
                    finding.trace_id = trace_id
                    yield finding

    def _traces_of(self, conversation: Conversation) -> dict[int, str]:
        return {turn: id_ for (session, turn), id_ in self._there.items() if session == conversation.session_id}

    def score(self, scores: Iterable[Score], *, anew: bool) -> None:
        """Log the scores, where there are some that do not stand on their traces yet, or the run is a new one."""
        traced = {one.key: _with_first_trace(one, self._traces_of(one)) for one in self._state.conversations}
        known = {stored.trace_id: stored.known for stored in self._stored.values()}
        every, there, new = list(scores), {}, 0
        for score in every:
            for trace_id in traced[score.key].trace_ids if score.value is not None else ():
                known_id = known.get(trace_id, {}).get(_sign_score(score))
                new += known_id is None
                if known_id is not None:
                    there[score.key, score.name] = known_id
        if new or (anew and every):
            log_scores(every, destination=self._to, run_id=self._run_id, conversations=traced, logged=there)
            self._to.client.log_text(self._run_id, as_lines(every), SCORES)
        self._assessed += new

    def label(self, labels: Iterable[Label]) -> None:
        """Log what people said of its conversations, where it does not stand there yet."""
        for label in labels:
            conversation = self._state.by_key.get(label.key)
            traces = self._traces_of(conversation) if conversation is not None else {}
            if conversation is None or not traces or label.session_id != conversation.session_id:
                continue  # said of an attempt that a later one took the place of
            first = traces[min(traces)]
            new = log_label(label, conversation, trace_id=first, destination=self._to, run_id=self._run_id)
            self._assessed += new

    def sum_up(self, *, before: Mapping[str, float], events: Path | None, report: str | None) -> None:
        """The run's numbers, where they are not there yet, and its files."""
        metrics = runlog.metrics_of(summarise(self._state.conversations))
        new = {name: value for name, value in metrics.items() if before.get(name) != value}
        if new:
            runlog.log_metrics(self._to, self._run_id, new)
        runlog.log_files(
            self._to,
            self._run_id,
            cases=self._state.cases.values(),
            conversations=self._state.conversations,
            events=events,
            report=report,
        )

    def close(self) -> None:
        """The status that the run would have, and when it ended."""
        state = self._state
        ended = round((state.started_at.timestamp() + state.at) * 1000) if state.started_at else None
        status = "FINISHED" if state.ended and not state.stopped else "KILLED"
        self._to.client.set_terminated(self._run_id, status, end_time=ended)

    def outcome(self, *, run_made: bool) -> Pushed:
        return Pushed(
            run_id=self._state.run_id,
            mlflow_run_id=self._run_id,
            experiment=self._to.experiment_name,
            tracking_uri=self._to.tracking_uri,
            run_made=run_made,
            traces_there=sum(self._has(turn) for turn in self._recorded.turns),
            traces_made=self._made,
            assessments_made=self._assessed,
        )


# --- what is there -------------------------------------------------------------------


def _stored_in(to: Destination, run_id: str) -> Iterator[tuple[tuple[str, int], _Stored]]:
    """The traces of a run, by session and turn."""
    for trace in traces_of(to, run_id):
        info = trace.info
        place = info.trace_metadata["mlflow.trace.session"], int(info.trace_metadata["mlflow.simulation.turn"]) + 1
        yield (
            place,
            _Stored(
                trace_id=info.trace_id,
                known={_sign(assessment): str(assessment.assessment_id) for assessment in info.assessments},
                whole=bool(info.tags.get(_SPANS)) or _has_spans(to, info.trace_id),
                superseded=SUPERSEDED in info.tags,
            ),
        )


def _has_spans(to: Destination, trace_id: str) -> bool:
    """Whether a trace without a word on its spans keeps them as a file, as in stores that take no spans."""
    from mlflow.exceptions import MlflowException

    try:
        return bool(to.client.get_trace(trace_id).data.spans)
    except MlflowException:
        return False


def _knows(to: Destination, trace_id: str) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return to.tracing.get_trace_info(trace_id) is not None
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"):
            raise
        return False


def _left_behind(recorded: RecordedRun) -> set[str]:
    """The sessions of attempts that a later one took the place of."""
    return recorded.sessions - {one.session_id for one in recorded.state.conversations}


def _sign(assessment: Any) -> str:
    """What tells an assessment from others on the same trace."""
    value = getattr(assessment, "value", None)
    if assessment.name == CORRECTION:
        value = None  # it is True on the traces of earlier versions
    told = {name: (assessment.metadata or {}).get(name) for name in ("turn", "text", "evidence")}
    return json.dumps([assessment.name, value, assessment.rationale, told], sort_keys=True, default=str)


def _sign_score(score: Score) -> str:
    told: dict[str, None] = dict.fromkeys(("turn", "text", "evidence"))
    return json.dumps([score.name, score.value, score.rationale or None, told], sort_keys=True, default=str)


def _with_first_trace(conversation: Conversation, traces: Mapping[int, str]) -> Conversation:
    """The conversation as far as its scores need it: the trace that they are kept on."""
    ids: Sequence[str] = [traces[min(traces)]] if traces else []
    return conversation.model_copy(update={"messages": (), "last_trace_id": ids[0] if ids else ""})
