"""How many conversations run at once; the number may change while they do."""

import asyncio
from collections import deque
from types import TracebackType


class Places:
    """A semaphore whose size can be set at any time: growing lets waiters in, shrinking lets nobody new in."""

    def __init__(self, limit: int) -> None:
        self._limit, self._taken = limit, 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """Places in all."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._let_in()

    async def take(self) -> None:
        """Wait for a place, first come first served."""
        if self._taken < self._limit and not self._waiting:
            self._taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self.leave()  # it was given a place in the very moment of its end
            raise

    def retake(self) -> None:
        """Count a place as taken although there may be none: for one who will give it back at once."""
        self._taken += 1

    def leave(self) -> None:
        """Give a place back."""
        self._taken -= 1
        self._let_in()

    async def __aenter__(self) -> None:
        await self.take()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.leave()

    def _let_in(self) -> None:
        while self._waiting and self._taken < self._limit:
            place = self._waiting.popleft()
            if not place.done():  # who was cancelled waits no more
                self._taken += 1
                place.set_result(None)
