"""Writing a run's report."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from convsim_nb.domain.errors import StoreError
from convsim_nb.views.report import report_html, report_markdown

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run


def write_report(run: "Run", path: Path | None) -> Path:
    """Write the run as one HTML or Markdown file: see `Run.report`."""
    target = path or (run.folder or Path()) / "report.html"
    text = report_markdown(run.state) if target.suffix == ".md" else report_html(run.state, scores=run.scores)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"the report cannot be written to {target}: {error}") from None
    return target
