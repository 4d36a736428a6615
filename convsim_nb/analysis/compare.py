"""Two runs of the same cases against each other: metric by metric, and case by case."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean, harmonic_mean

from convsim_nb.analysis.failures import unreached
from convsim_nb.analysis.paired import Difference, Power, difference, power
from convsim_nb.analysis.scorers import agent_latency, folded
from convsim_nb.domain.conversation import Conversation, Usage
from convsim_nb.domain.record import Record
from convsim_nb.domain.score import Score

REACH = "reach rate"
LATENCY = "agent seconds a reply"
TIMED = (LATENCY, agent_latency.__name__)
"""Seconds. They grow with how many conversations play at once: agents share a machine with each other, and with us."""
Value = Callable[[Conversation], float | None]
"""A number of one conversation; None where it has none."""


class Metric(Record):
    """One row of a comparison: means over the cases that both runs have, and their difference."""

    name: str
    first: float
    second: float
    gap: Difference
    """Second minus first."""
    share: bool
    """True where the values are shares, from 0 to 1."""
    better: int
    """1 where more is better, -1 where less is, 0 where nobody said."""
    tested: bool = True
    """False for seconds: all cases of a run share its machine and its hour, so that no test over cases holds."""


class CaseChange(Record):
    """One case in both runs: the trials that count, by their outcome."""

    case_id: str
    goal: str
    first: tuple[bool, ...]
    second: tuple[bool, ...]

    @property
    def gap(self) -> float:
        """The second's share of trials that reached the goal, less the first's."""
        return fmean(self.second) - fmean(self.first)


class Compared(Record):
    """What two runs say about two agents."""

    metrics: tuple[Metric, ...]
    """The reach rate first."""
    cases: tuple[CaseChange, ...]
    """Those with trials that count in both, the worst change first."""
    power: Power | None
    """None where no case counts in both."""
    void: tuple[int, int]
    """Void trials of each run, which say nothing about the agents."""
    only: tuple[int, int]
    """Cases of each run that the other has no counting trial of."""
    unreached: tuple[int, int] = (0, 0)
    """Trials of each run that ended because the agent could not be reached: they count as not reached."""
    reachable: "Compared | None" = None
    """The same without those trials, where there are any."""
    at_once: tuple[int, int] | None = None
    """How many conversations played at once, where that differs: then no seconds are compared."""


class Side(Record):
    """One run, as far as a comparison looks at it."""

    conversations: tuple[Conversation, ...]
    scores: tuple[Score, ...] = ()
    goals: dict[str, str] = {}
    """By case id."""
    concurrency: int | None = None
    """How many conversations played at once; None where nobody knows."""


def compare(first: Side, second: Side) -> Compared:
    """The second against the first, paired by case; conversations that don't count are left out."""
    found = _compared(first, second)
    away = (_unreached(first), _unreached(second))
    if not any(away):
        return found
    without = _compared(_of_those_reached(first), _of_those_reached(second))
    return found.model_copy(update={"unreached": away, "reachable": without})


def _compared(first: Side, second: Side) -> Compared:
    outcomes = [_by_case(side, _reached) for side in (first, second)]
    both = [case_id for case_id in outcomes[0] if case_id in outcomes[1]]
    changes = [
        CaseChange(
            case_id=case_id,
            goal=second.goals.get(case_id) or first.goals.get(case_id, ""),
            first=tuple(map(bool, outcomes[0][case_id])),
            second=tuple(map(bool, outcomes[1][case_id])),
        )
        for case_id in both
    ]
    at_once = (first.concurrency, second.concurrency)
    differs = at_once if None not in at_once and at_once[0] != at_once[1] else None
    metrics = tuple(_metrics(first, second))
    return Compared(
        metrics=tuple(metric for metric in metrics if differs is None or metric.name not in TIMED),
        at_once=differs,
        cases=tuple(sorted(changes, key=lambda change: change.gap)),
        power=power([(change.first, change.second) for change in changes]) if changes else None,
        void=(_void(first), _void(second)),
        only=(len(outcomes[0]) - len(both), len(outcomes[1]) - len(both)),
    )


def _metrics(first: Side, second: Side) -> Iterable[Metric]:
    for name, (value, better) in _OWN.items():
        sides = [_by_case(side, value) for side in (first, second)]
        yield from _metric(name, sides, better=better, share=name == REACH)
    every = [*first.scores, *second.scores]
    scored = [folded(side.scores) for side in (first, second)]
    for name in dict.fromkeys(score.name for score in every if score.name not in _OWN):
        sides = [_by_case(side, _scored(scores, name)) for side, scores in zip((first, second), scored, strict=True)]
        yes_or_no = all(_is_yes_or_no(score) for score in every if score.name == name)
        yield from _metric(name, sides, better=0, share=yes_or_no)


def _metric(name: str, sides: Sequence[Mapping[str, Sequence[float]]], *, better: int, share: bool) -> Iterable[Metric]:
    """The row of a metric; none where no case has a value of it in both runs."""
    one, two = sides
    both = [case_id for case_id in one if case_id in two]
    if not both:
        return
    trials = harmonic_mean([len(side[case_id]) for case_id in both for side in sides]) if share else None
    gaps = [fmean(two[case_id]) - fmean(one[case_id]) for case_id in both]
    yield Metric(
        name=name,
        first=fmean(fmean(one[case_id]) for case_id in both),
        second=fmean(fmean(two[case_id]) for case_id in both),
        gap=difference(gaps, trials=trials),
        share=share,
        better=better,
        tested=name not in TIMED,
    )


def _by_case(side: Side, value: Value) -> dict[str, list[float]]:
    """The values of the conversations that count, by case."""
    found: dict[str, list[float]] = defaultdict(list)
    for conversation in side.conversations:
        if conversation.counts and (number := value(conversation)) is not None:
            found[conversation.case_id].append(number)
    return found


def _scored(scores: Iterable[Score], name: str) -> Value:
    numbers = {score.key: score.number for score in scores if score.name == name}
    return lambda conversation: numbers.get(conversation.key)


def _is_yes_or_no(score: Score) -> bool:
    return score.value is None or score.holds is not None


def _reached(conversation: Conversation) -> float:
    return float(conversation.verdict == "reached")


def _agent_usage(conversation: Conversation) -> Usage | None:
    return conversation.usage.get("agent")


def _agent_tokens(conversation: Conversation) -> float | None:
    usage = _agent_usage(conversation)
    return float(usage.input_tokens + usage.output_tokens) if usage else None


def _agent_cost(conversation: Conversation) -> float | None:
    usage = _agent_usage(conversation)
    return usage.cost if usage else None


_OWN: dict[str, tuple[Value, int]] = {
    REACH: (_reached, 1),
    "corrections": (lambda conversation: float(conversation.corrections), -1),
    "turns": (lambda conversation: float(conversation.turns), -1),
    LATENCY: (agent_latency, -1),
    "agent tokens": (_agent_tokens, -1),
    "agent cost": (_agent_cost, -1),
}


def _unreached(side: Side) -> int:
    return sum(conversation.counts and unreached(conversation) for conversation in side.conversations)


def _of_those_reached(side: Side) -> Side:
    kept = tuple(conversation for conversation in side.conversations if not unreached(conversation))
    return side.model_copy(update={"conversations": kept})


def _void(side: Side) -> int:
    return sum(conversation.verdict == "void" and conversation.origin is None for conversation in side.conversations)
