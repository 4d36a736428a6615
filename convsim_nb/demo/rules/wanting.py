"""The goal in the person's mouth: how it is opened, how it is named later."""

import re
from collections.abc import Iterator, Sequence

from convsim_nb.demo.rules.goals import Part
from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.voice import Voice, first_person, lowered

_SUBJECT = re.compile(
    r"^(?:the |a )?(?:user|customer|client|caller|person|you|they|he|she|i)\b(?:'s goal is to)?\s*"
    r"(?:(?:is|are|was|would|'d|'re|have|has) )?(?:like|love|want|wants|wish|wishes|need|needs|looking|trying|hope|hopes|intend|intends|aim|aims"
    r"|seek|seeks|plan|plans|ask|asks)?\s*(?:for|to)?\s+",
    re.IGNORECASE,
)
_WANTS = re.compile(r"^(?:to|(?:wants?|needs?|would like|wishes|asks?|seeks?|tries|hopes?)(?: to)?) ", re.IGNORECASE)
_FIND_OUT = re.compile(
    r"^(?:find out|know|get an answer to|learn|ask|be told|see|check)\b:? ?(?=what|which|who|when|where|why|how|whether|if)",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:get an answer to|eine antwort auf|una respuesta a|une réponse à|想知道)\s*[:：]\s*", re.IGNORECASE
)


def bare(text: str, language: str) -> str:
    """A goal without who has it: "Book a table", "What is the fare?"."""
    said = _QUESTION.sub("", text.strip())
    if language == "en":
        said = _WANTS.sub("", _SUBJECT.sub("", said, count=1), count=1) or said
    elif subject := lexicon(language).patterns.get("user.subject"):
        said = subject.sub("", said, count=1) or said
    return first_person(said, language).strip(" .。")


def wanting(part: Part, voice: Voice) -> str:
    """A part of the goal as a wish that fits into "I'd like to ..."."""
    return lowered(bare(part.text, part.language))


def opening(part: Part, voice: Voice) -> Iterator[str]:
    """Ways to open the conversation with this part, the most fitting first."""
    said = bare(part.text, part.language)
    phrases = lexicon(voice.language).phrases
    if said.endswith(("?", "？")) or voice.language == "xx" or voice.language != part.language:
        yield said
        return
    if voice.language == "en" and _FIND_OUT.match(said):
        yield from _filled(phrases["open_know"], want=lowered(_FIND_OUT.sub("", said)))
    elif _is_verb(said, voice.language):
        names = ("open_polite", "open") if voice.polite else ("open_short", "open") if voice.short else ("open",)
        for name in names:
            yield from (f"{text}." for text in _filled(phrases[name], want=lowered(said)))
    else:
        yield from (f"{text}." for text in _filled(phrases["open_noun"], want=lowered(said)))
    yield said


def topic(goal: str, language: str, most: int = 6) -> str:
    """A few words that name the goal."""
    said = bare(goal, language).rstrip("?？")
    if language == "zh":
        return re.split("[，,。；？！]", said)[0][:14]
    return " ".join(lowered(said).split()[:most]).strip(" ,;:.")


def _filled(phrases: Sequence[str], *, want: str) -> list[str]:
    return [phrase.format(want=want) for phrase in phrases]


def _is_verb(text: str, language: str) -> bool:
    """Whether the text begins (in German: ends) with what one does, so that "I'd like to" fits before it."""
    known = lexicon(language)
    verbs = frozenset[str]().union(*known.verbs.values())
    if language == "zh":
        return True
    found = re.findall(r"[^\W\d_]+", text.casefold())
    if not found:
        return False
    if language == "de":
        return found[-1].endswith("en") and not text.split()[-1][:1].isupper()
    return found[0] in verbs
