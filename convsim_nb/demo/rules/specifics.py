"""What in a text is specific: ids, dates, times, amounts, addresses of mail, names."""

import re
from functools import lru_cache

from convsim_nb.demo.rules.words import words

_MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    "|dec(?:ember)?|januar|februar|märz|mai|juni|juli|oktober|dezember|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
    "|septiembre|octubre|noviembre|diciembre|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre"
)
_DAYS = (
    "(?:mon|tues|wednes|thurs|fri|satur|sun)day|today|tomorrow|tonight|montag|dienstag|mittwoch|donnerstag|freitag|samstag"
    "|sonntag|heute|morgen|lunes|martes|miércoles|jueves|viernes|sábado|domingo|hoy|mañana|lundi|mardi|mercredi|jeudi"
    "|vendredi|samedi|dimanche|aujourd'hui|demain"
)
_DAYS_ZH = "周[一二三四五六日天]|星期[一二三四五六日天]|今天|明天|后天"
_PATTERNS = {
    "email": r"[\w.+-]+@[\w-]+\.\w[\w.-]*\w",
    "date": rf"\b\d{{1,4}}[/.-]\d{{1,2}}[/.-]\d{{2,4}}\b|\b(?:{_MONTHS})\b\.? ?\d{{1,2}}(?:st|nd|rd|th)?\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)? (?:of |de )?(?:{_MONTHS})\b|\b(?:{_DAYS})\b|\d{{1,2}}月\d{{1,2}}[日号]|(?:{_DAYS_ZH})",
    "time": r"\b\d{1,2}[:.h]\d{2}(?: ?[ap]\.?m\b)?|\b\d{1,2} ?[ap]\.?m\b|\b\d{1,2} uhr\b|\b\d{1,2} ?h\b|\d{1,2}点(?:半|\d{1,2}分)?",
    "phone": r"(?<![\w-])\+?\d[\d() -]{6,}\d(?!\w)",
    "amount": r"[$€£¥] ?\d[\d.,]*|\b\d[\d.,]* ?(?:[$€£¥%]|usd|eur|gbp|dollars?|euros?|pounds?|credits|percent|points?|元|块)",
    "id": r"#\w+|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{3,}\b|\b[a-z]+_[a-z]+_\d+\b|\b\d{4,}\b|\b[A-Z]{5,}\b(?=\s*$)",
    "number": r"\d+(?:[.,:]\d+)*",
}
_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _PATTERNS.items()}
_NAME = re.compile(r"(?<![.!?…:\n]\s)(?<!^)(?<![\w'’])[A-ZÀ-Þ][\w'’-]+(?: (?:of |de |the |and )?[A-ZÀ-Þ][\w'’-]+)*")
_NOT_NAMES = re.compile(r"^(?:I(?:['’]\w+)?|OK|Okay|AM|PM|EST|Hi|Hello|Yes|No|Thanks?|Please|The|And|But|So|It|My)$")


@lru_cache(maxsize=16384)
def specifics(text: str) -> tuple[tuple[str, str], ...]:
    """Each specific with its kind, in order of kind: `("date", "May 20th")`; none stands twice."""
    left, found = text, []
    for kind, pattern in _COMPILED.items():
        for match in pattern.finditer(left):
            if not (kind == "id" and _is_ordinal(match.group())):
                found.append((kind, match.group().strip(" .,")))
        left = pattern.sub(lambda match: " " * len(match.group()), left)
    found += [("name", name) for name in names(left)]
    return tuple(dict.fromkeys(found))


def _is_ordinal(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(?:st|nd|rd|th|hr|hrs|h|min|x|k|days?|people)", text, re.IGNORECASE))


def names(text: str) -> list[str]:
    """Capitalised words within a sentence. Says nothing where every word or none is capitalised."""
    if text.isupper() or sum(word[:1].isupper() for word in words(text)) * 3 > 2 * max(3, len(words(text))):
        return []
    return [name for name in _NAME.findall(text) if not _NOT_NAMES.match(name)]


@lru_cache(maxsize=16384)
def marks(text: str) -> frozenset[str]:
    """The words of all specifics of a text, folded: what one text holds that another may or may not."""
    folded = (word.casefold().strip(".,") for _, value in specifics(text) for word in value.split())
    return frozenset(word for word in folded if len(word) > 1 or word.isdigit())


def kinds(text: str) -> frozenset[str]:
    """The kinds of specifics in a text."""
    return frozenset(kind for kind, _ in specifics(text))
