"""Writing a run's report."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsim_nb.domain.errors import StoreError
from convsim_nb.views.beside import Beside, Measured, matrix, versus
from convsim_nb.views.plots import plots
from convsim_nb.views.report import report_html, report_markdown
from convsim_nb.workflow.stored import stored

if TYPE_CHECKING:
    from convsim_nb.workflow.compare import Comparison
    from convsim_nb.workflow.fidelity import Fidelity
    from convsim_nb.workflow.run import Run

_COMPARISON = "comparison.html"


def write_report(
    run: "Run", path: Path | None, *, beside: "Sequence[Run | str]" = (), fidelity: "Fidelity | None" = None
) -> Path:
    """Write the run as one HTML or Markdown file: see `Run.report`."""
    target = path or (run.folder or Path()) / "report.html"
    if target.suffix == ".md":
        return write_private(target, report_markdown(run.state))
    found = [_comparison(other, run) for other in beside]
    names, runs = _named([each.first for each in found], run)
    around = Beside(
        versus=[each.versus for each in found],
        names=names,
        matrix=matrix([one.conversations for one in runs], cases=run.state.cases) if found else (),
        measured=[_measured(fidelity)] if fidelity is not None else (),
    )
    drawn = plots({name: one.conversations for name, one in zip(names, runs, strict=True)})
    written = write_private(target, report_html(run.state, scores=run.scores, beside=around, plots=drawn))
    if found:
        _log(run, written)
    return written


class _Compared:
    def __init__(self, comparison: "Comparison") -> None:
        self.first = comparison.first
        self.versus = versus(
            comparison.found[0], names=(comparison.names[0], comparison.names[1]), said=comparison.sentences
        )


def _comparison(other: "Run | str", run: "Run") -> _Compared:
    from convsim_nb.workflow.compare import compare

    return _Compared(compare(other, run, force=True))


def _named(others: "Sequence[Run]", run: "Run") -> "tuple[list[str], list[Run]]":
    runs = [*others, run]
    names = [each.state.run_name or each.run_id for each in runs]
    return [name if names.count(name) == 1 else f"{name} ({n})" for n, name in enumerate(names, 1)], runs


def _measured(fidelity: "Fidelity") -> Measured:
    head, *rows = fidelity.as_rows()
    return Measured("How alike the simulated users are to people", head, rows, said=fidelity.said)


def _log(run: "Run", written: Path) -> None:
    """A report that compares stands in MLflow, with the run that it is of."""
    place = stored(run)
    if place is not None:
        place.destination.client.log_text(place.mlflow_run_id, written.read_text(encoding="utf-8"), _COMPARISON)


def write_private(target: Path, text: str, *, what: str = "the report") -> Path:
    """Write a file that its owner alone can read; folders on the way are made.

    Raises:
        StoreError: it cannot be written there.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"{what} cannot be written to {target}: {error}") from None
    return target
