"""What the simulated person knows when the next message is due."""

from dataclasses import dataclass, field
from functools import cached_property

from convsim_nb.demo.rules.facts import Fact, fact_of
from convsim_nb.demo.rules.goals import Part, parts
from convsim_nb.demo.rules.judging import Exchange, answered
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.temper import Temper
from convsim_nb.demo.rules.voice import Voice
from convsim_nb.demo.rules.wanting import sentence
from convsim_nb.demo.rules.words import stems


@dataclass(frozen=True)
class Scene:
    """The brief, and the conversation so far."""

    goal: str
    voice: Voice
    facts: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    """What the person has said."""
    agent: tuple[str, ...] = ()
    """What the agent has said."""
    exchanges: tuple[Exchange, ...] = ()
    noticed: tuple[str, ...] = ()
    """What the person has just noticed or remembered."""
    known: tuple[str, ...] = ()
    """What the person noticed or remembered before."""
    refused: tuple[str, ...] = ()
    """Messages in place of which another is wanted."""
    temper: Temper = field(default_factory=Temper)
    """How the person goes about it."""
    endless: bool = False
    """Never ends by itself: for benchmarks."""

    @cached_property
    def heard(self) -> tuple[Sentence, ...]:
        """The agent's newest message."""
        return read(self.agent[-1]) if self.agent else ()

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        return parts(self.goal)

    @cached_property
    def unsaid(self) -> tuple[Part, ...]:
        """The parts of the goal that the person has not yet spoken of."""
        said = stems(" ".join(self.own), self.voice.language)
        return tuple(part for part in self.parts if len(part.stems & said) * 2 < len(part.stems))

    @cached_property
    def knows(self) -> tuple[Fact, ...]:
        """What the person can tell when asked: the facts, what was noticed, and the goal's further parts."""
        told = [sentence(part.text, part.language) for part in self.parts[1:]]
        return tuple(fact_of(text) for text in (*self.facts, *self.known, *told))

    @cached_property
    def satisfied(self) -> bool:
        """Whether the goal was spoken of in full, and answered."""
        return not self.unsaid and answered(self.goal, self.exchanges) is not None

    @property
    def turns(self) -> int:
        return len(self.own)
