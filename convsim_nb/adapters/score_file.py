"""Scores on disk: one JSON line each in the run's folder."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from convsim_nb.adapters.segments import write_whole
from convsim_nb.domain.errors import StoreError
from convsim_nb.domain.score import Score

SCORES = "scores.jsonl"


def write_scores(folder: Path, scores: Iterable[Score]) -> None:
    """Keep the scores of a run, in the place of those before; readable by its owner alone.

    Raises:
        StoreError: the folder cannot be written to.
    """
    path, new, lines = folder / SCORES, folder / f"{SCORES}.new", as_lines(scores).encode()
    try:
        write_whole(new, lines)
        try:
            new.replace(path)
        except OSError:  # a Volume renames nothing over another
            write_whole(path, lines)
            new.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"the scores cannot be kept in {folder}: {error}") from None


def read_scores(folder: Path) -> tuple[Score, ...]:
    """The scores of a run; none where it was never scored.

    Raises:
        StoreError: a line is no score.
    """
    path = folder / SCORES
    return from_lines(path.read_text(encoding="utf-8"), where=str(path)) if path.exists() else ()


def as_lines(scores: Iterable[Score]) -> str:
    """One JSON line a score."""
    return "".join(f"{score.model_dump_json()}\n" for score in scores)


def from_lines(text: str, *, where: str) -> tuple[Score, ...]:
    """The same read back.

    Raises:
        StoreError: a line is no score.
    """
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            found.append(Score.model_validate_json(line))
        except ValidationError as error:
            raise StoreError(f"{where}:{number} is not a score: {error.errors()[0]['msg']}") from None
    return tuple(found)
