"""The numbers of one run: how many reached their goal, how sure that is, what it took."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from statistics import NormalDist, fmean

from convsim_nb.domain.conversation import Conversation, Spender, Stop, Usage
from convsim_nb.domain.record import Record

LEVEL = 0.95
"""Of every interval that is shown without one of its own."""


class RunSummary(Record):
    """A run in numbers.

    `total = reached + not_reached + void + assisted + forked + unfinished`: each conversation stands in
    the last of these that fits it, so the rate is of `reached` and `not_reached` alone.
    """

    total: int
    reached: int
    not_reached: int
    void: int
    """The simulation failed or was cut off: says nothing about the agent."""
    assisted: int
    """A person spoke for the simulated user, whatever came of it."""
    forked: int
    """Forks and repeats, whatever came of them."""
    unfinished: int
    """Waiting, running or paused."""
    rate: float | None
    """Of those that count, how many reached their goal; None where none counts."""
    low: float | None
    """The lower end of the rate's 95 % Wilson interval."""
    high: float | None
    corrections: int
    """Faults of the agent that the user came to correct, void conversations included: the fault was seen."""
    mean_turns: float | None
    """Over the conversations that count."""
    by_stop: dict[Stop, int]
    """All that ended, forked ones apart; the most frequent first."""
    agent_p50: float | None
    """Seconds for one reply of the agent, over all replies."""
    agent_p95: float | None
    usage: dict[Spender, Usage]

    @property
    def counted(self) -> int:
        """How many conversations the rate is of."""
        return self.reached + self.not_reached

    @property
    def cost(self) -> float | None:
        """US dollars over all spenders; None where a price is not known."""
        return sum(self.usage.values(), Usage()).cost


def summarise(conversations: Iterable[Conversation]) -> RunSummary:
    """The numbers of `conversations`, ended or not: the newest attempt of each key, as `RunState` has them."""
    every = tuple(conversations)
    places = Counter(map(_place, every))
    counted = [conversation for conversation in every if conversation.stop and conversation.counts]
    own = [conversation for conversation in every if conversation.origin is None]
    low, high = wilson(places["reached"], of=len(counted)) if counted else (None, None)
    latencies = sorted(_latencies(every))
    return RunSummary(
        total=len(every),
        **{place: places[place] for place in _PLACES},
        rate=places["reached"] / len(counted) if counted else None,
        low=low,
        high=high,
        corrections=sum(conversation.corrections for conversation in own if not conversation.assisted),
        mean_turns=fmean(conversation.turns for conversation in counted) if counted else None,
        by_stop=dict(Counter(conversation.stop for conversation in own if conversation.stop).most_common()),
        agent_p50=percentile(latencies, at=0.5),
        agent_p95=percentile(latencies, at=0.95),
        usage=_usage(every),
    )


def wilson(hits: int, *, of: int, level: float = LEVEL) -> tuple[float, float]:
    """The Wilson score interval of `hits` out of `of` (at least 1): as SciPy's, without its second of import."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    share, spread = hits / of, z * z / of
    middle = share + spread / 2
    half = (share * (1 - share) * spread + spread * spread / 4) ** 0.5
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def percentile(ordered: Sequence[float], *, at: float) -> float | None:
    """The value at the fraction `at` of ascending values, interpolated linearly; None where there are none."""
    if not ordered:
        return None
    place = at * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


_PLACES = ("reached", "not_reached", "void", "assisted", "forked", "unfinished")


def _place(conversation: Conversation) -> str:
    if conversation.stop is None:
        return "unfinished"
    if conversation.origin is not None:
        return "forked"
    return "assisted" if conversation.assisted else str(conversation.verdict)


def _latencies(conversations: Iterable[Conversation]) -> Iterable[float]:
    messages = chain.from_iterable(conversation.messages for conversation in conversations)
    return (message.seconds for message in messages if message.source == "agent" and message.seconds is not None)


def _usage(conversations: Iterable[Conversation]) -> dict[Spender, Usage]:
    total: dict[Spender, Usage] = {}
    for spender, usage in chain.from_iterable(conversation.usage.items() for conversation in conversations):
        total[spender] = total.get(spender, Usage()) + usage
    return total
