"""The goal in the person's mouth: how it is opened, how it is named later."""

import re
from collections.abc import Iterator, Sequence

from convsim_nb.demo.rules.goals import Part, kind_of, opens_with_verb
from convsim_nb.demo.rules.lexicon import lexicon
from convsim_nb.demo.rules.voice import Voice, first_person, lowered, raised
from convsim_nb.demo.rules.words import count_words

_HOLDER = re.compile(
    r"^(?:(?:the|a|an|this) )?(?:user|customer|client|caller|person|traveller|guest|patient|you|they|he|she)"
    r"(?:['’]s goal is| goal is)? (?=\w)",
    re.IGNORECASE,
)
"""English: who has the goal, where it is written as a sentence on them."""
_WISHES = re.compile(
    r"^(?:to|(?:wants?|needs?|wish(?:es)?|would like|'d like|hopes?|tries|try|asks?|seeks?|aims?|plans?|intends?"
    r"|has|have)"
    r"(?: to| for)?|(?:is|are|am) (?:looking|trying|hoping|planning|seeking)(?: to| for)?) ",
    re.IGNORECASE,
)
_FIND_OUT = re.compile(
    r"^(?:find out|know|learn|ask|be told|see|check|understand)\b:? (?=what|which|who|when|where|why|how|whether|if)",
    re.IGNORECASE,
)
_TOPIC_VERB = re.compile(r"^(?:[^\W\d_]+(?: out| up| for| about| whether| if)?) ", re.IGNORECASE)
_NOMINAL = re.compile(
    r"^(?:an?|the|my|our|some|any|this|that|these|those|two|three|\d+|what|which|when|where|why|how|who)\b",
    re.IGNORECASE,
)
_TOPIC_WORDS = 7
_WITH_I = {
    "is": "am", "are": "am", "was": "was", "were": "was", "has": "have", "does": "do", "tries": "try",
    "wishes": "wish", "to": "want to",
}  # fmt: skip


def sentence(text: str, language: str) -> str:
    """A part of a goal as the person would say it: "I want to ..." where it is written of the person."""
    question = lexicon(language).question_in(text)
    if question != text or text.rstrip().endswith(("?", "？")):
        return question.strip()
    said = text.strip(" .。")
    if language != "en":
        subject = lexicon(language).patterns.get("user.subject")
        return subject.sub(lexicon(language).case["i"], said, count=1) if subject else said
    if holder := _HOLDER.match(said):
        return f"I {_agreed(first_person(said[holder.end() :], language))}"
    if _WISHES.match(said) and not said.casefold().startswith(("to ", "plan ", "try ", "ask ", "check ")):
        return f"I {_agreed(first_person(lowered(said), language))}"
    return first_person(said, language)


def _agreed(text: str) -> str:
    """The first verb in the form that goes with "I"."""
    verb, _, rest = text.partition(" ")
    plain = verb[:-1] if verb.endswith("s") and not verb.endswith("ss") else verb
    return f"{_WITH_I.get(verb.casefold(), plain)} {rest}".strip()


def bare(text: str, language: str) -> str:
    """What is wanted, without who wants it: "book a table", "the fare"."""
    said = sentence(text, language)
    if language == "en":
        own = re.sub(r"^I (?=\w)", "", said)
        return lowered(said if own == said else _WISHES.sub("", own, count=1) or own)
    if language == "xx":
        return said
    own = lexicon(language).cut("lead", said)
    small = language != "de" or own.split()[0].casefold() in lexicon("de").function_words
    return lowered(own) if small else own


def opening(part: Part, voice: Voice) -> Iterator[str]:
    """Ways to open the conversation with this part, the most fitting first."""
    said = sentence(part.text, part.language)
    if voice.language == "xx" or voice.language != part.language or said.endswith(("?", "？")):
        yield said
        return
    want, phrases = bare(part.text, part.language), lexicon(voice.language).phrases
    if voice.language == "en" and _FIND_OUT.match(want):
        yield from _filled(phrases["open_know"], want=_FIND_OUT.sub("", want))
    elif is_verb(want, voice.language):
        first = "open_polite" if voice.polite else "open_short" if voice.short else "open"
        names = ("open_ask",) if asks_for(want, voice.language) else (first, "open")
        yield from (_stopped(text, voice) for name in names for text in _filled(phrases[name], want=want))
    elif _nominal(want):
        yield from (f"{text}{voice.stop}" for text in _filled(phrases["open_noun"], want=want))
    yield f"{raised(said)}{voice.stop}"
    yield from (f"{text}{voice.stop}" for text in _filled(phrases["restate"], want=lowered(said)))


def adding(part: Part, voice: Voice) -> Iterator[str]:
    """Ways to bring up a further part."""
    want, phrases = bare(part.text, part.language), lexicon(voice.language).phrases
    if voice.language == "xx" or voice.language != part.language:
        yield sentence(part.text, part.language)
        return
    said = sentence(part.text, part.language)
    if said.startswith("I ") or not (is_verb(want, voice.language) or _nominal(want)):
        yield f"{raised(said)}{voice.stop}"
    verbal = "also_ask" if asks_for(want, voice.language) else "also_verb"
    yield from _filled(phrases[verbal if is_verb(want, voice.language) else "also"], want=want)


def topic(goal: str, language: str) -> str:
    """A few words that name the goal, to fit into "Any news on ...?"."""
    want = bare(goal, language).rstrip("?？")
    if language == "zh":
        facets = [facet for facet in lexicon("zh").facets if facet in want]
        return facets[0] if facets else re.split("[，,。；？！]", want)[0][:14].rstrip("0123456789-~ ")
    if language == "en" and not _nominal(want):
        left = _TOPIC_VERB.sub("", want) if is_verb(want, language) else ""
        want = left if _nominal(left) else ""
    if language == "en" and not want:
        return lexicon("en").case["matter"]
    return _shortened(want)


def _shortened(text: str) -> str:
    """The first words, not cut before a small word's noun."""
    kept = re.split(r"(?<!\d)[,;:]|[,;:](?!\d)| (?:and|so|because|but|that|which|und|y|et) ", text)[0].split()[
        :_TOPIC_WORDS
    ]
    while len(kept) > 1 and (kept[-1].casefold() in lexicon("en").function_words or count_words(kept[-1]) == 0):
        kept.pop()
    return " ".join(kept).strip(" ,;:.")


def _nominal(text: str) -> bool:
    """Whether it names a thing, so that "I'd like" fits before it."""
    return bool(_NOMINAL.match(text)) and not lexicon("en").has("user.clause", text)


def _filled(phrases: Sequence[str], *, want: str) -> list[str]:
    return [phrase.format(want=want) for phrase in phrases]


def _stopped(text: str, voice: Voice) -> str:
    return text if text.endswith(("?", "？")) else f"{text}{voice.stop}"


def asks_for(text: str, language: str) -> bool:
    """Whether it is something that the agent does: one does not "want to recommend a restaurant", one asks for it."""
    known = lexicon(language if language != "xx" else "en")
    asked = known.verbs.get("asked", frozenset())
    if language == "zh":
        return any(text.startswith(verb) for verb in asked)
    found = re.findall(r"[^\W\d_]+", re.split("[,;]", text)[0].casefold())
    return bool(found) and found[-1 if language == "de" else 0] in asked


def is_verb(text: str, language: str) -> bool:
    """Whether the text begins (in German: ends) with what one does, so that "I'd like to" fits before it."""
    found: list[str] = re.findall(r"[^\W\d_]+", text)
    if not found or language == "xx" or text.endswith(("?", "？")):
        return False
    if language == "zh":
        return True
    if language == "de":
        last = re.findall(r"[^\W\d_]+", re.split("[,;]", text)[0])[-1:]
        return any(word.endswith(("en", "ern", "eln")) and word[:1].islower() for word in last)
    if len(found) == 2 and kind_of(text, lexicon(language)) == "have":  # noqa: PLR2004  # "order status"
        return False
    return opens_with_verb(text, lexicon(language)) or (
        language in ("es", "fr")
        and bool(re.match(r"[^\W\d_]+(?:ar|er|ir|re|oir)(?:se|me|lo|la)?$", found[0], re.IGNORECASE))
    )
