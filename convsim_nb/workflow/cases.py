"""Sets of test cases: read, kept, and turned into frames."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from convsim_nb.adapters.case_files import cases_in, read_cases, write_cases
from convsim_nb.adapters.case_tables import from_text, is_index
from convsim_nb.adapters.files import read_frame
from convsim_nb.domain.behaviours import Behaviour, with_behaviours
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.dataset import DatasetRef
from convsim_nb.domain.errors import CaseError, UsageError
from convsim_nb.domain.session import Session
from convsim_nb.domain.veil import Redact
from convsim_nb.workflow.case_diff import CaseDiff, difference
from convsim_nb.workflow.checking import checked
from convsim_nb.workflow.datasets import dataset_cases, names_dataset, save_dataset
from convsim_nb.workflow.display import display
from convsim_nb.workflow.redact import redacted_case

if TYPE_CHECKING:
    import pandas as pd

Cases = "CaseSet | Iterable[TestCase | Mapping[str, Any]] | pd.DataFrame | str | Path"
_SHOWN = 8


class CaseSet(Sequence[TestCase]):
    """An ordered, immutable set of test cases; no two have one id.

    `problems` says in a line each what did not become a case, or what a case is doubted for.
    """

    def __init__(
        self,
        cases: "Iterable[TestCase | Mapping[str, Any]] | pd.DataFrame" = (),
        *,
        problems: Iterable[str] = (),
        sessions: Iterable[Session] = (),
        usage: Usage | None = None,
        dataset: DatasetRef | None = None,
    ) -> None:
        self._cases = _distinct([_case(case) for case in (_rows(cases) if _is_frame(cases) else cases)])
        self._told = tuple(problems)
        self.sessions = tuple(sessions)
        """The sessions that the cases were distilled from, where these are at hand; no file keeps them."""
        self.usage = usage
        """What the models took that wrote the cases, where that is known."""
        self.dataset = dataset
        """The dataset of MLflow's that the cases are of, where they were read from one and none was changed."""

    @property
    def problems(self) -> tuple[str, ...]:
        """What did not become a case, then what a check found on those that did."""
        found = (
            f"case {case.case_id}: {finding.field}: {finding.reason}" for case in self for finding in case.findings
        )
        return (*self._told, *found)

    @overload
    def __getitem__(self, index: int) -> TestCase: ...
    @overload
    def __getitem__(self, index: slice) -> "CaseSet": ...
    @overload
    def __getitem__(self, index: str) -> TestCase: ...

    def __getitem__(self, index: int | slice | str) -> "TestCase | CaseSet":
        """A case by its place or its `case_id`; a slice is a set again."""
        if isinstance(index, slice):
            return self._some(self._cases[index])
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

    def save(self, path: str | Path, *, redact: Redact | None = None, experiment: str | None = None) -> Path | str:
        """Write the cases to a file: .yaml, .yml, .json, .jsonl or .csv; or to MLflow's dataset `mlflow:NAME`.

        `redact` is a function of a text that takes out what must not leave memory. `experiment` is where MLflow
        lists the dataset: see `to_dataset`. Gives back what `load_cases` takes.

        Raises:
            UsageError: an experiment is named for a file.
            StoreError: it cannot be written, or the ending is not known.
        """
        cases = tuple(self if redact is None else self.redacted(redact))
        if isinstance(path, str) and names_dataset(path):
            save_dataset(cases, path, experiment=experiment, sessions=self._recorded)
            return path
        if experiment is not None:
            raise UsageError(f"experiment={experiment!r} is for MLflow's datasets, and {str(path)!r} is a file")
        write_cases(cases, Path(path))
        return Path(path)

    def edit(self, *, path: str | Path | None = None) -> Any:
        """Show the cases in a grid, to be edited by hand; gives the grid, whose `cases` are what they become.

        This set stays as it is. `path` is where the grid saves: a file, or `mlflow:NAME`.

        Raises:
            UsageError: there is no notebook around.
        """
        return display().edit(self, path=None if path is None else str(path))

    # --- other sets out of this one --------------------------------------------------

    def check(self, sessions: Iterable[Session] | None = None) -> "CaseSet":
        """The set with what is to be said against its cases, found without a model: see `findings` and `problems`.

        Against the sessions that the cases came from: the set's own, or those that are given. A case whose
        session is not at hand is checked for what can be told from the case alone.
        """
        found = self.sessions if sessions is None else _sessions(sessions)
        return CaseSet(checked(self._cases, found), problems=self._told, sessions=found, usage=self.usage)

    def diff(self, other: "CaseSet") -> CaseDiff:
        """What the other set has that this one has not, or otherwise; cases are paired by `case_id`."""
        return difference({case.case_id: case for case in self}, {case.case_id: case for case in other})

    def with_case(self, case: TestCase | Mapping[str, Any]) -> "CaseSet":
        """The set with this case: in the place of the one with its id, else at the end."""
        new = _case(case)
        if all(one.case_id != new.case_id for one in self):
            return self._with([*self._cases, new])
        return self._with([new if one.case_id == new.case_id else one for one in self])

    def with_edit(self, case_id: str, **changes: Any) -> "CaseSet":
        """The set with other content in one case, which keeps its id."""
        return self.with_case(self._named(case_id).edited(**changes))

    def without(self, *case_ids: str) -> "CaseSet":
        """The set without these cases."""
        left_out = {self._named(case_id).case_id for case_id in case_ids}
        return self._some([case for case in self if case.case_id not in left_out])

    def confirmed(self, *case_ids: str) -> "CaseSet":
        """The set with the proposed expectations of these cases, or of all, taken as a person's own."""
        chosen = {self._named(case_id).case_id for case_id in case_ids} or {case.case_id for case in self}
        return self._with([case.edited(proposed=()) if case.case_id in chosen else case for case in self])

    def with_behaviours(self, *behaviours: str | Behaviour, keep: bool = False) -> "CaseSet":
        """Each case once for each behaviour, with an id and a tag that say so; `keep` leaves the plain one in.

        The behaviours that there are are listed by `convsim_nb.behaviours()`, with what each does and why; your own are
        made with `Behaviour(name=..., does=..., why=...)`. Called twice, both are laid over a case.

        Raises:
            UsageError: none is named, or one is not known.
        """
        return self._with(with_behaviours(self, *behaviours, keep=keep))

    def redacted(self, redact: Redact) -> "CaseSet":
        """The set with every text sent through a function; ids and tags stay. The sessions are left behind."""
        return CaseSet([redacted_case(case, redact) for case in self], problems=map(redact, self._told))

    def _with(self, cases: Iterable[TestCase]) -> "CaseSet":
        return CaseSet(cases, problems=self._told, sessions=self.sessions, usage=self.usage)

    def _some(self, cases: Iterable[TestCase]) -> "CaseSet":
        """The set with a part of its cases: they are still those of the dataset."""
        some = self._with(cases)
        some.dataset = self.dataset
        return some

    def to_dataset(self, name: str, *, replace: bool = False, experiment: str | None = None) -> Any:
        """Put the cases into MLflow's evaluation dataset of a name, which is made where there is none.

        MLflow's own simulator plays them from there, with facts and what is withheld as guidelines;
        `load_cases("mlflow:NAME")` gives them back whole. A case that is in it takes the place of its earlier
        self, and what else is in it stays, named in a line on stderr; with `replace`, cases that are not in this set
        are removed, and records that are not of convsim-nb stay. On Databricks the name is `catalog.schema.table`.

        MLflow lists it with `experiment`, a name or an id; by default with the experiment that the cases' sessions were
        recorded in, as long as these are at hand, and a new dataset of other cases with the active one.

        Raises:
            StoreError: the store failed, or several datasets have that name.
            CaseError: the dataset holds what are no test cases.
        """
        return save_dataset(self._cases, name, replace=replace, experiment=experiment, sessions=self._recorded)

    @property
    def _recorded(self) -> tuple[Session, ...]:
        """The sessions at hand that cases of this set came from."""
        sources = {case.source.session_id for case in self._cases if case.source}
        return tuple(session for session in self.sessions if session.id in sources)

    def to_frame(self) -> "pd.DataFrame":
        """One row a case, a column a field of `TestCase`, `case_id` first; lists and mappings as they are."""
        import pandas as pd

        columns = ["case_id", *(name for name in TestCase.model_fields if name != "case_id")]
        return pd.DataFrame([case.model_dump(mode="json") for case in self._cases], columns=columns)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain mappings, as in a file; what is empty is left out."""
        return [case.as_mapping() for case in self._cases]

    def _named(self, case_id: str) -> TestCase:
        try:
            return self._by_id(case_id)
        except KeyError as missing:
            near = get_close_matches(str(case_id), [case.case_id for case in self], n=1)
            hint = f"did you mean {near[0]!r}?" if near else "their ids are in .to_frame()['case_id']"
            raise UsageError(f"{missing.args[0]}: {hint}") from None

    def _by_id(self, case_id: str) -> TestCase:
        found = next((case for case in self._cases if case.case_id == case_id), None)
        if found is None:
            raise KeyError(f"no test case {case_id!r} among {len(self)}")
        return found


def load_cases(source: Any) -> CaseSet:
    """Read a file of test cases: .yaml, .yml, .json, .jsonl or .csv; or MLflow's dataset, by `mlflow:NAME` or itself.

    Cases that are at hand are taken too: a list of TestCase or mappings, or a DataFrame, whose empty cells are absent.

    Raises:
        NotFoundError: no such file or dataset.
        CaseError: a case is not valid; its place in the file is named.
        StoreError: the file or the store cannot be read.
    """
    if names_dataset(source):
        found, dataset = dataset_cases(source)
        return CaseSet(found, dataset=dataset)
    if isinstance(source, str | Path):
        return _numbered(read_cases(Path(source)), str(source))
    return _at_hand(source)


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
    found = load_cases(cases)
    if not found:
        raise CaseError("there are no test cases: distill some, or write a list with at least {'goal': ...}")
    return found


def _sessions(given: Iterable[Session]) -> tuple[Session, ...]:
    for number, one in enumerate(found := tuple(given), start=1):
        if not isinstance(one, Session):
            shown = repr(one)[:60]
            raise UsageError(f"session {number} is {shown}, no Session: read them with cs.load_sessions(...) first")
    return found


def _at_hand(cases: Any) -> CaseSet:
    """The set of what is no file and no dataset."""
    if isinstance(cases, CaseSet):
        return cases
    if isinstance(cases, TestCase):
        return CaseSet([cases])
    if _is_frame(cases):
        return _numbered(_rows(cases), "the frame")
    if isinstance(cases, Iterable) and not isinstance(cases, Mapping | bytes):
        return _numbered(list(cases), "the list")
    raise CaseError(f"test cases cannot be read from {type(cases).__name__}: give a list, a CaseSet or a file")


def _is_frame(cases: object) -> bool:
    return hasattr(cases, "to_dict") and hasattr(cases, "columns")


def _rows(frame: Any) -> list[dict[str, Any]]:
    """A frame's rows without missing cells, and without the numbers that a file gave them."""
    rows = [dict(row) for _, row in read_frame(frame) if isinstance(row, Mapping)]
    return [{name: from_text(name, cell) for name, cell in row.items() if not is_index(name)} for row in rows]


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
