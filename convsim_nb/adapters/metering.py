"""One call to a language model, with what all its tries took."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from convsim_nb.adapters.retries import Backoff, Cooldown, retried
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.ports import ChatReply


@dataclass
class Spent:
    """What the tries of one call took so far. A try that brought no answer counts as a call without tokens."""

    usage: Usage = field(default_factory=Usage)


async def metered(attempt: Callable[[Spent], Awaitable[str]], *, cooldown: Cooldown, backoff: Backoff) -> ChatReply:
    """The answer of `attempt`, which adds what it took to the `Spent`, also where it raises a `Fault`.

    Raises:
        ModelError: no further try was worth it. Its `usage` says what they took.
    """
    spent = Spent()
    try:
        text = await retried(lambda: attempt(spent), cooldown=cooldown, backoff=backoff)
    except ModelError as error:
        error.usage = spent.usage
        raise
    return ChatReply(text=text, usage=spent.usage)
