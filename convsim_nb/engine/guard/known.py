"""What the simulated user of a case may know, and what it must not give away yet: read once a case."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from pydantic import JsonValue

from convsim_nb.domain.case import TestCase, instruction_of
from convsim_nb.domain.session import Message
from convsim_nb.engine.guard.exact import dates, exact
from convsim_nb.engine.guard.text import folded, grams, joined, language_of, pairs, spaced, squashed, telling, words

_RECITED = 8
"""Words in a row that nobody takes from a brief by chance."""
_PREFIX = 3
"""First letters that a word shares with its stem."""


@dataclass(frozen=True)
class Secret:
    """A text that the simulated user must not give away."""

    place: str
    """`withheld[0]`, `expectations.refund`."""
    stems: frozenset[str]
    """What in it is nothing that the user may know."""
    pairs: frozenset[str]
    exact: frozenset[str]
    dates: frozenset[str]

    @cached_property
    def begins(self) -> frozenset[str]:
        """How a word begins that could be one of the stems: most words need no stemming."""
        return frozenset(stem[:_PREFIX] for stem in self.stems)


@dataclass(eq=False)
class Known:
    """What may be known in one state of a conversation: the case with some of its facts released."""

    case: TestCase
    released: frozenset[int] = frozenset()

    @cached_property
    def language(self) -> str:
        """Which small words and stems are looked at."""
        return language_of(joined([self.text, *(withheld.fact for withheld in self.case.withheld)]))

    @cached_property
    def text(self) -> str:
        """All that the user may know."""
        case = self.case
        return joined(
            [
                case.goal,
                case.persona or "",
                *case.simulation_guidelines,
                *case.facts,
                *case.script,
                *(message.content for message in case.history),
                *_texts(dict(case.context)),
                *(withheld.fact for n, withheld in enumerate(case.withheld) if n in self.released),
            ]
        )

    @cached_property
    def squashed(self) -> str:
        """The same, letters and digits alone; with the person's own messages, which hold no made-up ids."""
        return squashed(self.text)

    @cached_property
    def spaced(self) -> str:
        """The same in folded words."""
        return spaced(self.text)

    @cached_property
    def folded(self) -> str:
        """The same in one case."""
        return folded(self.text)

    @cached_property
    def recited(self) -> frozenset[tuple[str, ...]]:
        """Runs of words of persona and guidelines, which nobody says of himself; what is there to be said is not."""
        case = self.case
        told = [case.persona or "", *map(instruction_of, case.simulation_guidelines)]
        return _runs(told) - _runs([case.goal, *case.facts, *case.script])

    @cached_property
    def secrets(self) -> tuple[Secret, ...]:
        """What must not be given away: withheld facts that are not released, and what scorers expect."""
        pending = [(f"withheld[{n}]", w.fact) for n, w in enumerate(self.case.withheld) if n not in self.released]
        expected = [
            (f"expectations.{name}", text) for name, value in self.case.expectations.items() for text in _texts(value)
        ]
        found = (self._secret(place, text) for place, text in (*pending, *expected))
        return tuple(secret for secret in found if secret.stems or secret.pairs or secret.exact or secret.dates)

    def _secret(self, place: str, text: str) -> Secret:
        known = telling(self.text, self.language)
        return Secret(
            place=place,
            stems=frozenset(stem for stem in telling(text, self.language) - known if not begun(stem, self.spaced)),
            pairs=pairs(text) - pairs(self.text),
            exact=frozenset(value for value in exact(text) if squashed(value) not in self.squashed),
            dates=dates(text) - dates(self.text),
        )


def begun(stem: str, text: str) -> bool:
    """Whether a word in `text` (`spaced`) begins as the stem does."""
    return f" {stem[: max(4, len(stem) - 1)]}" in text


def was_said(value: str, messages: tuple[Message, ...]) -> bool:
    """Whether either side has said it, however it was spaced."""
    wanted = squashed(value)
    return any(wanted in squashed(message.content) for message in messages)


def _runs(texts: Iterable[str]) -> frozenset[tuple[str, ...]]:
    return frozenset[tuple[str, ...]]().union(*(grams(words(text), _RECITED) for text in texts))


def _texts(value: JsonValue) -> Iterator[str]:
    """The texts and numbers in a JSON value, its keys left out."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
