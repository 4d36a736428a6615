"""How far a judge says what people say: agreement, confusion, and kappa, which takes chance out."""

from collections.abc import Hashable, Sequence

import numpy as np

from convsim_nb.domain.record import Record

_DRAWS = 2000
_FEWEST = 10
"""Cases below which drawing among them says too little about others."""
_ENDS = (2.5, 97.5)


class Agreement(Record):
    """A judge held against people on the same conversations."""

    both_yes: int
    both_no: int
    judge_alone: int
    """The judge said yes, the person no."""
    person_alone: int
    """The person said yes, the judge no."""
    kappa: float | None
    """Cohen's; None where one of the two says the same of all, for then nothing can be told."""
    low: float | None
    """The ends of the 95 % interval, drawn by cases; None where there are too few."""
    high: float | None
    cases: int

    @property
    def total(self) -> int:
        """How many conversations were labelled."""
        return self.both_yes + self.both_no + self.judge_alone + self.person_alone

    @property
    def agreement(self) -> float:
        """The share that both see alike."""
        return (self.both_yes + self.both_no) / self.total

    @property
    def base_rate(self) -> float:
        """The share that people said yes of: who says yes of all agrees in as many."""
        return (self.both_yes + self.person_alone) / self.total

    @property
    def by_rote(self) -> float:
        """The agreement of who always says what people say most."""
        return max(self.base_rate, 1 - self.base_rate)


def agreement(person: Sequence[bool], judge: Sequence[bool], *, cases: Sequence[Hashable]) -> Agreement:
    """Both words on each conversation (at least one), and the case it is of: trials of a case are drawn together."""
    told, said = np.array(person, dtype=bool), np.array(judge, dtype=bool)
    low, high = _interval(told, said, list(cases))
    return Agreement(
        both_yes=int((told & said).sum()),
        both_no=int((~told & ~said).sum()),
        judge_alone=int((~told & said).sum()),
        person_alone=int((told & ~said).sum()),
        kappa=_kappa(told, said),
        low=low,
        high=high,
        cases=len(set(cases)),
    )


def _kappa(told: "np.ndarray", said: "np.ndarray") -> float | None:
    by_chance = told.mean() * said.mean() + (1 - told.mean()) * (1 - said.mean())
    if told.all() or said.all() or not told.any() or not said.any():
        return None
    return float(((told == said).mean() - by_chance) / (1 - by_chance))


def _interval(
    told: "np.ndarray", said: "np.ndarray", cases: Sequence[Hashable]
) -> tuple[float, float] | tuple[None, None]:
    known = {case: place for place, case in enumerate(dict.fromkeys(cases))}
    if len(known) < _FEWEST:
        return None, None
    places = [np.flatnonzero(np.array([known[case] for case in cases]) == place) for place in range(len(known))]
    rng = np.random.default_rng(0)
    drawn = [np.concatenate([places[n] for n in rng.integers(len(known), size=len(known))]) for _ in range(_DRAWS)]
    found = [kappa for each in drawn if (kappa := _kappa(told[each], said[each])) is not None]
    if len(found) < _DRAWS / 2:
        return None, None
    low, high = np.percentile(found, _ENDS)
    return float(low), float(high)
