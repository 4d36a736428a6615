"""Sets of test cases: read, kept, and turned into frames."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from convsim_nb.adapters.case_files import cases_in, read_cases, write_cases
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError
from convsim_nb.workflow.datasets import dataset_cases, names_dataset, save_dataset

if TYPE_CHECKING:
    import pandas as pd

Cases = "CaseSet | Iterable[TestCase | Mapping[str, Any]] | pd.DataFrame | str | Path"
_SHOWN = 8


class CaseSet(Sequence[TestCase]):
    """An ordered, immutable set of test cases; no two have one id.

    `problems` says in a line each what did not become a case, or what a case is doubted for.
    """

    def __init__(self, cases: Iterable[TestCase | Mapping[str, Any]] = (), *, problems: Iterable[str] = ()) -> None:
        self._cases = _distinct([_case(case) for case in cases])
        self.problems = tuple(problems)

    @overload
    def __getitem__(self, index: int) -> TestCase: ...
    @overload
    def __getitem__(self, index: slice) -> "CaseSet": ...
    @overload
    def __getitem__(self, index: str) -> TestCase: ...

    def __getitem__(self, index: int | slice | str) -> "TestCase | CaseSet":
        """A case by its place or its `case_id`; a slice is a set again."""
        if isinstance(index, slice):
            return CaseSet(self._cases[index], problems=self.problems)
        if isinstance(index, str):
            return self._by_id(index)
        return self._cases[index]

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[TestCase]:
        return iter(self._cases)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CaseSet) and self._cases == other._cases

    def __hash__(self) -> int:
        return hash(tuple(case.digest for case in self._cases))

    def __repr__(self) -> str:
        lines = [f"  {case.case_id}: {case.goal}" for case in self._cases[:_SHOWN]]
        more = [f"  ... and {len(self) - _SHOWN} more"] if len(self) > _SHOWN else []
        problems = [f"  {len(self.problems)} problems: see .problems"] if self.problems else []
        return "\n".join([f"CaseSet of {len(self)} test cases", *lines, *more, *problems])

    def _repr_html_(self) -> str:
        from convsim_nb.views.static_html import cases_html

        return cases_html(self._cases, self.problems)

    def save(self, path: str | Path) -> Path | str:
        """Write the cases to a file: .yaml, .yml, .json or .jsonl; or to MLflow's dataset `mlflow:NAME`.

        Gives back what `load_cases` takes.

        Raises:
            StoreError: it cannot be written, or the ending is not known.
        """
        if isinstance(path, str) and names_dataset(path):
            save_dataset(self._cases, path)
            return path
        write_cases(self._cases, Path(path))
        return Path(path)

    def to_dataset(self, name: str) -> Any:
        """Put the cases into MLflow's evaluation dataset of a name, which is made where there is none.

        MLflow's own simulator plays them from there, with facts and what is withheld as guidelines;
        `load_cases("mlflow:NAME")` gives them back whole. A case that is in it takes the place of its earlier
        self, and what else is in it stays. On Databricks the name is `catalog.schema.table`.

        Raises:
            StoreError: the store failed, or several datasets have that name.
            CaseError: the dataset holds what are no test cases.
        """
        return save_dataset(self._cases, name)

    def to_frame(self) -> "pd.DataFrame":
        """One row a case, a column a field of `TestCase`, `case_id` first; lists and mappings as they are."""
        import pandas as pd

        columns = ["case_id", *(name for name in TestCase.model_fields if name != "case_id")]
        return pd.DataFrame([case.model_dump(mode="json") for case in self._cases], columns=columns)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain mappings, as in a file; what is empty is left out."""
        return [case.as_mapping() for case in self._cases]

    def _by_id(self, case_id: str) -> TestCase:
        found = next((case for case in self._cases if case.case_id == case_id), None)
        if found is None:
            raise KeyError(f"no test case {case_id!r} among {len(self)}")
        return found


def load_cases(source: Any) -> CaseSet:
    """Read a file of test cases: .yaml, .yml, .json or .jsonl; or MLflow's dataset, by `mlflow:NAME` or itself.

    Raises:
        NotFoundError: no such file or dataset.
        CaseError: a case is not valid; its place in the file is named.
        StoreError: the file or the store cannot be read.
    """
    if names_dataset(source):
        return CaseSet(dataset_cases(source))
    return _numbered(read_cases(Path(source)), str(source))


def parse_cases(text: str, *, where: str = "the text") -> CaseSet:
    """Read test cases from YAML or JSON: a list of mappings; `where` names it in errors.

    Raises:
        CaseError: it is no such list, or a case is not valid; its place is named.
    """
    return _numbered(cases_in(text, where=where), where)


def as_cases(cases: Any) -> CaseSet:
    """A `CaseSet` of whatever may stand for one: a set, a list of cases or mappings, a DataFrame, a file's path.

    Raises:
        CaseError: there are none, one is not valid, or two have one id.
    """
    if isinstance(cases, CaseSet):
        found = cases
    elif isinstance(cases, str | Path) or names_dataset(cases):
        found = load_cases(cases)
    elif isinstance(cases, TestCase):
        found = CaseSet([cases])
    elif hasattr(cases, "to_dict") and hasattr(cases, "columns"):
        found = _numbered([_present(row) for row in cases.to_dict("records")], "the frame")
    elif isinstance(cases, Iterable) and not isinstance(cases, Mapping):
        found = _numbered(list(cases), "the list")
    else:
        raise CaseError(f"test cases cannot be read from {type(cases).__name__}: give a list, a CaseSet or a file")
    if not found:
        raise CaseError("there are no test cases: distill some, or write a list with at least {'goal': ...}")
    return found


def _numbered(rows: Sequence[TestCase | Mapping[str, Any]], where: str) -> CaseSet:
    cases = []
    for number, row in enumerate(rows, start=1):
        try:
            cases.append(_case(row))
        except CaseError as error:
            raise CaseError(f"{where}, number {number}: {error}") from None
    return CaseSet(cases)


def _case(case: object) -> TestCase:
    if isinstance(case, TestCase):
        return case
    if isinstance(case, Mapping):
        return TestCase.model_validate(dict(case))
    raise CaseError(f"{case!r} is no test case: give a TestCase or a mapping with at least a goal")


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    """A frame's row without its missing cells."""
    return {name: value for name, value in row.items() if not _is_missing(value)}


def _is_missing(value: object) -> bool:
    return value is None or (not isinstance(value, str | Sequence | Mapping) and value != value)  # noqa: PLR0124


def _distinct(cases: Sequence[TestCase]) -> tuple[TestCase, ...]:
    """The cases, where two that were given no id and are alike get ids of their own.

    Raises:
        CaseError: two were given the same id.
    """
    seen: Counter[str] = Counter()
    distinct = []
    for case in cases:
        seen[case.case_id] += 1
        if seen[case.case_id] == 1:
            distinct.append(case)
        elif "case_id" in case.model_fields_set:
            raise CaseError(f"two test cases have the id {case.case_id!r}: give each its own")
        else:
            distinct.append(case.edited(case_id=f"{case.case_id}-{seen[case.case_id]}"))
    return tuple(distinct)
