"""MLflow's scorers on conversations that were had: none of them asks the agent again."""

import inspect
import json
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from convsim_nb.adapters.mlflow.bulk import takes_many
from convsim_nb.adapters.mlflow.quiet import untraced
from convsim_nb.adapters.mlflow.store import Destination, pin, store_errors
from convsim_nb.adapters.mlflow.tracing import returned
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.domain.score import Score, name_fault, value_fault
from convsim_nb.domain.secrets import masked

_SESSION = "mlflow.trace.session"


class Said(NamedTuple):
    """One value of a scorer, and the assessment that MLflow keeps of it."""

    score: Score
    feedback: Any
    """Its `trace_id` says where it belongs."""


@dataclass(frozen=True)
class Scored:
    """A conversation as MLflow's scorers see it."""

    conversation: Conversation
    traces: Sequence[Any]
    """In turn order, with their spans."""
    expectations: Mapping[str, Any]


def is_scorer(value: object) -> bool:
    """Whether it is a scorer of MLflow's, or the class of one."""
    kind = value if inspect.isclass(value) else type(value)
    return any(each.__module__ == "mlflow.genai.scorers.base" and each.__name__ == "Scorer" for each in kind.__mro__)


def named_scorer(name: str) -> Any:
    """MLflow's built-in scorer class of a name, however it is written; None where there is none."""
    from mlflow.genai import scorers

    wanted = name.replace("_", "").lower()
    found = [each for each in dir(scorers) if each.lower() == wanted and is_scorer(getattr(scorers, each))]
    return getattr(scorers, found[0]) if found and found[0] != "Scorer" else None


def builtin_names() -> list[str]:
    """The names of MLflow's built-in scorers."""
    from mlflow.genai import scorers

    kinds = {each: getattr(scorers, each) for each in dir(scorers)}
    return [name for name, kind in kinds.items() if inspect.isclass(kind) and is_scorer(kind) and name != "Scorer"]


def registered_scorer(name: str, destination: Destination) -> Any:
    """The scorer that was registered under a name in the run's experiment; None where there is none."""
    from mlflow.exceptions import MlflowException
    from mlflow.genai.scorers import get_scorer

    try:
        return get_scorer(name=name, experiment_id=destination.experiment_id)
    except (MlflowException, NotImplementedError):
        return None


def registered_in(experiment: str | None, name: str) -> bool:
    """Whether an experiment, by default the active one, has a scorer of that name; one yet to be made has none."""
    from mlflow import MlflowClient

    from convsim_nb.adapters.mlflow.search import experiment_of

    store = pin(experiment)
    with store_errors(store.tracking_uri):
        try:
            found = experiment_of(MlflowClient(tracking_uri=store.tracking_uri), store)
        except NotFoundError:
            return False
        return registered_scorer(name, Destination(store.tracking_uri, str(found.experiment_id))) is not None


def reads_expectations(scorer: Any) -> bool:
    """Whether a scorer asks for what was expected."""
    return "expectations" in inspect.signature(scorer.__call__).parameters


def judge_model(scorer: Any) -> str | None:
    """The URI of the model that a scorer asks; None where it asks none."""
    if "model" not in type(scorer).model_fields and not isinstance(getattr(type(scorer), "model", None), property):
        return None
    if given := scorer.model:
        return str(given)
    from mlflow.genai.judges.utils import get_default_model

    return str(get_default_model())


def stored_traces(destination: Destination, trace_ids: Sequence[str]) -> dict[str, Any]:
    """Traces with spans and assessments, by id; those that the store does not know are left out.

    Raises:
        StoreError: the store failed.
    """
    found: dict[str, Any] = {}
    with store_errors(destination.tracking_uri):
        if takes_many(destination.tracing.store):  # in one query: MLflow's client asks for ten at a time
            found = {each.info.trace_id: each for each in destination.tracing.store.batch_get_traces(list(trace_ids))}
        if rest := [each for each in trace_ids if each not in found]:
            found |= {each.info.trace_id: each for each in destination.tracing.batch_get_traces(rest)}
    return found


def run_scorers(scorers: Sequence[Any], every: Sequence[Scored], *, concurrency: int) -> list[Said]:
    """What the scorers say of each conversation, those of single turns of each answered turn.

    A scorer that raises has no value there, and its error instead.
    """
    calls = [call for each in every for scorer in scorers for call in _calls(scorer, each)]
    pool = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="convsim-scorer")
    try:
        return [said for found in pool.map(lambda call: call(), calls) for said in found]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _calls(scorer: Any, scored: Scored) -> Iterator[Callable[[], list[Said]]]:
    if not scored.traces:
        return
    if scorer.is_session_level_scorer:
        given = {"session": list(scored.traces), "expectations": dict(scored.expectations)}
        yield partial(_asked, scorer, scored.conversation, scored.traces[0], None, given)
        return
    for place, trace in enumerate(scored.traces, start=1):
        root = next((span for span in trace.data.spans if span.parent_id is None), None)
        if root is None or root.outputs is None:  # the agent failed: there is no answer to score
            continue
        given = {"inputs": root.inputs, "outputs": returned(root), "trace": trace}
        given["expectations"] = dict(scored.expectations)
        yield partial(_asked, scorer, scored.conversation, trace, _turn(trace, place), given)


def _turn(trace: Any, place: int) -> int:
    told = str(trace.info.trace_metadata.get("mlflow.simulation.turn", ""))
    return int(told) + 1 if told.isdigit() else place


def _asked(
    scorer: Any, conversation: Conversation, trace: Any, turn: int | None, given: Mapping[str, Any]
) -> list[Said]:
    try:
        with untraced():
            feedbacks = _feedbacks(scorer, scorer.run(**given))
    except Exception as error:  # noqa: BLE001 - a scorer is anybody's code: what it raises stands in its place
        feedbacks = [_failed(scorer, error)]
    metadata = {_SESSION: conversation.session_id} if turn is None else {}
    root = next((span.span_id for span in trace.data.spans if span.parent_id is None), None)
    for each in feedbacks:
        if each.error:
            each.error.error_message = masked(each.error.error_message or "") or None
            each.error.stack_trace = masked(each.error.stack_trace or "") or None
        each.trace_id, each.span_id = trace.info.trace_id, root  # Databricks shows those of the root span
        each.metadata = {**(each.metadata or {}), **metadata}
    _note_scorer(scorer, feedbacks)
    return [Said(_score(each, conversation.key, turn), each) for each in feedbacks]


def _feedbacks(scorer: Any, value: Any) -> list[Any]:
    """Whatever a scorer may return, as a list of feedback with the names that MLflow gives them.

    Raises:
        UsageError: it gave a value a name that nothing can be scored under.
    """
    from mlflow.genai.evaluation.utils import standardize_scorer_value

    found = list(standardize_scorer_value(scorer.name, value))
    for each in found:
        if each.name != scorer.name and (fault := name_fault(each.name)):
            raise UsageError(fault)
    return [_sound(each) for each in found]


def _sound(feedback: Any) -> Any:
    """The same; one of no number, which no store and no page can show, as an error."""
    from mlflow.entities import AssessmentError, Feedback

    fault = value_fault(feedback.value)
    if fault is None:
        return feedback
    return Feedback(name=feedback.name, source=feedback.source, error=AssessmentError("SCORER_ERROR", fault))


def _failed(scorer: Any, error: Exception) -> Any:
    from mlflow.entities import AssessmentError, Feedback

    told = AssessmentError(
        "SCORER_ERROR", f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
    )
    return Feedback(name=scorer.name, source=_code(scorer.name), error=told)


def _note_scorer(scorer: Any, feedbacks: Sequence[Any]) -> None:
    """Which scorer it was, and which version of it, as far as the installed MLflow tells them apart."""
    from mlflow.genai.evaluation import utils

    if note := getattr(utils, "add_scorer_metadata", None):  # since 3.13
        note(scorer, feedbacks)


def _score(feedback: Any, key: str, turn: int | None) -> Score:
    value = getattr(feedback.value, "value", feedback.value)  # MLflow's ratings are an enumeration
    plain = value if value is None or isinstance(value, int | float | bool | str) else json.dumps(value, default=str)
    error = " ".join(str(feedback.error.error_message or feedback.error.error_code).split()) if feedback.error else ""
    return Score(
        key=key, name=feedback.name, value=plain, rationale=feedback.rationale or "", turn=turn, error=error[:500]
    )


def _code(name: str) -> Any:
    from mlflow.entities import AssessmentSource

    return AssessmentSource(source_type="CODE", source_id=name)
