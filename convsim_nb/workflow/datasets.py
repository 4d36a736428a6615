"""Test cases kept in MLflow's evaluation datasets, by name: `mlflow:support-cases`."""

from collections.abc import Sequence
from typing import Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.dataset import DatasetRef
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Session

SCHEME = "mlflow:"
"""What a dataset's name begins with where a file's could stand; on Databricks it is `mlflow:catalog.schema.table`."""


def names_dataset(source: object) -> bool:
    """Whether this is a dataset: by name, or MLflow's own object."""
    if isinstance(source, str):
        return source.startswith(SCHEME)
    if not type(source).__module__.startswith("mlflow."):
        return False
    from convsim_nb.adapters.mlflow.datasets import is_dataset

    return is_dataset(source)


def save_dataset(
    cases: Sequence[TestCase],
    name: str,
    *,
    replace: bool = False,
    experiment: str | None = None,
    sessions: Sequence[Session] = (),
) -> Any:
    """Put cases into MLflow's dataset of a name, and give the dataset; see `CaseSet.to_dataset`."""
    from convsim_nb.adapters.mlflow.datasets import write_dataset

    return write_dataset(cases, _plain(name), replace=replace, experiment=experiment, sessions=sessions)


def dataset_cases(source: Any) -> tuple[list[TestCase], DatasetRef | None]:
    """The cases of MLflow's dataset, by name or the dataset itself; and what MLflow calls it.

    Raises:
        NotFoundError: no dataset of that name.
        StoreError: the store failed.
        CaseError: it holds what are no test cases.
    """
    from convsim_nb.adapters.mlflow.datasets import read_dataset

    return read_dataset(_plain(source) if isinstance(source, str) else source)


def _plain(name: str) -> str:
    plain = name.removeprefix(SCHEME).strip()
    if not plain:
        raise UsageError(f"{name!r} names no dataset: write it like {SCHEME}support-cases")
    return plain
