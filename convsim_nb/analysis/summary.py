"""The numbers of one run: how many reached their goal, how sure that is, what it took."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from math import expm1, sqrt
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
    """The lower end of the rate's 95 % interval, clustered by case: see `reach_interval`."""
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
    outcomes = ((conversation.case_id, conversation.verdict == "reached") for conversation in counted)
    low, high = reach_interval(outcomes) or (None, None)
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


def reach_interval(outcomes: Iterable[tuple[str, bool]]) -> tuple[float, float] | None:
    """The ends of the reach rate's 95 % interval, clustered by case; None without outcomes.

    `outcomes` are of the trials that count: the case's id, and whether it reached. It is Wilson's score interval
    on fewer trials, as far as the trials of a case are alike: Wilson's own with one trial a case.
    """
    cases: dict[str, list[bool]] = {}
    for case_id, reached in outcomes:
        cases.setdefault(case_id, []).append(reached)
    if not cases:
        return None
    counts = [(sum(trials), len(trials)) for trials in cases.values()]
    share = sum(hits for hits, _ in counts) / sum(of for _, of in counts)
    return _wilson(share, spread=_spread(counts, share=share))


def _spread(counts: Sequence[tuple[int, int]], *, share: float) -> float:
    """The squared quantile over as many trials as there would be, were none of them alike.

    `counts` are each case's hits and trials. How alike they are is estimated by Kish's design effect: the variance
    between cases over that of independent trials. Never less than all trials alone would give, never more than
    one trial a case, which is what a run says whose trials all came out the same.
    """
    z, cases, trials = NormalDist().inv_cdf(0.5 + LEVEL / 2), len(counts), sum(of for _, of in counts)
    wholly_alike = sum(of * of for _, of in counts) / trials
    if cases == 1:
        return z * z * wholly_alike / trials
    between = sum((hits - share * of) ** 2 for hits, of in counts) * cases / (cases - 1)
    effect = (between + _MORE * wholly_alike) / (trials * share * (1 - share) + _MORE)
    return max(z * z, min(_student(z, cases - 1) ** 2 * effect, z * z * wholly_alike)) / trials


_MORE = 0.5
"""Half a failure more than was seen, in a case all of whose trials fail: of one failure among many successes nobody
can tell how alike trials are. With it the interval covers .94 or more (`benchmarks/coverage.py`), without it .88."""


def _student(z: float, freedom: int) -> float:
    """Student's quantile where the normal one is `z`, after Gaver and Kafadar (1984): within 1 % from two on."""
    shrunk = z * z * (freedom - 5 / 6) / (freedom - 2 / 3 + 1 / (10 * freedom)) ** 2
    return sqrt(freedom * expm1(shrunk))


def _wilson(share: float, *, spread: float) -> tuple[float, float]:
    """Wilson's score interval around a share; `spread` is the squared quantile over the trials."""
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
