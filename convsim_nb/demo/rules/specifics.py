"""What in a text is specific: ids, dates, times, amounts, addresses of mail, names."""

import re
from functools import lru_cache

from convsim_nb.demo.rules.lexicon import anywhere
from convsim_nb.demo.rules.words import words

_KINDS = ("email", "date", "time", "phone", "amount", "id", "number")
_NAME = re.compile(r"(?<![.!?…:\n]\s)(?<!^)(?<![\w'’])[A-ZÀ-Þ][\w'’-]+(?: (?:of |de |the |and )?[A-ZÀ-Þ][\w'’-]+)*")
_NOT_NAMES = re.compile(r"^(?:I(?:['’]\w+)?|OK|Okay|AM|PM|EST|Hi|Hello|Yes|No|Thanks?|Please|The|And|But|So|It|My)$")


@lru_cache(maxsize=16384)
def specifics(text: str) -> tuple[tuple[str, str], ...]:
    """Each specific with its kind, in order of kind: `("date", "May 20th")`; none stands twice."""
    left, found = text, []
    for kind in _KINDS:
        pattern = anywhere("specifics", kind)
        values = [match.group().strip(" .,") for match in pattern.finditer(left)]
        found += [(kind, value) for value in values if not (kind == "id" and _is_ordinal(value))]
        left = pattern.sub(lambda match: " " * len(match.group()), left)
    found += [("name", name) for name in names(left)]
    return tuple(dict.fromkeys(found))


def _is_ordinal(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(?:st|nd|rd|th|hr|hrs|h|min|x|k|days?|people)", text, re.IGNORECASE))


def names(text: str) -> list[str]:
    """Capitalised words within a sentence. Says nothing where every word or none is capitalised."""
    if text.isupper() or sum(word[:1].isupper() for word in words(text)) * 3 > 2 * max(3, len(words(text))):
        return []
    return [name for name in _NAME.findall(anywhere("names", "titles").sub("Dr", text)) if not _NOT_NAMES.match(name)]


@lru_cache(maxsize=16384)
def marks(text: str) -> frozenset[str]:
    """The words of all specifics of a text, folded: what one text holds that another may or may not."""
    folded = (word.casefold().strip(".,") for _, value in specifics(text) for word in value.split())
    return frozenset(word for word in folded if len(word) > 1 or word.isdigit())


def kinds(text: str) -> frozenset[str]:
    """The kinds of specifics in a text."""
    return frozenset(kind for kind, _ in specifics(text))
