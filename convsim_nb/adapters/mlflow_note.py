"""Where a run stands in MLflow, noted beside its journal: known after a reload, without asking the store."""

from pathlib import Path

from pydantic import ValidationError

from convsim_nb.adapters.segments import write_whole
from convsim_nb.domain.record import Record

NOTE = "mlflow.json"


class MlflowNote(Record):
    """What is known of a run in MLflow."""

    mlflow_run_id: str | None = None
    mended: int = 0
    """How many of the troubles that its events tell a push has put right since."""


def note(folder: Path, written: MlflowNote) -> None:
    """Keep it in the run's folder.

    Raises:
        OSError: the folder takes no more.
    """
    write_whole(folder / NOTE, written.model_dump_json().encode())


def read_note(folder: Path | None) -> MlflowNote:
    """What was noted; nothing where nobody did, or half of it is there."""
    try:
        return MlflowNote.model_validate_json((folder / NOTE).read_bytes()) if folder else MlflowNote()
    except (OSError, ValidationError):
        return MlflowNote()
