"""What a person does to a run while it plays: pause, go on, speak for the user, stop one, add one."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from convsim_nb.engine.places import Places
from convsim_nb.engine.trial import Trial


class Control:
    """The switches of one run; all calls belong on the loop's thread, and each may be made twice."""

    def __init__(self, concurrency: int) -> None:
        self.places = Places(concurrency)
        """Conversations at once; one that is paused gives its place to another."""
        self._all = False
        self._paused: set[str] = set()
        self._said: dict[str, deque[str | None]] = {}
        self._moved = asyncio.Event()
        self._playing: set[str] = set()
        self._stopped: set[str] = set()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._start: Callable[[Trial], asyncio.Task[None]] | None = None

    @property
    def holds_all(self) -> bool:
        """Whether all conversations wait before their next user message."""
        return self._all

    @property
    def held(self) -> frozenset[str]:
        """The conversations that are held one by one."""
        return frozenset(self._paused)

    # --- for the person ----------------------------------------------------------------

    def pause(self, key: str | None = None) -> None:
        """Let a conversation, or all, wait before the next user message."""
        if key is None:
            self._all = True
        else:
            self._paused.add(key)

    def resume(self, key: str | None = None) -> None:
        """Let a conversation, or all, go on by themselves."""
        if key is None:
            self._all = False
            self._paused.clear()
        else:
            if self._all:
                self._all, self._paused = False, set(self._tasks)
            self._paused.discard(key)
        self._wake()

    def say(self, key: str, text: str | None) -> None:
        """Send the next user message of a paused conversation; None sends the simulated user's own."""
        self._said.setdefault(key, deque()).append(text)
        self._wake()

    def stop(self, key: str) -> None:
        """End one conversation as `cancelled`."""
        self._stopped.add(key)
        if key in self._tasks:
            self._tasks[key].cancel()

    def add(self, trial: Trial) -> bool:
        """Play one more conversation in this run; False when the run has come to its end."""
        if self._start is None:
            return False
        self._begun(trial)
        return True

    # --- for the engine ----------------------------------------------------------------

    def opened(self, start: Callable[[Trial], asyncio.Task[None]], trials: Sequence[Trial]) -> None:
        """The run begins: `start` begins a conversation."""
        self._start = start
        for trial in trials:
            self._begun(trial)

    def closed(self) -> None:
        """The run takes no more conversations."""
        self._start = None

    @contextmanager
    def playing(self, key: str) -> Iterator[None]:
        """Around a conversation that has its place."""
        self._playing.add(key)
        try:
            yield
        finally:
            self._playing.discard(key)

    def hurry(self) -> None:
        """Break off what plays; what waits for a place still gets it, and finds that the time is up."""
        for key in self._playing:
            self._tasks[key].cancel()

    def holds(self, key: str) -> bool:
        """Whether a conversation has to wait before its next user message."""
        return (self._all or key in self._paused) and not self._said.get(key)

    async def released(self, key: str) -> None:
        """Wait until a conversation may go on, without a place."""
        self.places.leave()
        try:
            while self.holds(key):
                self._moved.clear()
                await self._moved.wait()
            await self.places.take()
        except asyncio.CancelledError:
            self.places.retake()
            raise

    def taken(self, key: str) -> str | None:
        """What a person says in the user's place, or None."""
        waiting = self._said.get(key)
        return waiting.popleft() if waiting else None

    def _begun(self, trial: Trial) -> None:
        if self._start is not None:
            self._tasks[trial.key] = self._start(trial)
            if trial.key in self._stopped:
                self._tasks[trial.key].cancel()

    def _wake(self) -> None:
        self._moved.set()
