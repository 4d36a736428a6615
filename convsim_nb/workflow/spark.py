"""What a run on Spark is made of: checked before it begins, divided into boxes, packed for the workers."""

import math
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from convsim_nb.adapters import spark as cluster
from convsim_nb.adapters.segments import takes_append
from convsim_nb.adapters.spool import new_go
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import StoreError, UsageError
from convsim_nb.domain.state import RunState
from convsim_nb.engine.trial import Trial
from convsim_nb.workflow.plan import Plan
from convsim_nb.workflow.spark_worker import BoxOrder, Order, Part

_WAVES = 4
"""Boxes that each slot plays, one after the other: a worker that dies takes that much less with it."""
_LEAST = 1e-9
"""US dollars: a budget that is used up."""
_SENT = (
    "user_model",
    "judge_model",
    "user_llm_params",
    "judge_llm_params",
    "user",
    "max_turns",
    "trials",
    "goal_check",
    "judge_check",
    "guards",
    "script_then",
    "agent_history",
    "agent_threads",
    "stateful",
    "agent_timeout",
    "agent_retries",
    "model_timeout",
    "redact",
)
"""The options that matter where conversations are played."""


@dataclass(frozen=True)
class Deployment:
    """Where a run plays, and what is sent there: all that can be checked before it begins."""

    spark: Any
    folder: Path
    """Shared by driver and workers, the run's own."""
    append: bool
    partitions: int | None
    sent: bytes


def deployment(planned: Plan, *, folder: Path | None) -> Deployment:
    """Check what a run on Spark needs, and pack what its workers get. `folder` is the run's own.

    Raises:
        StoreError: the shared folder cannot be written to.
        UsageError: an option cannot be had on Spark, or something does not pickle.
    """
    given, spark = planned.options, planned.options["on"]
    cluster.refuse_no_session(spark)
    if cluster.setting(spark, "spark.speculation") == "true":
        raise UsageError("spark.speculation is on, which plays conversations twice: set it to false for this session")
    shared = _shared(spark, given["shared"], folder, run_id=planned.started.run_id)
    try:
        append = takes_append(shared)
    except OSError as error:
        raise StoreError(f"the shared folder {shared} cannot be written to: {error}; give another") from None
    prompts = {name: prompt.text for name, prompt in planned.prompts.items()} or None
    options = {name: given[name] for name in _SENT}  # type: ignore[literal-required]
    options |= {"agent_name": planned.started.agent.name, "prompts": prompts}
    parts = {name: value for name, value in options.items() if value is not None and not isinstance(value, str)}
    cluster.pickled({"the agent": planned.asked, **parts})  # by name, so that an error says which
    sent = cluster.pickled({"agent": planned.asked, "options": options})
    return Deployment(spark, shared, append, given["partitions"], sent)


def _shared(spark: Any, given: str | os.PathLike[str] | None, folder: Path | None, *, run_id: str) -> Path:
    if given is not None:
        return Path(given).absolute() / run_id
    if not cluster.is_local(spark) or folder is None:
        why = "the run keeps no journal" if folder is None else "its workers are other machines"
        raise UsageError(
            f"on=spark: {why}: give shared=FOLDER that driver and workers both see, such as /Volumes/main/default/runs"
        )
    return (folder / "spark").absolute()


# --- dividing ------------------------------------------------------------------------


def ordered(planned: Plan, on: Deployment, *, trials: Sequence[Trial], state: RunState) -> Order:
    """The conversations in boxes, for workers, each with its share of what may be spent; a new folder is begun.

    Raises:
        OSError: the shared folder cannot be written to.
    """
    given, slots = planned.options, cluster.slots(on.spark)
    boxes = _boxes(len(trials), slots=slots, concurrency=given["concurrency"], partitions=on.partitions)
    at_once = min(slots, boxes)
    tracking_uri, registry_uri = _uris(planned, local=cluster.is_local(on.spark))
    seconds = given["max_seconds"]
    return Order(
        folder=str(new_go(on.folder)),
        append=on.append,
        started=planned.started.model_copy(update={"cases": ()}).model_dump_json(),
        boxes=tuple(
            _box(trials[box::boxes], of=len(trials), planned=planned, spent=state.spent) for box in range(boxes)
        ),
        sent=on.sent,
        concurrency=max(1, given["concurrency"] // at_once),
        traced=given["mlflow"],
        until=None if seconds is None else planned.started.started_at.timestamp() + seconds,
        home=str(Path.cwd()) if cluster.is_local(on.spark) else None,
        tracking_uri=tracking_uri,
        registry_uri=registry_uri,
    )


def _boxes(trials: int, *, slots: int, concurrency: int, partitions: int | None) -> int:
    """How many boxes: so small that a dead worker takes little with it, and large enough to keep a slot busy."""
    if partitions is not None:
        return min(partitions, trials)
    full = math.ceil(trials / max(1, concurrency // slots))
    return min(trials, max(slots, min(slots * _WAVES, full)))


def _box(trials: Sequence[Trial], *, of: int, planned: Plan, spent: Usage) -> BoxOrder:
    cases = {trial.case.case_id: trial.case for trial in trials}
    given, share = planned.options, len(trials) / of
    tokens, cost = given["max_tokens"], given["max_cost"]
    used = spent.input_tokens + spent.output_tokens
    return BoxOrder(
        cases=tuple(case.model_dump_json() for case in cases.values()),
        parts=tuple(Part(trial.key, trial.case.case_id, trial.trial, trial.attempt) for trial in trials),
        max_cost=None if cost is None else max(_LEAST, (cost - (spent.cost or 0.0)) * share),
        max_tokens=None if tokens is None else max(1, int((tokens - used) * share)),
    )


def divided(order: Order) -> str:
    """What the dividing does to a budget, in a line; empty where there is none."""
    first, many = order.boxes[0], len(order.boxes)
    shares = [
        *([f"{first.max_cost:.4g} USD"] if first.max_cost is not None else []),
        *([f"{first.max_tokens} tokens"] if first.max_tokens is not None else []),
    ]
    if not shares or many == 1:
        return ""
    return (
        f"the budget is divided: each of {many} partitions may spend {' and '.join(shares)}, "
        "and what one leaves over goes to no other"
    )


def _uris(planned: Plan, *, local: bool) -> tuple[str | None, str | None]:
    """MLflow's tracking and registry as workers reach them: no file of this machine, and no password."""
    if not planned.options["mlflow"] and "mlflow" not in sys.modules:
        return None, None
    import mlflow

    from convsim_nb.adapters.mlflow.store import pin

    tracking, registry = pin().tracking_uri, mlflow.get_registry_uri()
    own = None if registry == mlflow.get_tracking_uri() else registry
    return _reached(tracking, local=local), _reached(own, local=local) if own else None


def _reached(uri: str, *, local: bool) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return uri if local or uri.startswith("databricks") else None
