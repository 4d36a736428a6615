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


def play(scene: Scene) -> UserReply:
    """The next move."""
    if not scene.own:
        return _first_fitting(scene, _openings(scene), "opens")
    if not scene.endless and (why := _over(scene)):
        return UserReply(action="end", because=why)
    return _first_fitting(scene, replies(scene), "goes on")


def _over(scene: Scene) -> str:
    """Why the person leaves it at that, or nothing."""
    if scene.noticed:
        return ""
    if scene.satisfied:
        return "has what it came for"
    if scene.turns >= PATIENCE:
        return "gives up: nothing came of it"
    refusals = [any(heard.refuses for heard in read(said)[:2]) for said in scene.agent[-_REFUSED:]]
    return "gives up: it cannot be had" if len(refusals) == _REFUSED and all(refusals) else ""


def _openings(scene: Scene) -> Iterator[str]:
    yield from opening(scene.parts[0], scene.voice)
    yield sentence(scene.goal, scene.voice.language)


def _first_fitting(scene: Scene, candidates: Iterator[str], because: str) -> UserReply:
    """The first message that was neither said lately nor stopped, nor holds what was stopped in it."""
    barred = {said.casefold() for said in (*scene.refused, *scene.own[-2:])}
    stopped = frozenset[str]().union(*(marks(said) for said in scene.refused)) - marks(scene.goal)
    said = ""
    for candidate in candidates:
        said = scene.voice.say(candidate)
        if said.strip() and said.casefold() not in barred and not (marks(said) & stopped):
            return UserReply(action="say", text=said, because=because)
    return UserReply(action="say", text=f"{said or scene.goal}{'…' * (1 + scene.turns % 2)}", because=because)
