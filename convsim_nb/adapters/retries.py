"""Trying again: back-off, and one cool-down for all calls to the same model.

Not stamina: its wait belongs to the call that failed, while a rate limit concerns the calls that have not been
sent yet as well; how often a try is worth repeating depends on what went wrong; and its off switch is one for the
whole process, which is the user's.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from convsim_nb.domain.errors import ConvsimError

Result = TypeVar("Result")
_SPREAD = 2.0
"""Seconds over which the calls that waited for a cool-down are sent, at most."""


class Fault(Exception):
    """One try failed: what it means, and whether another is worth it."""

    def __init__(
        self, error: ConvsimError, *, tries: int = 1, wait: float | None = None, limited: bool = False
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.tries = tries
        """How many tries such a fault is worth, the first included."""
        self.wait = wait
        """Seconds that the other side asked for."""
        self.limited = limited
        """True for a rate limit: it concerns every call to this model."""


@dataclass(frozen=True)
class Backoff:
    """How long to wait before the next try, where the other side does not say."""

    first: float = 0.5
    """Seconds before the second try; doubled each time."""
    longest: float = 20.0
    patience: float = 120.0
    """A `Retry-After` above this is not waited for."""

    def before(self, tries: int) -> float:
        """Seconds to wait after so many tries, with jitter."""
        return min(self.first * 2.0 ** (tries - 1), self.longest) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


STEADY = Backoff()


class Cooldown:
    """When the next call to a model may be sent, for all that share it."""

    def __init__(self) -> None:
        self._until = 0.0

    def extend(self, seconds: float) -> None:
        """Hold every call back for so long, from now on."""
        self._until = max(self._until, time.monotonic() + seconds)

    async def over(self) -> None:
        """Return when calls may be sent; waiters return a little apart, or they would meet the limit again."""
        while (left := self._until - time.monotonic()) > 0:  # noqa: ASYNC110 - time passes by itself
            await asyncio.sleep(left + random.uniform(0.0, min(left / 4, _SPREAD)))  # noqa: S311 - no secret


_cooldowns: dict[str, Cooldown] = {}


def cooldown_of(model: str) -> Cooldown:
    """The cool-down that all clients of one model share."""
    return _cooldowns.setdefault(model, Cooldown())


async def retried(
    attempt: Callable[[], Awaitable[Result]],
    *,
    cooldown: Cooldown,
    backoff: Backoff,
    again: Callable[[ConvsimError], None] = lambda _: None,
) -> Result:
    """The result of `attempt`, which raises `Fault` where it failed; `again` is told of each error before the next try.

    Raises:
        ConvsimError: the last fault's, when no further try was worth it.
    """
    tries = 0
    while True:
        await cooldown.over()
        tries += 1
        try:
            return await attempt()
        except Fault as fault:
            wait = backoff.before(tries) if fault.wait is None else fault.wait
            if tries >= fault.tries or wait > backoff.patience:
                raise fault.error from fault.__cause__
            again(fault.error)
            limited = fault.limited
        if limited:
            cooldown.extend(wait)
        else:
            await asyncio.sleep(wait)


def retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number, or a date. None where it says nothing readable."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
