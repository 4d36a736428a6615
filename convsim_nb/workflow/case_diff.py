"""What changed between two sets of test cases."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.case import TestCase

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 70
_COLUMNS = ["case_id", "change", "field", "before", "after"]


@dataclass(frozen=True)
class CaseDiff:
    """Cases that came, went, or hold something else, by their ids."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, dict[str, tuple[Any, Any]]]
    """By case and field: what it was, and what it is."""

    def __bool__(self) -> bool:
        """Whether anything changed."""
        return bool(self.added or self.removed or self.changed)

    def __repr__(self) -> str:
        lines = [f"  + {case_id}" for case_id in self.added] + [f"  - {case_id}" for case_id in self.removed]
        for case_id, fields in self.changed.items():
            lines += [f"  {case_id}: {name}: {_short(was)} -> {_short(now)}" for name, (was, now) in fields.items()]
        counts = f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed"
        return "\n".join([counts, *lines])

    def to_frame(self) -> "pd.DataFrame":
        """One row a change."""
        import pandas as pd

        rows: list[list[Any]] = [[case_id, "added", None, None, None] for case_id in self.added]
        rows += [[case_id, "removed", None, None, None] for case_id in self.removed]
        for case_id, fields in self.changed.items():
            rows += [[case_id, "changed", name, was, now] for name, (was, now) in fields.items()]
        return pd.DataFrame(rows, columns=_COLUMNS)


def difference(before: dict[str, TestCase], after: dict[str, TestCase]) -> CaseDiff:
    """What `after` has that `before` had not, or otherwise."""
    both = [case_id for case_id in after if case_id in before]
    fields = {case_id: _fields(before[case_id], after[case_id]) for case_id in both}
    return CaseDiff(
        added=tuple(case_id for case_id in after if case_id not in before),
        removed=tuple(case_id for case_id in before if case_id not in after),
        changed={case_id: found for case_id, found in fields.items() if found},
    )


def _fields(before: TestCase, after: TestCase) -> dict[str, tuple[Any, Any]]:
    was, now = before.model_dump(mode="json"), after.model_dump(mode="json")
    return {name: (was[name], now[name]) for name in now if was[name] != now[name]}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
