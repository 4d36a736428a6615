"""A model within a budget: what is used up ends the work, and no call takes longer than it may."""

import asyncio

from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.ports import Chat, ChatReply, ChatRequest


class UsedUp(Exception):
    """The budget has no room for another call; says what is used up."""


class BudgetedChat:
    """The same model; each call is reserved, timed and counted."""

    def __init__(self, chat: Chat, *, budget: Budget, model_timeout: float | None = None) -> None:
        self._chat, self._budget, self._timeout = chat, budget, model_timeout
        self.usage = Usage()

    async def __call__(self, request: ChatRequest) -> ChatReply:
        """The model's answer.

        Raises:
            UsedUp: there is no room for another call.
            ModelError: the model failed, or took too long.
        """
        async with self._budget.call() as refused:
            if refused:
                raise UsedUp(refused)
            try:
                async with asyncio.timeout(self._timeout):
                    reply = await self._chat(request)
            except TimeoutError:
                raise ModelError(f"the model took longer than model_timeout={self._timeout:g} s") from None
            except ModelError as error:
                self._spent(error.usage or Usage())
                raise
            self._spent(reply.usage)
            return reply

    def _spent(self, usage: Usage) -> None:
        self._budget.spend(usage)
        self.usage += usage
