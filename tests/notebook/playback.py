"""Plays a list of events to a live view, as a run would: on an event loop in a thread of its own."""

import asyncio
import threading
import time
from datetime import UTC, datetime

from convsim_nb.domain.events import RunEnded
from convsim_nb.domain.state import RunState
from convsim_nb.engine.emit import Emitter
from convsim_nb.notebook.live.run_view import RunView


class Playback(threading.Thread):
    """Tells `events` at the times they carry, `speed` times as fast; the first at once, on the caller's thread."""

    def __init__(self, events, *, speed=1.0):
        super().__init__(name="playback", daemon=True)
        first, *self._events = events
        self._first = first.model_copy(update={"started_at": datetime.now(UTC)})
        self._speed, self._stopping = speed, False
        self.stops = 0
        self.state = RunState()
        self.view = RunView(self.state, stop=self.stop)
        self._emit = Emitter(self.state, [self.view])

    def stop(self):
        """End the run before its next event."""
        self.stops += 1
        self._stopping = True

    def start(self):
        """Begin."""
        self._emit(self._first)
        super().start()
        return self

    def run(self):
        """Tell the rest."""
        asyncio.run(self._tell())
        self.view.close_stream()

    async def _tell(self):
        zero = time.monotonic()
        for event in self._events:
            await self._until(zero + event.at / self._speed)
            if self._stopping:
                self._emit(RunEnded(at=time.monotonic() - zero, stopped=True))
                return
            self._emit(event)

    async def _until(self, when):
        """Sleep in slices, so that a stop is heard."""
        while not self._stopping and (wait := when - time.monotonic()) > 0:  # noqa: ASYNC110 - it comes from another thread
            await asyncio.sleep(min(wait, 0.05))
