"""A session of a list, as the page shows it."""

from typing import Any

from convsim_nb.domain.preview import SessionPreview
from convsim_nb.notebook.protocol import sendable
from convsim_nb.views.session_table import cut, marks

_LONGEST = 400
"""Characters of a text that a row carries, on one line: what is shown of it, and what a search looks through."""


def row_json(preview: SessionPreview) -> dict[str, Any]:
    """One row; `at` and `began` are in milliseconds since the epoch, None where nobody knows."""
    return {
        "id": preview.id,
        "at": _milliseconds(preview.last),
        "began": _milliseconds(preview.began),
        "turns": preview.traces,
        "seconds": round(preview.seconds, 3),
        **sendable(
            {
                "name": preview.id,
                "first": cut(preview.first_said, _LONGEST),
                "answer": cut(preview.last_answer, _LONGEST),
                "marks": marks(preview.model_copy(update={"simulated": False})),
            }
        ),
        "simulated": preview.simulated,
    }


def _milliseconds(at: Any) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
