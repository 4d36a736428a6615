"""The failures of a run: whose they are, by reason, and what to do next."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from convsim_nb.analysis.failures import WHOSE, Failure, FailureGroup, failures_of, grouped, passed_in
from convsim_nb.views.failures import failures_html
from convsim_nb.views.words import count

if TYPE_CHECKING:
    import pandas as pd

    from convsim_nb.workflow.run import Run


class Failures(Sequence[FailureGroup]):
    """The conversations that did not reach their goal, grouped by reason: the agent's first."""

    def __init__(self, each: Sequence[Failure], *, of: int) -> None:
        self.each, self.of = tuple(each), of
        """One for every conversation; `of` is how many the run has."""
        self._groups = grouped(each)

    @overload
    def __getitem__(self, index: int) -> FailureGroup: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FailureGroup, ...]: ...

    def __getitem__(self, index: int | slice) -> FailureGroup | tuple[FailureGroup, ...]:
        return self._groups[index]

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[FailureGroup]:
        return iter(self._groups)

    @property
    def summary(self) -> str:
        """How many are whose."""
        if not self.each:
            return f"all of {count(self.of, 'conversation')} reached the goal"
        whose = {name: sum(one.reason.whose == name for one in self.each) for name in WHOSE}
        parts = ", ".join(f"{name} {number}" for name, number in whose.items() if number)
        return f"{len(self.each)} of {count(self.of, 'conversation')} did not reach the goal: {parts}"

    def __repr__(self) -> str:
        return "\n".join([self.summary, *(group.sentence for group in self)])

    def _repr_html_(self) -> str:
        return failures_html(self.summary, self._groups)

    def to_frame(self) -> "pd.DataFrame":
        """One row a conversation: `case_id`, `key`, `whose`, `why`, `next`, `sure`."""
        import pandas as pd

        rows = [{"case_id": one.case_id, "key": one.key, **one.reason.model_dump()} for one in self.each]
        return pd.DataFrame(rows, columns=["case_id", "key", "whose", "why", "next", "sure"])


def failures(run: "Run", beside: "Sequence[Run]") -> Failures:
    """See `Run.failures`."""
    passed = passed_in(one.conversations for one in (run, *beside)) if beside else None
    own = [one for one in run.conversations if one.origin is None and not one.assisted]
    return Failures(failures_of(own, cases=run.state.cases, passed=passed), of=len(own))
