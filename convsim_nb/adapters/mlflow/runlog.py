"""What MLflow is told of a run: parameters, tags, the test cases as its dataset, metrics, files."""

import hashlib
import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from convsim_nb.adapters.case_files import as_yaml
from convsim_nb.adapters.mlflow.store import Destination
from convsim_nb.analysis.summary import RunSummary
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.dataset import DATASET, DatasetRef
from convsim_nb.domain.errors import StoreError
from convsim_nb.domain.events import AgentRef, RunSettings, RunStarted

RUN_ID_TAG = "convsim.run_id"
ADOPTED_TAG = "convsim.adopted"
"""On a run that we write into and did not make: its status is not ours to set."""
PARENT_TAG = "mlflow.parentRunId"
EVENTS, TRANSCRIPTS, CASES, REPORT = "events.jsonl", "transcripts.jsonl", "cases.yaml", "report.html"
_PARAMS_AT_ONCE = 100


def start(destination: Destination, event: RunStarted, *, parent: str | None = None) -> str:
    """Make the MLflow run and tell it all that is known beforehand; gives its id. MLflow's active run stays."""
    tags = {**_tags(event), **({PARENT_TAG: parent} if parent else {})}
    made = destination.client.create_run(
        destination.experiment_id,
        start_time=round(event.started_at.timestamp() * 1000),  # also of a run that is pushed long after
        run_name=event.run_name or event.run_id,
        tags=tags,
    )
    run_id: str = made.info.run_id
    _log(destination, run_id, params=_params(event.agent, event.settings))
    _log_inputs(destination, run_id, event)
    _link_prompts(destination, run_id, event.settings)
    return run_id


def adopt(destination: Destination, run_id: str, event: RunStarted, *, shared: bool = False) -> None:
    """Tell a run that somebody else made what is known beforehand; its name, status and parameters stay.

    A `shared` one has a dataset of its own, and may hold an earlier simulation.

    Raises:
        StoreError: it holds another simulation already.
    """
    client = destination.client
    data = client.get_run(run_id).data
    before = data.tags.get(RUN_ID_TAG)
    if before not in (None, event.run_id) and not shared:
        raise StoreError(f"MLflow's run {run_id} holds simulation {before} already: give parent_run_id, or another run")
    params = _params(event.agent, event.settings)
    _log(destination, run_id, params={name: value for name, value in params.items() if name not in data.params})
    for name, value in {**event.tags, RUN_ID_TAG: event.run_id, ADOPTED_TAG: "true"}.items():
        client.set_tag(run_id, name, value)
    _log_inputs(destination, run_id, event, dataset=not shared)
    _link_prompts(destination, run_id, event.settings)


def _log_inputs(destination: Destination, run_id: str, event: RunStarted, *, dataset: bool = True) -> None:
    """The test cases as the run's dataset, and the logged model that was under test as its model."""
    from mlflow.entities import LoggedModelInput
    from mlflow.exceptions import MlflowException

    if dataset:
        destination.client.log_inputs(run_id, datasets=[_dataset(event)])
    if event.agent.model_id:
        try:
            destination.client.log_inputs(run_id, models=[LoggedModelInput(event.agent.model_id)])
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":  # it was logged to another store: the traces name it
                raise


def log_metrics(destination: Destination, run_id: str, metrics: Mapping[str, float]) -> None:
    """Write the numbers of a run, under their names."""
    _log(destination, run_id, metrics=metrics)


def log_files(
    destination: Destination,
    run_id: str,
    *,
    cases: Iterable[TestCase],
    conversations: Iterable[Conversation],
    events: Path | None,
    report: str | None,
) -> None:
    """Write the files of a run: cases, transcripts with one conversation a line, events, report."""
    client = destination.client
    client.log_text(run_id, as_yaml(cases), CASES)
    with tempfile.TemporaryDirectory() as folder:  # not one text in memory: there may be thousands
        transcripts = Path(folder) / TRANSCRIPTS
        with transcripts.open("w", encoding="utf-8") as file:
            file.writelines(f"{one.model_dump_json()}\n" for one in conversations)
        client.log_artifact(run_id, str(transcripts))
    if events is not None and events.exists():
        client.log_artifact(run_id, str(events))
    if report is not None:
        client.log_text(run_id, report, REPORT)


def metrics_of(summary: RunSummary) -> dict[str, float]:
    """The numbers of a run by their names in MLflow; what is not known is left out."""
    numbers: dict[str, float | None] = {
        "reach_rate": summary.rate,
        "reach_rate_low": summary.low,
        "reach_rate_high": summary.high,
        "conversations": summary.total,
        "reached": summary.reached,
        "not_reached": summary.not_reached,
        "void": summary.void,
        "assisted": summary.assisted,
        "corrections": summary.corrections,
        "turns_mean": summary.mean_turns,
        "agent_seconds_p50": summary.agent_p50,
        "agent_seconds_p95": summary.agent_p95,
        "cost": summary.cost if summary.usage else None,
    }
    for spender, usage in summary.usage.items():
        numbers[f"tokens_{spender}"] = usage.input_tokens + usage.output_tokens
        numbers[f"calls_{spender}"] = usage.calls
        numbers[f"cost_{spender}"] = usage.cost
    return {name: float(number) for name, number in numbers.items() if number is not None}


def _tags(event: RunStarted) -> dict[str, str]:
    from mlflow.tracking.context.registry import resolve_tags

    own = {
        RUN_ID_TAG: event.run_id,
        # Where MLflow's UI lists evaluations; and its client prints no links to stdout for these.
        "mlflow.runType": "genai_evaluate",
    }
    if event.agent.git_commit:
        own["mlflow.source.git.commit"] = event.agent.git_commit
    return {str(key): str(value) for key, value in resolve_tags({**event.tags, **own}).items()}


def _params(agent: AgentRef, settings: RunSettings) -> dict[str, str]:
    told = settings.model_dump(exclude={"prompts"})
    about = {"agent": agent.name, "agent_source_hash": agent.source_hash, "git_commit": agent.git_commit}
    prompts = {f"prompt.{name}": version for name, version in settings.prompts.items()}
    return {name: str(value) for name, value in {**about, **told, **prompts}.items() if value not in ("", {}, None)}


def _link_prompts(destination: Destination, run_id: str, settings: RunSettings) -> None:
    """The run of prompts out of MLflow's registry shows on their page."""
    for version in settings.prompts.values():
        if version.startswith("prompts:/"):
            destination.client.link_prompt_version_to_run(run_id, version)


def _dataset(event: RunStarted) -> Any:
    """The cases as the run's input: the dataset of MLflow's that they are of, else those in the run's own file."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    told = event.tags.get(DATASET)
    ref = DatasetRef.model_validate_json(told) if told else _own_dataset(event.cases)
    return DatasetInput(dataset=Dataset(**ref.model_dump()), tags=[InputTag("mlflow.data.context", "evaluation")])


def _own_dataset(cases: Iterable[TestCase]) -> DatasetRef:
    digests = {case.case_id: case.digest for case in cases}
    return DatasetRef(
        name="test_cases",
        digest=hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:8],
        source_type="convsim",
        source=json.dumps({"artifact": CASES}),
        profile=json.dumps({"num_rows": len(digests)}),
    )


def _log(
    destination: Destination,
    run_id: str,
    *,
    params: Mapping[str, str] | None = None,
    metrics: Mapping[str, float] | None = None,
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    destination.client.log_batch(
        run_id,
        params=[Param(name, value) for name, value in (params or {}).items()][:_PARAMS_AT_ONCE],
        metrics=[Metric(name, value, now, 0) for name, value in (metrics or {}).items()],
    )
