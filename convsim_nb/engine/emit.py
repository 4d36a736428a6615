"""From the engine to everybody who reads: the fold first, then each sink."""

import time
from collections.abc import Callable, Iterable

from convsim_nb.domain.events import RunEvent, RunStarted, SinkDropped
from convsim_nb.domain.state import RunState
from convsim_nb.engine.ports import Sink

Clean = Callable[[RunEvent], RunEvent | None]
"""Gives an event as it may be kept and shown, or None for one that may not."""


class Emitter:
    """Folds each event into `state` and hands it to the sinks, in order.

    A sink that raises is dropped: said once, by a `SinkDropped` that the others hear.
    """

    def __init__(
        self,
        state: RunState,
        sinks: Iterable[Sink] = (),
        *,
        clean: Clean = lambda event: event,
        shown: RunState | None = None,
    ) -> None:
        """What is folded and handed on went through `clean`.

        With `shown`, that is what is handed on and folded into `shown`; `state` is what was said in truth, which
        the conversations go on from.
        """
        self.state, self._shown = state, shown
        self._clean = clean
        self._sinks = list(sinks)
        self._zero = time.monotonic()

    @property
    def now(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self._zero

    def __call__(self, event: RunEvent) -> None:
        """Take one event in and pass it on."""
        if isinstance(event, RunStarted):
            self._zero = time.monotonic()
        kept = self._clean(event)
        if self._shown is not None:
            self.state.apply(event)
        if kept is None:
            return
        (self.state if self._shown is None else self._shown).apply(kept)
        for sink in tuple(self._sinks):
            try:
                sink(kept)
            except Exception as error:  # noqa: BLE001 - whatever fails in a reader must not end the run
                self.drop(sink, f"{type(error).__name__}: {error}")

    def drop(self, sink: Sink, reason: str) -> None:
        """Hear no more of a sink, and say so to the others."""
        if sink not in self._sinks:
            return
        self._sinks.remove(sink)
        name = getattr(sink, "name", None) or type(sink).__name__
        self(SinkDropped(at=self.now, sink=name, reason=reason))
