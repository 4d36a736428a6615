"""Test cases in MLflow's evaluation datasets: there MLflow's own simulator can play them, and nothing of them is lost.

A record's `inputs` and `expectations` are what MLflow reads. The whole cases stand in its tags, and their places
with them: MLflow keeps records in no order, and makes one of two whose inputs are alike.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.mlflow.store import Destination, knock, pin, store_errors
from convsim_nb.domain.case import Source, TestCase, guidelines_of
from convsim_nb.domain.dataset import DatasetRef
from convsim_nb.domain.errors import CaseError, NotFoundError, StoreError
from convsim_nb.domain.session import Session
from convsim_nb.domain.style import style_lines

if TYPE_CHECKING:
    from mlflow.genai.datasets import EvaluationDataset

CASES_TAG = "convsim.cases"
"""The cases of a record as JSON, each with its place in the set."""
TRACE_TAG = "trace_id"
"""The tag of a case that came from a record with a source trace: where MLflow keeps it, it is the record's source."""
_OWN_TAGS = {CASES_TAG, "mlflow.user"}
_AT_ONCE = 500
_SHOWN = 5
_ID = re.compile(r"d-[0-9a-f]{32}")


@dataclass
class _Entry:
    """A record: what MLflow reads, and the cases that it stands for, each with its place."""

    inputs: dict[str, Any]
    expectations: dict[str, Any]
    cases: list[tuple[int, TestCase]]
    record_id: str = ""
    ours: bool = True
    created: Any = 0
    tags: dict[str, str] = field(default_factory=dict)


def write_dataset(
    cases: Sequence[TestCase],
    name: str,
    *,
    replace: bool = False,
    experiment: str | None = None,
    sessions: Sequence[Session] = (),
) -> "EvaluationDataset":
    """Put cases into the dataset of a name, which is made where there is none; gives the dataset.

    It is listed with the experiment that is named, else with those that the `sessions` were recorded in; a new one
    of which neither is known with the active one.

    A case that is in it takes the place of its earlier self; what else is in it stays, and is named on stderr.
    With `replace`, other cases of ours are removed; records that are not ours stay.

    Raises:
        StoreError: the store failed, or several datasets have that name.
        CaseError: it holds what are no test cases.
    """
    with store_errors(_reached()):
        experiments = _experiments(experiment, sessions)
        known = _found(name)
        known = _made(name, experiments) if known is None else _listed_with(known, experiments)
        before = [entry for entry in _entries(known) if entry.ours]
        held = _after([] if replace else before, cases)
        todo = _grouped(held)
        same = {_key(entry) for entry in before if _key(entry) in todo and _value(todo[_key(entry)]) == _value(entry)}
        if stale := [entry.record_id for entry in before if _key(entry) not in same]:
            _delete(known, stale)  # a merge would leave what is no longer expected
        dataset = _found(name) or known  # MLflow 3.12 stumbles over a dataset that was read while it was empty
        records = [_record(entry) for key, entry in todo.items() if key not in same]
        for start in range(0, len(records), _AT_ONCE):
            dataset = dataset.merge_records(records[start : start + _AT_ONCE])
    _tell_of_others([case.case_id for _, case in held[len(cases) :]], name)
    return dataset


def read_dataset(dataset: "str | EvaluationDataset") -> tuple[list[TestCase], DatasetRef | None]:
    """The cases of a dataset, by its name, its id or itself: ours in the order of their set, then MLflow's own.

    What was edited in MLflow since goes before what the tags say. Beside them, what MLflow calls the dataset.

    Raises:
        NotFoundError: no dataset of that name.
        StoreError: the store failed, or several datasets have that name.
        CaseError: it holds what are no test cases.
    """
    if isinstance(dataset, str):
        with store_errors(_reached()):
            found = _found(dataset)
        if found is None:
            raise NotFoundError(f"no dataset {dataset!r} in MLflow: see mlflow.genai.datasets.search_datasets()")
        dataset = found
    with store_errors(pin().tracking_uri):
        entries = _entries(dataset)
    ours = sorted((place, case.case_id, case) for entry in entries if entry.ours for place, case in entry.cases)
    theirs = sorted((entry for entry in entries if not entry.ours), key=lambda entry: (entry.created, entry.record_id))
    return [*(case for *_, case in ours), *(case for entry in theirs for _, case in entry.cases)], _ref(dataset)


def _ref(dataset: "EvaluationDataset") -> DatasetRef | None:
    """What MLflow logs as a run's input; None where a release of Databricks' client does not tell it."""
    with store_errors(pin().tracking_uri):
        told = {name: getattr(dataset, name, None) for name in ("digest", "source_type", "profile")}
        source = getattr(dataset, "source", None)
    if source is None or not told["digest"] or not told["source_type"]:
        return None
    known = {name: str(value) for name, value in told.items() if value}
    return DatasetRef(name=str(dataset.name), source=source.to_json(), **known)


def is_dataset(value: object) -> bool:
    """Whether this is a dataset of MLflow's: the public class, or the record behind it."""
    return any(
        kind.__name__ == "EvaluationDataset" and kind.__module__.startswith("mlflow.") for kind in type(value).mro()
    )


# --- finding -------------------------------------------------------------------------


def _reached() -> str:
    uri = pin().tracking_uri
    knock(uri)
    return uri


def _found(name: str) -> "EvaluationDataset | None":
    """The one dataset of a name; never a second is made, for then MLflow finds neither."""
    from mlflow.exceptions import MlflowException
    from mlflow.genai.datasets import get_dataset

    try:
        found: EvaluationDataset = get_dataset(dataset_id=name) if _ID.fullmatch(name) else get_dataset(name=name)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        if "Multiple datasets" in str(error):
            raise StoreError(f"MLflow has several datasets named {name!r}: {_ids(name)}: name one by its id") from None
        raise
    except Exception as error:
        # Unity Catalog's client raises errors of its own, told apart by their words alone.
        if re.search(r"not.?found|does.?not.?exist", f"{type(error).__name__} {error}", re.IGNORECASE):
            return None
        raise StoreError(f"dataset {name!r} cannot be read: {type(error).__name__}: {error}") from error
    return found


def _experiments(experiment: str | None, sessions: Iterable[Session]) -> list[str]:
    """The ids of the experiments that a dataset belongs to, as far as they are known."""
    if experiment is not None:
        return [pin(experiment).reach().experiment_id]
    recorded = {
        str(one.metadata["experiment_id"]): one.trace_ids for one in sessions if "experiment_id" in one.metadata
    }
    return [each for each, traces in recorded.items() if traces and _holds(each, traces[0])]


def _holds(experiment_id: str, trace_id: str) -> bool:
    """Whether it is in the current store that the trace lies in that experiment: ids of another may mean others."""
    from mlflow.exceptions import MlflowException

    try:
        info = Destination(pin().tracking_uri, "").tracing.get_trace_info(trace_id)
    except MlflowException:
        return False
    return str(info.experiment_id) == experiment_id


def _made(name: str, experiments: list[str]) -> "EvaluationDataset":
    from mlflow.genai.datasets import create_dataset

    made: EvaluationDataset = create_dataset(name=name, experiment_id=experiments or None)
    return made


def _listed_with(dataset: "EvaluationDataset", experiments: list[str]) -> "EvaluationDataset":
    """The dataset, with these experiments among its own; Databricks has datasets of no experiment."""
    if experiments and not pin().tracking_uri.startswith("databricks"):
        from mlflow import MlflowClient

        if new := [each for each in experiments if each not in dataset.experiment_ids]:
            MlflowClient().add_dataset_to_experiments(dataset.dataset_id, new)
    return dataset


def _delete(dataset: "EvaluationDataset", record_ids: list[str]) -> None:
    try:
        dataset.delete_records(record_ids)
    except NotImplementedError:
        raise StoreError(
            f"this MLflow deletes no records of dataset {dataset.name!r}, and cases in it have changed: "
            "save them under another name, or upgrade MLflow"
        ) from None


def _ids(name: str) -> str:
    from mlflow.genai.datasets import search_datasets

    quoted = name.replace("'", "''")
    return ", ".join(str(one.dataset_id) for one in search_datasets(filter_string=f"name = '{quoted}'"))


# --- writing -------------------------------------------------------------------------


def _after(before: Iterable[_Entry], cases: Sequence[TestCase]) -> list[tuple[int, TestCase]]:
    """All cases of ours that the dataset will hold, with their places."""
    saved = {case.case_id for case in cases}
    kept = [(place, case) for entry in before for place, case in entry.cases if case.case_id not in saved]
    return [*enumerate(cases), *kept]


def _tell_of_others(case_ids: Sequence[str], name: str) -> None:
    """Say what a set does not hold and its dataset does: a file of the same name would hold it no longer."""
    if not case_ids:
        return
    shown = ", ".join([*case_ids[:_SHOWN], *(["..."] if len(case_ids) > _SHOWN else [])])
    cases = "1 case that is" if len(case_ids) == 1 else f"{len(case_ids)} cases that are"
    sys.stderr.write(
        f"convsim: dataset {name!r} keeps {cases} not in this set ({shown}): "
        f"to remove them, cases.to_dataset({name!r}, replace=True)\n"
    )


def _grouped(placed: Iterable[tuple[int, TestCase]]) -> dict[str, _Entry]:
    """A record for each kind of inputs, with its cases in their order."""
    entries: dict[str, _Entry] = {}
    for place, case in sorted(placed, key=lambda one: (one[0], one[1].case_id)):
        fields = case.as_mlflow()
        expectations = fields.pop("expectations", {})
        entry = _Entry(fields, expectations, [], tags={name: str(value) for name, value in case.tags.items()})
        entries.setdefault(_key(entry), entry).cases.append((place, case))
    return entries


def _key(entry: _Entry) -> str:
    return json.dumps(entry.inputs, sort_keys=True, ensure_ascii=False)


def _value(entry: _Entry) -> str:
    """What a record says beside its inputs."""
    return f"{json.dumps(entry.expectations, sort_keys=True)} {_tagged(entry.cases)}"


def _tagged(cases: Iterable[tuple[int, TestCase]]) -> str:
    return json.dumps([{"place": place, "case": case.as_mapping()} for place, case in cases], ensure_ascii=False)


def _record(entry: _Entry) -> dict[str, Any]:
    case = entry.cases[0][1]
    record: dict[str, Any] = {"inputs": entry.inputs, "tags": {**entry.tags, CASES_TAG: _tagged(entry.cases)}}
    if entry.expectations:
        record["expectations"] = entry.expectations
    session = {"session_id": case.source.session_id} if case.source else {}
    trace = {"trace_id": case.tags[TRACE_TAG]} if TRACE_TAG in case.tags else {}
    if session or trace:
        record["source"] = {"source_type": "TRACE", "source_data": {**session, **trace}}
    return record


# --- reading -------------------------------------------------------------------------


def _entries(dataset: "EvaluationDataset") -> list[_Entry]:
    rows: Sequence[Mapping[Any, Any]] = dataset.to_df().to_dict("records")
    return [_entry(row, name=str(dataset.name)) for row in rows]


def _entry(row: Mapping[Any, Any], *, name: str) -> _Entry:
    inputs, expectations, tags = _object(row, "inputs"), _object(row, "expectations"), _object(row, "tags")
    if "goal" not in inputs:
        held = ", ".join(map(str, inputs)) or "nothing"
        raise CaseError(f"dataset {name!r} holds records of {held}: a test case needs a goal")
    ours = [(int(one["place"]), TestCase.model_validate(one["case"])) for one in json.loads(tags.get(CASES_TAG, "[]"))]
    cases = list(_edited(ours, inputs, expectations)) or [(0, _theirs(inputs, expectations, tags, row.get("source")))]
    return _Entry(
        inputs=inputs,
        expectations=expectations,
        cases=cases,
        record_id=str(row.get("dataset_record_id") or ""),
        ours=bool(ours),
        created=row.get("created_time") or row.get("create_time") or 0,
        tags={key: str(value) for key, value in tags.items() if key not in _OWN_TAGS},
    )


def _object(row: Mapping[Any, Any], column: str) -> dict[str, Any]:
    """What a column holds: Unity Catalog gives some as JSON, and missing ones as NaN."""
    value = row.get(column)
    value = json.loads(value) if isinstance(value, str) else value
    return dict(value) if isinstance(value, Mapping) else {}


def _theirs(
    inputs: Mapping[str, Any], expectations: Mapping[str, Any], tags: Mapping[str, Any], source: Any
) -> TestCase:
    told = (
        getattr(source, "source_data", None) or (source.get("source_data") if isinstance(source, Mapping) else {}) or {}
    )
    own = {name: str(value) for name, value in tags.items() if name not in _OWN_TAGS}
    trace = {TRACE_TAG: str(told["trace_id"])} if told.get("trace_id") else {}
    session = Source(session_id=str(told["session_id"])) if told.get("session_id") else None
    return TestCase.model_validate(
        {**inputs, "expectations": expectations, "tags": {**own, **trace}, "source": session}
    )


def _edited(
    placed: Sequence[tuple[int, TestCase]], inputs: Mapping[str, Any], expectations: Mapping[str, Any]
) -> Iterator[tuple[int, TestCase]]:
    """The cases of the tags, with what was changed in the record since."""
    first = placed[0][1] if placed else None
    # Records of earlier versions hold what a model proposed, too.
    written = (first.expected, dict(first.expectations)) if first else ()
    for place, case in placed:
        changes = _changes(case, inputs)
        if expectations not in written:
            proposed = {name: case.expectations[name] for name in case.proposed if name in case.expectations}
            changes["expectations"] = {**proposed, **expectations}
            changes["proposed"] = tuple(
                name for name in case.proposed if expectations.get(name, proposed.get(name)) == proposed.get(name)
            )
        yield place, case.edited(**changes) if changes else case


def _changes(case: TestCase, inputs: Mapping[str, Any]) -> dict[str, Any]:
    written = case.as_mlflow()
    fields = ("goal", "persona", "context")
    changes = {name: inputs.get(name) for name in fields if inputs.get(name) != written.get(name)}
    lines = inputs.get("simulation_guidelines") or []
    lines = [lines] if isinstance(lines, str) else list(lines)
    return changes if tuple(lines) == guidelines_of(case) else {**changes, **_relined(case, lines)}


def _relined(case: TestCase, lines: Sequence[str]) -> dict[str, Any]:
    """Facts, withheld ones and style whose lines are still there, and what else is there as guidelines."""
    told = guidelines_of(case)[len(case.simulation_guidelines) :]
    facts = dict(zip(told, case.facts, strict=False))
    withheld = dict(zip(told[len(case.facts) :], case.withheld, strict=False))
    style = style_lines(case.style) if case.style else ()
    known = {*facts, *withheld, *style}
    return {
        "facts": tuple(fact for line, fact in facts.items() if line in lines),
        "withheld": tuple(hidden for line, hidden in withheld.items() if line in lines),
        "style": case.style if all(line in lines for line in style) else None,
        "simulation_guidelines": tuple(line for line in lines if line not in known),
    }
