"""The rule-based user: what the person types next, or that it is over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from convsim_nb.demo.rules.facts import Fact, best_fact, fact_of
from convsim_nb.demo.rules.goals import Part, parts
from convsim_nb.demo.rules.judging import Exchange, answered
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.specifics import marks
from convsim_nb.demo.rules.voice import Voice, first_person
from convsim_nb.demo.rules.wanting import opening, topic, wanting
from convsim_nb.demo.rules.words import stems
from convsim_nb.engine.user import UserReply

PATIENCE = 40
"""Messages that got nowhere, after which the person gives up."""
_REFUSED = 4
"""Refusals of the agent, after which the person gives up."""


@dataclass(frozen=True)
class Scene:
    """All that the person knows when the next message is due."""

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
    endless: bool = field(default=False)
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
    def satisfied(self) -> bool:
        return not self.unsaid and answered(self.goal, self.exchanges) is not None

    @property
    def turns(self) -> int:
        return len(self.own)


def play(scene: Scene) -> UserReply:
    """The next move."""
    if not scene.own or (not scene.agent and scene.refused):
        return _first_fitting(scene, _openings(scene), "opens")
    if not scene.endless and (why := _over(scene)):
        return UserReply(action="end", because=why)
    return _first_fitting(scene, _replies(scene), "goes on")


def _over(scene: Scene) -> str:
    if scene.noticed:
        return ""
    if scene.satisfied:
        return "has what it came for"
    if scene.turns >= PATIENCE:
        return "gives up: nothing came of it"
    refusals = sum(any(sentence.refuses for sentence in read(said)) for said in scene.agent[-_REFUSED:])
    return "gives up: it cannot be had" if refusals >= _REFUSED else ""


def _first_fitting(scene: Scene, candidates: Iterator[str], because: str) -> UserReply:
    """The first message that is neither the one before nor one that was stopped, nor holds what was stopped in it."""
    barred = {said.casefold() for said in (*scene.refused, *scene.own[-2:])}
    stopped = _stopped(scene)
    for candidate in candidates:
        said = scene.voice.say(candidate)
        if said.strip() and said.casefold() not in barred and not (marks(said) & stopped):
            return UserReply(action="say", text=said, because=because)
    return UserReply(
        action="say", text=f"{scene.voice.say(scene.goal)} ({scene.turns + len(scene.refused)})", because=because
    )


def _stopped(scene: Scene) -> frozenset[str]:
    """The specifics of stopped messages, but for those of the goal's own."""
    return frozenset[str]().union(*(marks(said) for said in scene.refused)) - marks(scene.goal)


def _openings(scene: Scene) -> Iterator[str]:
    first = scene.parts[0]
    yield from opening(first, scene.voice)
    yield first_person(first.text, scene.voice.language)
    yield first_person(scene.goal, scene.voice.language)


def _replies(scene: Scene) -> Iterator[str]:
    """Messages that fit, the best first; without end."""
    if not scene.refused:
        yield from _reacting(scene)
        yield from _answering(scene)
    yield from _wanting_more(scene)
    yield from _insisting(scene)


def _reacting(scene: Scene) -> Iterator[str]:
    """To what was just noticed."""
    for fact in scene.noticed:
        said = first_person(fact, scene.voice.language).rstrip(".")
        yield from _phrases(scene, "object", fact=f"{said}.")


def _answering(scene: Scene) -> Iterator[str]:
    """What the agent asked, from the facts; yes to what it offers."""
    asked = [sentence for sentence in scene.heard if sentence.asks or sentence.offers]
    given = [said for sentence in asked if (said := _answer(scene, sentence))]
    if given:
        yield " ".join(dict.fromkeys(given[:2]))
        yield given[0]


def _answer(scene: Scene, sentence: Sentence) -> str:
    facts = [fact_of(text) for text in (*scene.facts, *scene.known)]
    if fact := best_fact(sentence, facts, scene.own):
        return _given(scene, fact)
    if sentence.offers:
        return next(_phrases(scene, "yes"), "")
    if "greet" in sentence.does:
        return ""
    if "choice" in sentence.does:
        return next(_phrases(scene, "pick"), "")
    again = best_fact(sentence, facts, ())
    if again:
        return _given(scene, again)
    if sentence.stems & stems(scene.goal, scene.voice.language):
        return wanting(scene.parts[0], scene.voice)
    return next(_phrases(scene, "unknown"), "")


def _given(scene: Scene, fact: Fact) -> str:
    return first_person(fact.answer, scene.voice.language).rstrip(".") + "."


def _wanting_more(scene: Scene) -> Iterator[str]:
    """The parts of the goal that were not spoken of yet."""
    ready = scene.heard and not any(sentence.asks or sentence.offers for sentence in scene.heard)
    if ready and scene.unsaid:
        told = scene.unsaid[0]
        yield from _phrases(scene, "also", want=wanting(told, scene.voice))


def _insisting(scene: Scene) -> Iterator[str]:
    """The same wish in other words; as many as it takes."""
    about = topic(scene.goal, scene.voice.language)
    refused = any(sentence.refuses for sentence in scene.heard)
    if refused:
        yield from _phrases(scene, "cannot", topic=about)
    if not scene.refused:
        yield from _phrases(scene, "insist", topic=about)
    yield from _phrases(scene, "insist_plain")
    yield from _phrases(scene, "insist", topic=about)


def _phrases(scene: Scene, name: str, **filled: str) -> Iterator[str]:
    """The language's phrases of a kind, begun at another one each turn."""
    said = scene.voice.lexicon.phrases.get(name, ())
    start = scene.turns + len(scene.refused)
    for at in range(len(said)):
        yield said[(start + at) % len(said)].format(**filled)
