"""What a page asks of a list of sessions; each is a call that Python offers too."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from convsim_nb.domain.errors import UsageError
from convsim_nb.notebook.live.desk import asked_of
from convsim_nb.notebook.live.protocol import sendable
from convsim_nb.notebook.picker.distillery import Distillery
from convsim_nb.notebook.picker.picking import PAGE, Picking
from convsim_nb.notebook.picker.rows import estimate_json, transcript_json
from convsim_nb.workflow.shelves import StoreShelf

Answer = dict[str, Any]
_MOST = 50_000
SLOW = {"experiments", "estimate"}
"""What may take long, and must not keep a transcript waiting."""


class PickerDesk:
    """Does what pages ask for, off the kernel's thread."""

    def __init__(self, picking: Picking, distillery: Distillery) -> None:
        self._picking, self._distillery = picking, distillery
        self._verbs: dict[str, Callable[..., Answer | None]] = {
            "query": self._query,
            "retry": self._picking.again,
            "more": self._more,
            "halt": self._halt,
            "experiments": self._experiments,
            "preview": self._preview,
            "estimate": self._estimate,
            "distill": self._distill,
            "stop": self._stop,
        }

    def do(self, what: str, given: Mapping[str, Any]) -> Answer | None:
        """Do it: `given` are the arguments of a verb, from a page, of any kind.

        Raises:
            ConvsimError: it cannot be done; the line is for the person.
        """
        return asked_of(self._verbs, what, given)

    # --- the list --------------------------------------------------------------------

    def _query(
        self,
        *,
        experiment: str | None = None,
        last: str | None = None,
        since: float | None = None,
        until: float | None = None,
        where: str = "",
        simulated: bool = False,
    ) -> None:
        self._picking.ask(
            experiment=_text(experiment),
            last=_text(last),
            since=_at(since),
            until=_at(until),
            where=_text(where) or "",
            simulated=bool(simulated),
        )

    def _more(self, sessions: int | None = PAGE) -> None:
        self._picking.more(None if sessions is None else max(1, min(int(sessions), _MOST)))

    def _halt(self) -> None:
        self._picking.halt()

    def _experiments(self, text: str = "") -> Answer:
        shelf = self._picking.shelf
        if not isinstance(shelf, StoreShelf):
            return {"names": [], "complete": True}
        names = shelf.experiments(str(text).strip())
        return {
            "names": [{"name": each.name, "shown": sendable(each.name)} for each in names.found],
            "complete": names.complete,
        }

    # --- sessions --------------------------------------------------------------------

    def _preview(self, *, session: str, whole: bool = False) -> Answer:
        return transcript_json(self._picking.open(str(session)), whole=bool(whole))

    def _estimate(self, *, model: str = "", again: bool = False) -> Answer:
        ids, chosen = self._picking.picked, self._model(model)
        known = self._distillery.known(ids, chosen)
        left: Sequence[str] = ids if again else [each for each in ids if each not in set(known)]
        if ids and not left:
            return {"said": "", "basis": "", "known": len(known)}
        return estimate_json(self._distillery.estimate(left, chosen), len(known))

    def _distill(self, *, model: str = "", again: bool = False) -> None:
        self._distillery.begin(self._picking.picked, model=self._model(model), again=bool(again))
        if typed := str(model).strip():
            for hear in self._distillery.on_model:
                hear(typed)

    def _stop(self) -> None:
        self._distillery.stop()

    def _model(self, typed: str) -> Any:
        """What was typed; else the model that Python gave, which may be an object."""
        return str(typed).strip() or self._distillery.model


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _at(milliseconds: Any) -> datetime | None:
    if not isinstance(milliseconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        raise UsageError(f"{milliseconds!r} is no time: choose a day of this calendar") from None
