"""What a run may spend: money, tokens, time. What is used up ends conversations, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from convsim_nb.domain.conversation import Usage


class Budget:
    """Counts what is spent, and reserves for each call as much as the dearest one so far took.

    Until the first call has come back nothing is known: it goes alone.
    """

    def __init__(
        self,
        *,
        max_cost: float | None = None,
        max_tokens: int | None = None,
        max_seconds: float | None = None,
        spent: Usage | None = None,
    ) -> None:
        """`spent` is what the run took before it was taken up again: money and tokens are limits of the whole run."""
        self.max_cost, self.max_tokens, self.max_seconds = max_cost, max_tokens, max_seconds
        self.late = False
        """Set when the time is up."""
        self._spent, self._dearest = Usage(), Usage()
        if spent is not None:
            self._spent = spent.model_copy(update={"cost": spent.cost or 0.0})
            calls = max(1, spent.calls)  # what one takes is known from those
            self._dearest = Usage(input_tokens=-(-_tokens(spent) // calls), cost=(spent.cost or 0.0) / calls)
        self._calls = self._flying = 0
        self._first = asyncio.Lock()

    @property
    def used_up(self) -> str:
        """What is used up, in a few words; empty while there is room for one more call."""
        ahead = self._flying + 1
        if self.late:
            return f"max_seconds={self.max_seconds:g} is over"
        cost, dearest = self._spent.cost or 0.0, self._dearest.cost or 0.0
        if self.max_cost is not None and (cost >= self.max_cost or cost + ahead * dearest > self.max_cost):
            return f"max_cost={self.max_cost:g} is used up: {cost:.4f} USD spent"
        if self.max_tokens is not None and (
            _tokens(self._spent) >= self.max_tokens
            or _tokens(self._spent) + ahead * _tokens(self._dearest) > self.max_tokens
        ):
            return f"max_tokens={self.max_tokens} is used up: {_tokens(self._spent)} spent"
        return ""

    def spend(self, usage: Usage) -> None:
        """A call is done, or failed."""
        known = usage.cost or 0.0
        self._spent += usage.model_copy(update={"cost": known})
        if _tokens(usage) > _tokens(self._dearest) or known > (self._dearest.cost or 0.0):
            self._dearest = Usage(
                input_tokens=max(_tokens(usage), _tokens(self._dearest)), cost=max(known, self._dearest.cost or 0.0)
            )

    @asynccontextmanager
    async def call(self) -> AsyncIterator[str]:
        """Around a call: while it is under way, its part is reserved. Gives what is used up, if anything is."""
        if self._limits_spending and not self._calls:
            async with self._first:
                if not self._calls:
                    yield self.used_up
                    self._calls += 1
                    return
        refused = self.used_up
        self._flying += 1
        try:
            yield refused
        finally:
            self._flying -= 1
            self._calls += 1

    @property
    def _limits_spending(self) -> bool:
        return self.max_cost is not None or self.max_tokens is not None


def _tokens(usage: Usage) -> int:
    return usage.input_tokens + usage.output_tokens
