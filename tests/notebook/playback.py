"""Plays a list of events to a sink, as a run would: on an event loop in a thread of its own."""

import asyncio
import threading
import time
from datetime import UTC, datetime

from convsim_nb.engine.emit import Emitter


class Playback(threading.Thread):
    """Tells `events` at the times they carry, `speed` times as fast; the first at once, on the caller's thread."""

    def __init__(self, events, state, sink, *, speed=1.0):
        super().__init__(name="playback", daemon=True)
        self._first, *self._events = events
        self._first = self._first.model_copy(update={"started_at": datetime.now(UTC)})
        self._emit, self._speed = Emitter(state, [sink]), speed
        self.state, self.sink = state, sink

    def start(self):
        """Begin."""
        self._emit(self._first)
        super().start()

    def run(self):
        """Tell the rest."""
        asyncio.run(self._tell())

    async def _tell(self):
        zero = time.monotonic()
        for event in self._events:
            wait = event.at / self._speed - (time.monotonic() - zero)
            if wait > 0:
                await asyncio.sleep(wait)
            self._emit(event)
        await asyncio.sleep(0.2)  # the last batch
        self.sink.close_stream()
