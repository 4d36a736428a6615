"""Scores as they are shown: in words, and over a whole run."""

from collections.abc import Iterable, Mapping
from statistics import fmean

from convsim_nb.analysis.scorers import folded
from convsim_nb.domain.score import Score
from convsim_nb.views.words import Tone


def by_key(scores: Iterable[Score] | None) -> dict[str, list[Score]]:
    """The scores that apply, by the conversation that they are of; those of single turns as their mean."""
    found: dict[str, list[Score]] = {}
    for score in folded(scores or ()):
        if score.value is not None:
            found.setdefault(score.key, []).append(score)
    return found


def every_by_key(scores: Iterable[Score] | None) -> dict[str, list[Score]]:
    """All scores that say something, those of single turns as they are, by the conversation that they are of."""
    found: dict[str, list[Score]] = {}
    for score in scores or ():
        if score.value is not None:
            found.setdefault(score.key, []).append(score)
    return found


def of_turns(scores: Iterable[Score]) -> dict[int, list[Score]]:
    """The scores of single turns, by turn."""
    found: dict[int, list[Score]] = {}
    for score in scores:
        if score.turn is not None:
            found.setdefault(score.turn, []).append(score)
    return found


def score_words(score: Score) -> str:
    """Sign, name and value: `✓ polite: yes`, `agent_latency: 1.24`."""
    match score.holds:
        case None:
            return f"{score.name}: {_short(score.value)}"
        case True:
            return f"✓ {score.name}: yes"
        case False:
            return f"✗ {score.name}: no"


def score_tone(score: Score) -> Tone:
    """Its colour: of a number nobody here knows whether it is good."""
    match score.holds:
        case None:
            return "live"
        case holds:
            return "good" if holds else "bad"


def score_totals(scores: Mapping[str, list[Score]]) -> dict[str, str]:
    """Each scorer over all that it applies to: `7 of 9 yes`, `mean 2.4 of 9`, `9 scored`."""
    named: dict[str, list[Score]] = {}
    for each in scores.values():
        for score in each:
            named.setdefault(score.name, []).append(score)
    return {name: _total(each) for name, each in named.items()}


def _total(scores: list[Score]) -> str:
    said = [score.holds for score in scores]
    if None not in said:
        return f"{said.count(True):,} of {len(said):,} yes"
    numbers = [score.value for score in scores if isinstance(score.value, int | float)]
    if len(numbers) == len(scores):
        return f"mean {_short(fmean(numbers))} of {len(numbers):,}"
    return f"{len(scores):,} scored"


def _short(value: object) -> str:
    if isinstance(value, float) and 0 < abs(value) < _TINY:  # the seconds of an agent that answers at once
        return f"<{_TINY}" if value > 0 else f">-{_TINY}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


_TINY = 0.001
