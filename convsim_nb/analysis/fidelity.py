"""How alike a simulated user is to the person it plays: pair by pair, beside what people differ among themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from convsim_nb.analysis.clusters import coverage
from convsim_nb.analysis.manner import MEASURES, Talk

LEVEL = 0.95
_DRAWS = 2000
_SPLITS = 400
_FEWEST = 4
"""Conversations from which halves can be told apart at all."""


@dataclass(frozen=True)
class Pair:
    """A person, and who played them."""

    case_id: str
    person: Talk
    player: Talk


@dataclass(frozen=True)
class Row:
    """One measure: person, player, and how far they are apart."""

    measure: str
    person: float
    player: float
    difference: float
    """Player minus person, of the means."""
    low: float
    high: float
    """The interval of the difference: a bootstrap over the pairs."""
    control: float | None
    """How far two random halves of the people are apart, in 95 of 100 splits; None with too few."""
    pairs: int

    @property
    def apart(self) -> bool:
        """Whether the difference is beyond chance, and beyond what people differ among themselves."""
        beyond = self.low > 0 or self.high < 0
        return beyond and (self.control is None or abs(self.difference) > self.control)


ABOUT: dict[str, str] = {
    "said_first": "share of all it brings up that stands in the first message",
    "things_a_message": "new things brought up a message",
    "words_a_message": "words a message",
    "messages": "messages in a conversation",
    "starts_lower": "share of messages that begin in lower case",
    "ends_marked": "share of messages that end on a mark",
    "polite": "share of messages with a courtesy",
    "asks": "share of messages that ask",
    "thanks_last": "share of conversations whose last message is a courtesy",
    "negative_after_fault": "share of messages that object, right after a fault of the agent",
    "repeats": "share of messages said before in other words or the same",
    "in_language": "share of messages in the person's language",
    "coverage": "share of the kinds of messages that people send which are sent",
}
"""What each measure is."""

_ADVICE: dict[str, tuple[str, str]] = {
    "said_first": ("tells too much at once", "keeps back more than people do"),
    "things_a_message": ("puts too much into a message", "says less a message than people do"),
    "words_a_message": ("writes longer messages", "writes shorter messages"),
    "messages": ("goes on longer", "stops sooner"),
    "starts_lower": ("writes in lower case where people do not", "begins with capitals where people do not"),
    "ends_marked": ("ends messages on a full stop where people do not", "leaves out the marks that people put"),
    "polite": ("is politer", "is less polite"),
    "asks": ("asks more", "asks less"),
    "thanks_last": ("says thanks at the end more often", "goes without a word more often"),
    "negative_after_fault": ("objects more after a fault", "takes faults too lightly"),
    "repeats": ("repeats itself more", "repeats itself less"),
    "in_language": ("keeps to one language more", "changes the language"),
    "coverage": ("", "never sends some kinds of messages that people send"),
}
_REMEDY: dict[str, str] = {
    "said_first": "move details from the goal to `facts`",
    "things_a_message": "move details from the goal to `facts`",
    "words_a_message": "give the cases a `style` with examples, measured from the sessions",
    "messages": "look at how conversations end: patience belongs into `simulation_guidelines`",
    "starts_lower": "give the cases a `style` with examples",
    "ends_marked": "give the cases a `style` with examples",
    "polite": "give the cases a `style`, and the mood in `persona`",
    "asks": "give the cases a `style` with examples",
    "thanks_last": "it costs nothing: leave it, unless the agent's goodbye is under test",
    "negative_after_fault": "say in `persona` and in `withheld` how the person took it; try another user_model",
    "repeats": "look at the agent's replies there: what it overlooks is repeated; else try another user_model",
    "in_language": "write goal and facts in the person's language, or set `style.language`",
    "coverage": "distill more sessions of those kinds",
}


def compare_pairs(pairs: Sequence[Pair], *, seed: int = 0) -> tuple[Row, ...]:
    """Each measure over all pairs in which both sides have it."""
    draw = np.random.default_rng(seed)
    rows = [_row(name, pairs, draw) for name in MEASURES]
    return (*(row for row in rows if row), *_coverage_row(pairs, draw))


def measured(pair: Pair) -> dict[str, tuple[float | None, float | None]]:
    """Each measure of one pair: of the person and of the player."""
    return {name: (measure(pair.person), measure(pair.player)) for name, measure in MEASURES.items()}


def advice(rows: Sequence[Row]) -> tuple[str, ...]:
    """A line for each measure in which the two are apart: what it does, and what to change."""
    told = []
    for row in rows:
        if row.apart:
            more, less = _ADVICE[row.measure]
            what = more if row.difference > 0 else less
            told.append(
                f"The simulated user {what} ({row.player:.2f} against {row.person:.2f}): {_REMEDY[row.measure]}."
            )
    return tuple(told)


def _row(name: str, pairs: Sequence[Pair], draw: np.random.Generator) -> Row | None:
    both = [(a, b) for a, b in (measured(pair)[name] for pair in pairs) if a is not None and b is not None]
    if not both:
        return None
    person, player = np.array(both, dtype=float).T
    low, high = _interval(player - person, draw)
    return Row(
        measure=name,
        person=float(person.mean()),
        player=float(player.mean()),
        difference=float((player - person).mean()),
        low=low,
        high=high,
        control=_halves(person, draw),
        pairs=len(both),
    )


def _interval(differences: "np.ndarray[Any, Any]", draw: np.random.Generator) -> tuple[float, float]:
    """Of the mean, from pairs drawn with replacement."""
    count = len(differences)
    means = differences[draw.integers(0, count, size=(_DRAWS, count))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _halves(person: "np.ndarray[Any, Any]", draw: np.random.Generator) -> float | None:
    """How far the means of two random halves of the people are apart, at most in 95 of 100 splits."""
    if len(person) < _FEWEST:
        return None
    half = len(person) // 2
    splits = np.array([draw.permutation(person) for _ in range(_SPLITS)])
    apart = np.abs(splits[:, :half].mean(axis=1) - splits[:, half:].mean(axis=1))
    return float(np.quantile(apart, LEVEL))


def _coverage_row(pairs: Sequence[Pair], draw: np.random.Generator) -> tuple[Row, ...]:
    """Which kinds of the people's messages the players send; the control is one half of the people for the other."""
    people, players = [pair.person.said for pair in pairs], [pair.player.said for pair in pairs]
    if len(pairs) < _FEWEST or not any(players):
        return ()
    order = draw.permutation(len(pairs))
    half = len(pairs) // 2
    one, other = ([people[n] for n in part] for part in (order[:half], order[half:]))
    of_players, of_people = coverage(people, players), coverage(one, other)
    drawn = [draw.integers(0, len(pairs), size=len(pairs)) for _ in range(100)]
    some = [coverage(people, [players[n] for n in places]) - 1 for places in drawn]
    low, high = np.quantile(some, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return (
        Row(
            measure="coverage",
            person=1.0,
            player=of_players,
            difference=of_players - 1,
            low=float(low),
            high=float(high),
            control=1 - of_people,
            pairs=len(pairs),
        ),
    )


def as_mappings(rows: Sequence[Row]) -> list[Mapping[str, object]]:
    """The rows for a frame: numbers as they are, and what each measure is."""
    return [
        {
            "measure": row.measure,
            "person": row.person,
            "simulated": row.player,
            "difference": row.difference,
            "low": row.low,
            "high": row.high,
            "control": row.control,
            "apart": row.apart,
            "pairs": row.pairs,
            "about": ABOUT[row.measure],
        }
        for row in rows
    ]
