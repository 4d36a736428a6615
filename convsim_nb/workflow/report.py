"""Writing a run's report."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsim_nb.domain.errors import StoreError, UsageError
from convsim_nb.views.beside import Beside, Measured, matrix, versus
from convsim_nb.views.plots import plots
from convsim_nb.views.report import report_html, report_markdown
from convsim_nb.views.sentences import run_titles
from convsim_nb.workflow.failures import failures as failures_by_rules
from convsim_nb.workflow.stored import stored

if TYPE_CHECKING:
    from convsim_nb.workflow.compare import Comparison
    from convsim_nb.workflow.failures import Failures
    from convsim_nb.workflow.fidelity import Fidelity
    from convsim_nb.workflow.run import Run

_COMPARISON = "comparison"
_ENDINGS = (".html", ".htm", ".md")
_ROOM = 1_500_000
"""Bytes for the transcripts of cases that changed, over all comparisons of a report."""


def write_report(
    run: "Run",
    path: Path | None,
    *,
    beside: "Sequence[Run | str]" = (),
    fidelity: "Fidelity | None" = None,
    failures: "Failures | None" = None,
) -> Path:
    """Write the run as one HTML or Markdown file: see `Run.report`."""
    target = path or (run.folder or Path()) / "report.html"
    if target.suffix.lower() not in _ENDINGS:
        raise UsageError(f"{target}: reports are .html or .md: give a path that ends so")
    found = [_comparison(other, run) for other in beside]
    runs = [*(each.first for each in found), run]
    around = _around(found, runs, fidelity)
    fallen = tuple(failures_by_rules(run, runs[:-1]) if failures is None else failures)
    if target.suffix.lower() == ".md":
        text = report_markdown(run.state, scores=run.scores, beside=around, failures=fallen)
    else:
        drawn = plots(
            {name: one.conversations for name, one in zip(run_titles([one.state for one in runs]), runs, strict=True)}
        )
        text = report_html(run.state, scores=run.scores, beside=around, plots=drawn, failures=fallen)
    written = write_private(target, text)
    if found:
        _log(run, text, _COMPARISON + (".md" if target.suffix.lower() == ".md" else ".html"))
    return written


def _comparison(other: "Run | str", run: "Run") -> "Comparison":
    from convsim_nb.workflow.compare import compare

    return compare(other, run, force=True)


def _around(found: "Sequence[Comparison]", runs: "Sequence[Run]", fidelity: "Fidelity | None") -> Beside:
    cases = {case_id: case for one in runs for case_id, case in one.state.cases.items()}
    return Beside(
        versus=[
            versus(each.found[0], sides=each.sides(), said=each.sentences, cases=cases, room=_ROOM // len(found))
            for each in found
        ],
        names=run_titles([one.state for one in runs]),
        matrix=matrix([one.conversations for one in runs], cases=cases) if found else (),
        measured=[_measured(fidelity)] if fidelity is not None else (),
    )


def _measured(fidelity: "Fidelity") -> Measured:
    head, *rows = fidelity.as_rows()
    return Measured("How alike the simulated users are to people", head, rows, said=fidelity.said)


def _log(run: "Run", text: str, name: str) -> None:
    """A report that compares stands in MLflow, with the run that it is of."""
    place = stored(run)
    if place is not None:
        place.destination.client.log_text(place.mlflow_run_id, text, name)


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
