"""The one model of a call that distils, drafts or reads: by its name, an object of one's own, or a recording."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

from convsim_nb.adapters.mlflow.quiet import quiet
from convsim_nb.adapters.recording import Recorder, Replay
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.ports import Chat
from convsim_nb.workflow.estimate import price_for
from convsim_nb.workflow.llm_params import llm_params
from convsim_nb.workflow.models import resolve_model

WHO = "distiller"
"""What the model plays, in recordings."""


@dataclass(frozen=True)
class Asked:
    """The model that distils, with what is recorded of it."""

    name: str
    chat: Chat
    params: Mapping[str, Any]
    uri: str
    """As it was given; empty for an object of one's own."""
    recorder: Recorder | None = None

    def recorded(self, record: str | PathLike[str] | None, *, resumed: bool = False) -> "Asked":
        """The same, its replies kept where `record` names a file; work that is `resumed` adds to it.

        Raises:
            UsageError: the file holds something already, and nothing is resumed.
            StoreError: it cannot be written.
        """
        if not record:
            return self
        recorder = Recorder(Path(record), models={WHO: self.name}, params={WHO: self.params}, resumed=resumed)
        return replace(self, chat=recorder.listen(self.chat, params=self.params), recorder=recorder)


def ask_for(
    model: str | Chat | None,
    *,
    params: Mapping[str, Any] | None,
    timeout: float | None,
    record: str | PathLike[str] | None,
    replay: str | PathLike[str] | None,
    max_cost: float | None,
) -> Asked:
    """The model, leaving no trace in MLflow; `recorded` keeps its replies.

    Raises:
        UsageError: it is not named or not known, its parameters are not its own to be given, a price is not
            known, or a recording cannot be used.
    """
    given, uri = llm_params(params, name="llm_params"), model if isinstance(model, str) else ""
    if record and replay:
        raise UsageError("record and replay are given: do one of the two")
    if replay:
        played = Replay(Path(replay))
        name = played.models.get(WHO, "recording")
        given = given or dict(played.params.get(WHO, {}))
        return Asked(name, played.asked_with(given), given, uri)
    name, chat = resolve_model(model, params=given, timeout=max(timeout or 0.0, 120.0))
    if max_cost is not None and uri and price_for(uri) is None:
        raise UsageError(f"max_cost={max_cost:g}: the price of model={uri!r} is not known: give max_tokens")
    return Asked(name, quiet(chat), given, uri)
