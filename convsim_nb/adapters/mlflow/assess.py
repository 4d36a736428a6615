"""What a simulation found out about an agent, as MLflow assessments on the traces of its turns."""

from collections.abc import Iterator, Mapping
from typing import Any

from convsim_nb.adapters.mlflow.export import Findings
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, GoalCheck, Rejection, Release
from convsim_nb.domain.events import RunSettings

GOAL, GUARD, CORRECTION, VERDICT = "convsim/goal_reached", "convsim/guard", "convsim/correction", "convsim/verdict"
NEEDED = "needed"
"""The value of a correction: MLflow shows True as a pass, and this is a fault of the agent's."""
PROPOSED = "convsim.proposed"
"""In the metadata of an expectation that a model proposed and nobody has confirmed."""
_LONGEST = 2000


def assessments(
    conversation: Conversation,
    *,
    case: TestCase,
    settings: RunSettings,
    traces: Mapping[int, str],
    run_id: str,
    since: int = 0,
) -> Findings:
    """What is known of a conversation, by trace id; `traces` holds one a turn, from 1.

    Of one that goes on, the turns before the one it is in; of one that has ended, all, with the verdict.
    Turns up to `since` were told before. Each trace of a turn that is told stands in the answer, if with
    nothing. What is about the whole conversation, the verdict and what was expected, lies on the first trace
    with the session's id, where MLflow's session scorers put and look for it.
    """
    over = conversation.stop is not None
    told = [turn for turn in traces if turn > since and (over or turn < conversation.turns)]
    if not traces or not (told or over):
        return {}
    found: Findings = {traces[turn]: [] for turn in told}
    first = found.setdefault(traces[min(traces)], [])
    source = {"mlflow.assessment.sourceRunId": run_id}
    session = {"mlflow.trace.session": conversation.session_id}
    if not since:
        first.extend(_expected(case, session))
    for turn, finding in _by_turn(conversation, settings, source):
        if turn > since and (over or turn < conversation.turns):
            found.setdefault(_nearest(traces, turn), []).append(finding)
    if over:
        first.append(_verdict(conversation, source | session))
    return found


def _by_turn(conversation: Conversation, settings: RunSettings, source: Mapping[str, str]) -> Iterator[tuple[int, Any]]:
    yield from ((check.turn, _goal(check, settings, source)) for check in conversation.checks)
    yield from ((rejection.turn, _guard(rejection, source)) for rejection in conversation.rejections)
    yield from (
        (release.turn, _correction(release, source))
        for release in conversation.released
        if release.kind == "correction"
    )


def _nearest(traces: Mapping[int, str], turn: int) -> str:
    """The trace of a turn; of the one before it where the agent was never asked in it."""
    return traces[max((known for known in traces if known <= turn), default=min(traces))]


def _expected(case: TestCase, session: Mapping[str, str]) -> Iterator[Any]:
    from mlflow.entities import AssessmentSource, Expectation

    people = AssessmentSource(source_type="HUMAN", source_id="test case")  # scorers read only what people expect
    for name, value in case.expectations.items():
        proposed = name in case.proposed
        source = _distiller(case) if proposed else people
        metadata = {**session, PROPOSED: "true"} if proposed else dict(session)
        if value is not None:
            yield Expectation(name=name, value=value, source=source, metadata=metadata)


def _distiller(case: TestCase) -> Any:
    """Who proposed an expectation: the model that distilled the case."""
    name = case.source.model if case.source else ""
    return _code(name) if name.startswith("demo:") else _model(name or "unknown")


def _goal(check: GoalCheck, settings: RunSettings, source: Mapping[str, str]) -> Any:
    by_code = settings.goal_check.startswith("function:")
    judge = _code(settings.goal_check) if by_code else _model(settings.judge_model)
    metadata = {**source, "turn": str(check.turn), "evidence": _cut(check.evidence)}
    return _feedback(GOAL, check.reached, source=judge, rationale=check.why, metadata=metadata)


def _guard(rejection: Rejection, source: Mapping[str, str]) -> Any:
    metadata = {**source, "turn": str(rejection.turn), "text": _cut(rejection.text)}
    return _feedback(GUARD, rejection.guard, source=_code("convsim"), rationale=rejection.reason, metadata=metadata)


def _correction(release: Release, source: Mapping[str, str]) -> Any:
    metadata = {**source, "turn": str(release.turn), "evidence": _cut(release.quote)}
    return _feedback(CORRECTION, NEEDED, source=_code("convsim"), rationale=release.fact, metadata=metadata)


def _verdict(conversation: Conversation, source: Mapping[str, str]) -> Any:
    metadata = {**source, "stop": str(conversation.stop), "turns": str(conversation.turns)}
    verdict = str(conversation.verdict)
    return _feedback(VERDICT, verdict, source=_code("convsim"), rationale=conversation.detail, metadata=metadata)


def _feedback(name: str, value: Any, *, source: Any, rationale: str, metadata: Mapping[str, str]) -> Any:
    from mlflow.entities import Feedback

    said = {key: text for key, text in metadata.items() if text}
    return Feedback(name=name, value=value, source=source, rationale=_cut(rationale) or None, metadata=said)


def _code(name: str) -> Any:
    from mlflow.entities import AssessmentSource

    return AssessmentSource(source_type="CODE", source_id=name)


def _model(name: str) -> Any:
    from mlflow.entities import AssessmentSource

    return AssessmentSource(source_type="LLM_JUDGE", source_id=name)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
