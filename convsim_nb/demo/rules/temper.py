"""The behaviours that may be laid over a case, as the rules play them: by a sentence more, or by leaving early."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from convsim_nb.domain.behaviours import BEHAVIOURS

_ONCE = ("clumsy", "changes_mind")
"""Behaviours of the second message alone: at every turn nothing would come of the conversation."""
_NOW_AND_THEN = ("code_switch", "tangent")
"""Those of every second message."""
_THANKS = ("over_trusting",)
"""Those that need an answer."""
_LATER = 2
"""The message in which a person who leaves things out is asked in vain."""


@dataclass(frozen=True)
class Temper:
    """Which behaviours the person has, and what it is to try next."""

    names: frozenset[str] = frozenset()
    step: tuple[str, int] | None = None
    """An adversarial behaviour, and which of its steps."""

    @property
    def hasty(self) -> bool:
        """Whether it leaves where three answers bring it no further."""
        return "impatient" in self.names

    @property
    def omits(self) -> bool:
        """Whether it says in its second message what the first left out."""
        return "incomplete" in self.names

    @property
    def trusts(self) -> bool:
        """Whether it takes whatever it is told as right."""
        return "over_trusting" in self.names

    def colour(self, said: str, *, turn: int, language: str, asked: bool) -> Iterator[str]:
        """The message as this person would write it, and at last as it is; `turn` is that of the message, from 0."""
        phrases = _phrases().get(language)
        if phrases is None or not self.names:
            yield said
            return
        if self.omits and turn == _LATER and asked:
            yield phrases["incomplete"][0]
        more = [*self._more(phrases, turn)]
        if self.omits and turn == 0:
            yield " ".join([_half(said), *more])
        if more:
            yield " ".join([said, *more])
        yield said

    def _more(self, phrases: Mapping[str, Sequence[str]], turn: int) -> Iterator[str]:
        for name in sorted(self.names & phrases.keys() - {"incomplete"}):
            if _is_due(name, turn):
                yield phrases[name][turn % len(phrases[name])]
        if self.step is not None:
            name, number = self.step
            yield phrases[name][number]


def _is_due(name: str, turn: int) -> bool:
    if name in _ONCE:
        return turn == 1
    return turn % 2 == 0 if name in _NOW_AND_THEN else turn > 0 or name not in _THANKS


def temper_of(guidelines: Sequence[str], *, try_next: str = "") -> Temper:
    """Read the behaviours from the guidelines of a brief, and the step from what is to be tried next."""
    names = {each.name for each in BEHAVIOURS if each.does in guidelines}
    steps = [
        (each.name.partition(":")[2], number)
        for each in BEHAVIOURS
        for number, step in enumerate(each.steps)
        if each.name in names and step in try_next
    ]
    return Temper(frozenset(names), steps[0] if steps else None)


def _half(said: str) -> str:
    """The first half of a message, broken off."""
    words = said.split()
    return f"{' '.join(words[: max(2, -(-len(words) * 2 // 3))])}…" if len(words) > 3 else said  # noqa: PLR2004


@cache
def _phrases() -> Mapping[str, Mapping[str, Sequence[str]]]:
    text = files(__package__).joinpath("lexicon/temper.toml").read_text("utf-8")
    found: Mapping[str, Mapping[str, Sequence[str]]] = tomllib.loads(text)
    return found
