"""What the simulated person may say next: messages that fit, the best first."""

from collections.abc import Iterator

from convsim_nb.demo.rules.facts import Fact, best_fact
from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.scene import Scene
from convsim_nb.demo.rules.shapes import Sentence
from convsim_nb.demo.rules.voice import first_person, lowered
from convsim_nb.demo.rules.wanting import adding, asks_for, bare, is_verb, opening, sentence, topic

_AT_ONCE = 2
"""Answers in one message, at most."""
_REPEATS = 2
"""How often the person says the same fact."""
_PRIVATE = frozenset({"id", "email", "phone", "birth", "name", "payment", "address"})
"""Kinds of things that one has or has not, and no preference in."""


def replies(scene: Scene) -> Iterator[str]:
    """Messages that fit, the best first. After a stopped message only such as give nothing away."""
    if not scene.refused:
        yield from _reacting(scene)
        yield from _standing_firm(scene)
        yield from _answering(scene)
        yield from _restating(scene)
    yield from _going_on(scene)
    yield from _insisting(scene)


def _reacting(scene: Scene) -> Iterator[str]:
    """To what was just noticed."""
    for fact in scene.noticed:
        said = first_person(fact, scene.voice.language).rstrip(".。")
        yield from _phrases(scene, "object", fact=f"{said}{scene.voice.stop}")


def _standing_firm(scene: Scene) -> Iterator[str]:
    """Where the agent wants to change places, or to hear what a customer would not know."""
    for shape, name in (("swap", "confused"), ("probe", "asked_secret")):
        if any(shape in heard.does for heard in scene.heard):
            yield from _phrases(scene, name, topic=_about(scene))


def _answering(scene: Scene) -> Iterator[str]:
    """What the agent asked, from the facts; yes to what it offers."""
    asked = [heard for heard in scene.heard if heard.asks or heard.offers]
    if asked and len(scene.heard) > len(asked) + 1:
        asked += [heard for heard in scene.heard if heard.listed and heard not in asked]
    given: list[str] = []
    for heard in asked:
        if (said := _answer(scene, heard, given)) and said not in given:
            given.append(said)
    told = [said for said in given if said not in _plain(scene)] or given[:1]
    if told:
        yield " ".join(told[:_AT_ONCE])
        yield told[0]
        yield from _phrases(scene, "restate", want=lowered(told[0]))


def _answer(scene: Scene, heard: Sentence, given: list[str]) -> str:
    """The answer to one question."""
    if fact := best_fact(heard, scene.knows, (*scene.own, *given)):
        return _given(scene, fact)
    if "greet" in heard.does or heard.listed:
        return ""
    if heard.offers:
        return next(_phrases(scene, "confirm" if "confirm" in heard.does else "yes"), "")
    if (again := best_fact(heard, scene.knows, ())) and _often(scene, again) < _REPEATS:
        return _given(scene, again)
    if "choice" in heard.does and len(scene.heard) > 1:
        return next(_phrases(scene, "pick"), "")
    private = lexicon(heard.language).named("kinds", heard.text) & _PRIVATE
    prefers = "prefers" in heard.does
    return next(_phrases(scene, "unknown" if private else "indifferent" if prefers else "undecided"), "")


def _often(scene: Scene, fact: Fact) -> int:
    """How many times the person has said it."""
    said = _given(scene, fact).casefold().strip(" .。")
    return sum(said in text.casefold() for text in scene.own)


def _plain(scene: Scene) -> frozenset[str]:
    """Answers that hold nothing: said only where there is nothing better."""
    names = ("yes", "confirm", "unknown", "undecided", "indifferent", "pick")
    return frozenset(said for name in names for said in scene.voice.lexicon.phrases.get(name, ()))


def _given(scene: Scene, fact: Fact) -> str:
    return first_person(fact.answer, scene.voice.language).rstrip(".。") + scene.voice.stop


def _restating(scene: Scene) -> Iterator[str]:
    """The goal again, for an agent that asks what it can do, or did not understand."""
    if any({"greet", "lost"} & heard.does for heard in scene.heard):
        said = scene.unsaid or scene.parts
        yield from _unsaid_first(scene, list(opening(said[0], scene.voice)))


def _going_on(scene: Scene) -> Iterator[str]:
    """The parts of the goal that were not spoken of yet; what is still open, where the agent wants to close."""
    if any(heard.asks or heard.offers for heard in scene.heard) and not scene.refused:
        return
    if scene.unsaid:
        yield from adding(scene.unsaid[0], scene.voice)
    if any("closing" in heard.does for heard in scene.heard):
        yield from _phrases(scene, "more", topic=_about(scene))


def _insisting(scene: Scene) -> Iterator[str]:
    """The same wish in other words."""
    if scene.voice.language == "xx":
        yield from _own_words(scene)
        return
    if any(heard.refuses for heard in scene.heard[:2]):
        yield from _phrases(scene, "cannot", topic=_about(scene))
    known = scene.voice.lexicon.phrases
    said = [*_wishing(scene), *(phrase.format(topic=_about(scene)) for phrase in known["insist"])]
    said = said if not scene.refused else []
    mixed = [text for pair in zip(said, known["insist_plain"], strict=False) for text in pair]
    yield from _unsaid_first(scene, mixed + said + list(known["insist_plain"]))


def _wishing(scene: Scene) -> list[str]:
    """The wish itself again, where it is something to do."""
    want = bare(scene.parts[0].text, scene.voice.language)
    name = "insist_ask" if asks_for(want, scene.voice.language) else "insist_verb"
    known = scene.voice.lexicon.phrases.get(name, ())
    return [phrase.format(want=want) for phrase in known] if is_verb(want, scene.voice.language) else []


def _own_words(scene: Scene) -> Iterator[str]:
    """In a language without phrases: the goal's own words, more or less of them."""
    said = [sentence(part.text, "xx") for part in scene.parts]
    halves = [" ".join(text.split()[: max(2, len(text.split()) // 2)]) for text in said]
    yield from _unsaid_first(scene, [f"{text}{end}" for end in ("?", "!", ".") for text in (*said, *halves)])


def _about(scene: Scene) -> str:
    return topic(scene.parts[0].text, scene.voice.language)


def _phrases(scene: Scene, name: str, **filled: str) -> Iterator[str]:
    """The language's phrases of a kind; none in a language without any."""
    if scene.voice.language == "xx":
        return
    yield from _unsaid_first(scene, [said.format(**filled) for said in scene.voice.lexicon.phrases.get(name, ())])


def _unsaid_first(scene: Scene, phrases: list[str]) -> Iterator[str]:
    """Those that were not said yet, in their order; then all, begun at another one each turn."""
    said = {text.casefold() for text in scene.own}
    yield from (phrase for phrase in phrases if scene.voice.say(phrase).casefold() not in said)
    start = scene.turns % max(1, len(phrases))
    yield from (*phrases[start:], *phrases[:start])
