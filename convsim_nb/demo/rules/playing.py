"""The rule-based user: what the person types next, or that it is over."""

from collections.abc import Iterator

from convsim_nb.demo.rules.replies import replies
from convsim_nb.demo.rules.scene import Scene
from convsim_nb.demo.rules.shapes import read
from convsim_nb.demo.rules.specifics import marks
from convsim_nb.demo.rules.wanting import opening, sentence
from convsim_nb.engine.user import UserReply

PATIENCE = 40
"""Messages that got nowhere, after which the person gives up."""
_REFUSED = 4
"""Refusals of the agent in a row, after which the person gives up."""
_HURRIED = 3
"""Answers that bring it no further, after which a person in a hurry gives up."""


def play(scene: Scene) -> UserReply:
    """The next move."""
    if not scene.own:
        return _first_fitting(scene, _openings(scene), "opens")
    if not scene.endless and (why := _over(scene)):
        return UserReply(action="end", because=why)
    if scene.temper.omits and scene.turns == 1 and not scene.refused:
        return _first_fitting(scene, _openings(scene), "says the rest")
    return _first_fitting(scene, replies(scene), "goes on")


def _over(scene: Scene) -> str:
    """Why the person leaves it at that, or nothing."""
    if scene.noticed:
        return ""
    if scene.satisfied:
        return "has what it came for"
    if scene.turns >= PATIENCE:
        return "gives up: nothing came of it"
    if scene.temper.hasty and len(scene.agent) >= _HURRIED and all(map(_asks_on, scene.agent[-_HURRIED:])):
        return "gives up: three answers, and no further"
    refusals = [any(heard.refuses for heard in read(said)[:2]) for said in scene.agent[-_REFUSED:]]
    return "gives up: it cannot be had" if len(refusals) == _REFUSED and all(refusals) else ""


def _asks_on(said: str) -> bool:
    """Whether an answer brought nothing but another question, or a delay."""
    heard = read(said)
    return any(each.asks or each.evades for each in heard) and not any(each.done for each in heard)


def _openings(scene: Scene) -> Iterator[str]:
    yield from opening(scene.parts[0], scene.voice)
    yield sentence(scene.goal, scene.voice.language)


def _first_fitting(scene: Scene, candidates: Iterator[str], because: str) -> UserReply:
    """The first message that was neither said lately nor stopped, nor holds what was stopped in it."""
    barred = {said.casefold() for said in (*scene.refused, *scene.own[-2:])}
    stopped = frozenset[str]().union(*(marks(said) for said in scene.refused)) - marks(scene.goal)
    said = ""
    for said in _coloured(scene, candidates):
        if said.strip() and said.casefold() not in barred and not (marks(said) & stopped):
            return UserReply(action="say", text=said, because=because)
    return UserReply(action="say", text=f"{said or scene.goal}{'…' * (1 + scene.turns % 2)}", because=because)


def _coloured(scene: Scene, candidates: Iterator[str]) -> Iterator[str]:
    """Each message in the person's style, and first as its behaviour has it: not where a message was stopped."""
    asked = any(heard.asks for heard in scene.heard)
    for candidate in candidates:
        if scene.refused:
            yield scene.voice.say(candidate)
            continue
        coloured = scene.temper.colour(candidate, turn=scene.turns, language=scene.voice.language, asked=asked)
        yield from map(scene.voice.say, coloured)
