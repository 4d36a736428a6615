"""How a person writes, measured from their own messages."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from convsim_nb.domain.language import UNSPACED, known_words, language_of, words
from convsim_nb.domain.record import Record

Casing = Literal["sentence", "lower", "upper", "mixed"]
Punctuation = Literal["full", "some", "none"]
Expertise = Literal["novice", "everyday", "expert"]
Share = Annotated[float, Field(ge=0, le=1)]
_EXAMPLES = 3
_LONG_EXAMPLE = 60
"""Words; in languages without spaces characters."""
_MOST, _FEW = 2 / 3, 1 / 5
_CASED = 8
"""Letters with two cases from which their case says something."""


def _listed(value: object) -> object:
    return () if value is None else (value,) if isinstance(value, str) else value


class StyleCard(Record):
    """How a person writes. What is None was not measured, or says nothing in this language."""

    language: str = ""
    """The code in ISO 639-1; empty where it is not known."""
    words: int | None = None
    """Words of the message in the middle; characters in Chinese, Japanese and Thai (see `unit`)."""
    longest: int | None = None
    """Words of the longest message."""
    casing: Casing | None = None
    punctuation: Punctuation | None = None
    """Whether messages end on a full stop, question mark or the like: `full` most, `none` hardly any."""
    politeness: Share | None = None
    """The share of messages with a word of courtesy, 0 to 1."""
    questions: Share | None = None
    """The share of messages that ask something, 0 to 1."""
    expertise: Expertise | None = None
    """How well the person knows the matter. Not measured: whoever distils reads it from the messages."""
    examples: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    """Two or three messages of the person's own, word for word."""

    @property
    def unit(self) -> Literal["words", "characters"]:
        """What `words` and `longest` count."""
        return "characters" if self.language in UNSPACED else "words"


def measure_style(messages: Iterable[str], *, hidden: Sequence[str] = ()) -> StyleCard:
    """Measure a person's messages.

    No example holds anything of the `hidden` texts: what the person is to withhold must not stand in
    an example.
    """
    said = [text for text in messages if text.strip()]
    if not said:
        return StyleCard()
    whole = "\n".join(said)
    language = language_of(whole)
    lengths = [len(words(text)) for text in said]
    polite = known_words(language).polite
    return StyleCard(
        language=language,
        words=round(median(lengths)),
        longest=max(lengths),
        casing=_casing(said),
        punctuation=_punctuation(said),
        politeness=_share(bool(polite.search(text)) for text in said) if polite else None,
        questions=_share("?" in text or "？" in text or "؟" in text for text in said),
        examples=_examples(said, hidden=hidden, language=language, typical=median(lengths)),
    )


EXAMPLE = "A message that you once wrote, for the tone alone: "


def style_lines(style: StyleCard) -> tuple[str, ...]:
    """The card as instructions to whoever plays the person."""
    lines = []
    if style.language:
        lines.append(f"Write in the language {style.language!r} (ISO 639-1).")
    if style.words is not None:
        longest = f", at most {style.longest}" if style.longest else ""
        lines.append(f"Write about {style.words} {style.unit} a message{longest}.")
    lines += [told for told in (_CASINGS.get(style.casing or ""), _ENDINGS.get(style.punctuation or "")) if told]
    if style.politeness is not None:
        lines.append(f"Words of courtesy: {_often(style.politeness)}.")
    if style.questions is not None:
        lines.append(f"Questions: {_often(style.questions)}.")
    if style.expertise:
        lines.append(f"You know the matter as {_KNOWS[style.expertise]} does.")
    lines += [f"{EXAMPLE}{text}" for text in style.examples]
    return tuple(lines)


_CASINGS = {
    "lower": "Write in lower case.",
    "upper": "Write in capitals.",
    "mixed": "Do not mind whether a message begins with a capital.",
}
_ENDINGS = {
    "none": "Leave out the full stop at the end of a message.",
    "some": "Often leave out the full stop at the end.",
}
_KNOWS = {"novice": "a beginner", "everyday": "an ordinary customer", "expert": "an expert"}


def _often(share: float) -> str:
    """A share of messages in words that one message can be written by: nobody who writes one has a share in mind."""
    known = ((0.05, "hardly ever"), (0.2, "rarely"), (0.4, "now and then"), (0.6, "in every other message"))
    return next((word for most, word in known if share <= most), "mostly" if share <= _MOSTLY else "nearly always")


_MOSTLY = 0.85


def _share(found: Iterable[bool]) -> float:
    marks = list(found)
    return round(sum(marks) / len(marks), 2)


def _casing(said: Sequence[str]) -> Casing | None:
    cased = [char for text in said for char in text if char.lower() != char.upper()]
    if len(cased) < _CASED:
        return None
    upper = sum(char.isupper() for char in cased) / len(cased)
    if upper > _MOST:
        return "upper"
    starts = [first.group().isupper() for text in said if (first := re.search(r"[^\W\d_]", text))]
    share = sum(starts) / len(starts)
    return "sentence" if share >= _MOST else "lower" if share <= _FEW else "mixed"


def _punctuation(said: Sequence[str]) -> Punctuation:
    share = _share(text.rstrip("\"'”’)] \n\t")[-1:] in tuple(".!?…。！？؟।") for text in said)
    return "full" if share >= _MOST else "none" if share <= _FEW else "some"


def _examples(said: Sequence[str], *, hidden: Sequence[str], language: str, typical: float) -> tuple[str, ...]:
    """Messages of different lengths, the typical one first, in the order they were said."""
    secret = _matter(" ".join(hidden), language)
    free = [text for text in dict.fromkeys(map(str.strip, said)) if not _matter(text, language) & secret]
    fitting = [text for text in free if len(words(text)) <= max(_LONG_EXAMPLE, typical)]
    by_fit = sorted(fitting, key=lambda text: abs(len(words(text)) - typical))
    chosen = {*by_fit[:1], *sorted(fitting, key=lambda text: len(words(text)))[-1:]}
    for text in by_fit:
        if len(chosen) < _EXAMPLES:
            chosen.add(text)
    return tuple(text for text in free if text in chosen)


def _matter(text: str, language: str) -> frozenset[str]:
    """What in a text says something: words but function words and short ones; in Chinese pairs of characters."""
    if language in UNSPACED:
        chars = words(text)
        return frozenset(a + b for a, b in pairwise(chars))
    empty = known_words(language).function_words
    found = (word.casefold() for word in words(text))
    return frozenset(word for word in found if word not in empty and (len(word) > 3 or any(map(str.isdigit, word))))  # noqa: PLR2004 - short words are mostly grammar
