"""What in a text is exact: ids, dates, names, amounts; and what of it looks like an id, an e-mail or a phone."""

import re
from collections.abc import Iterator
from functools import lru_cache

from convsim_nb.engine.guard.text import WINDOW

_MONTHS = (
    "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz|apr(?:il)?|may|mai|june?|juni|july?|juli|aug(?:ust)?"
    "|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?|enero|febrero|marzo|abril|mayo|junio|julio|agosto"
    "|septiembre|octubre|noviembre|diciembre|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre"
    "|décembre"
)
_BY_MONTH = (
    "jan|ene", "f[eé][bv]", "mar|mär", "a[pvb]r", "ma[yi]|mayo", "ju?i?n|juin",
    "jul|juil", "au?g|ao[uû]", "se", "o[ck]", "no", "d[eéi]",
)  # fmt: skip
_YEAR = 31
_DAY = r"\d{1,2}(?:st|nd|rd|th|\.)?"
DATE = re.compile(
    rf"\b(?:{_MONTHS})\.? {_DAY}\b|\b{_DAY}(?: of| de)? (?:{_MONTHS})\b|\b\d{{4}}-\d\d?-\d\d?\b"
    r"|\b\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?(?![\d.,])|\d{1,2}月\d{1,2}[日号]",
    re.IGNORECASE,
)
TIME = re.compile(
    r"\b\d{1,2}[:.]\d\d ?(?:[ap]\.?m\.?|uhr|h)?\b|\b\d{1,2} ?(?:[ap]\.?m\b|uhr\b|h\d\d)|\d{1,2}[点时]", re.IGNORECASE
)
EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(r"https?://\S+|www\.\S+|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|de|fr|es|cn|uk)\b\S*", re.IGNORECASE)
PHONE = re.compile(r"(?<![a-z0-9_.,])\+?\(?\d(?:[ ().-]{0,2}\d){7,16}(?![a-z0-9_,]|\.\d)", re.IGNORECASE)
_AMOUNT = re.compile(
    r"[$€£¥]\s?\d[\d.,]*(?:k|m|bn)?|\d[\d.,]*\s?(?:[$€£¥%‰元块]|(?:dollars?|euros?|pounds?|usd|eur|gbp|chf|rmb|yuan"
    r"|percent|prozent|bucks)\b)",
    re.IGNORECASE,
)
_MIXED = re.compile(
    r"(?<![a-z0-9_.-])(?=[a-z_-]*\d)(?=[0-9_-]*[a-z])[a-z0-9]+(?:[_-][a-z0-9]+)*(?![a-z0-9_])", re.IGNORECASE | re.ASCII
)
"""Letters and digits in one word."""
_UNIT = re.compile(
    r"\d{1,5}[a-z]{1,4}|\d{1,5}(?:people|persons?|nights?|days?|hours?|minutes?)|[a-z]{1,12}\d{1,2}|(?:19|20)\d\ds|\d+x\d+"
    r"|(?:[a-z]+-)*[a-z]+-?\d{1,2}(?:-[a-z]+)*|\d{1,4}(?:-?[a-z]+)+|\d{1,2}(?:st|nd|rd|th)?-\d{1,2}(?:st|nd|rd|th)?|[a-z]{1,3}\d{1,3}[a-z]?",
    re.IGNORECASE,
)
"""What counts something, or is numbered, and is no id: `11am`, `20kg`, `item2`."""
_DIGITS = re.compile(r"(?<![a-z0-9_.,:/$€£¥])#?\d{4,}(?![a-z0-9_%€£¥]|[.,:/]\d)", re.IGNORECASE)
_SHORTEST = 5
"""Characters of an id of letters and digits."""
_BEFORE = 40
"""Characters in which a number is given its name: "order number 4711"."""
_LONG = 6
"""Digits from which a number is an id whatever stands before it."""
_NAMED = re.compile(
    r"(?:\bid\b|number|#|code|account|order|booking|reservation|reference|ref\b|pin\b|nummer|konto|bestellung"
    r"|número|numéro|pedido|commande|compte|cuenta|code postal|policy|ticket|case|号码|订单|编号|卡号)"
    r"\W{0,3}(?:\w+\W{1,3}){0,2}$",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<![.!?…:\n\"] )(?<!^)(?<![\w'’.])[A-ZÀ-Þ][a-zà-ÿ][\w'’-]+(?: (?:of |de |the )?[A-ZÀ-Þ][\w'’-]+)*", re.MULTILINE
)
_NO_NAME = frozenset(
    {"agent", "user", "customer", "assistant", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
    | {"sunday", "english", "german", "the", "a"}
)
_BIG = re.compile(r"\d[\d.,]*\d\d|\d+[.,]\d+")


@lru_cache(maxsize=256)
def ids(text: str) -> tuple[str, ...]:
    """What looks like an id, an e-mail address or a phone number, in order of kind."""
    text = text[:WINDOW]
    if not any(map(str.isdigit, text)):
        return tuple(dict.fromkeys(EMAIL.findall(text))) if "@" in text else ()
    found = [match.group() for match in EMAIL.finditer(text)]
    left = _AMOUNT.sub(" ; ", DATE.sub(" ; ", _URL.sub(" ; ", EMAIL.sub(" ; ", text))))
    left = TIME.sub(" ; ", left)
    mixed = [match.group() for match in _MIXED.finditer(left)]
    found += [one for one in mixed if _is_id(one)]
    left = _MIXED.sub(" ; ", left)
    found += [match.group().strip(" .-") for match in PHONE.finditer(left)]
    return tuple(dict.fromkeys([*found, *_numbers(PHONE.sub(" ; ", left))]))


def _is_id(word: str) -> bool:
    return len(word) >= _SHORTEST and not _UNIT.fullmatch(word)


def _numbers(text: str) -> Iterator[str]:
    for match in _DIGITS.finditer(text):
        value, before = match.group().strip("#"), text[max(0, match.start() - _BEFORE) : match.start()]
        if len(value) >= _LONG or match.group().startswith("#") or _NAMED.search(before):
            yield value


@lru_cache(maxsize=256)
def exact(text: str) -> tuple[str, ...]:
    """What gives a fact away all by itself: ids, names, amounts; dates have a form of their own."""
    names = [match.group() for match in _NAME.finditer(text)] if not _is_titled(text) else []
    amounts = [match.group() for match in _BIG.finditer(DATE.sub(" ", TIME.sub(" ", text)))]
    plain = [name for name in names if name.casefold() not in _NO_NAME]
    return tuple(dict.fromkeys([*ids(text), *plain, *amounts]))


@lru_cache(maxsize=256)
def dates(text: str) -> frozenset[str]:
    """The days of the year that it names, `5-20`; both where day and month cannot be told apart."""
    found: set[str] = set()
    for match in DATE.finditer(text[:WINDOW]):
        numbers = [int(one) for one in re.findall(r"\d+", match.group())]
        if named := re.search(_MONTHS, match.group(), re.IGNORECASE):
            found.add(f"{_month(named.group())}-{numbers[0]}")
        elif len(numbers) > 1:
            month, day = numbers[-2:] if numbers[0] > _YEAR else numbers[:2]
            found |= {f"{month}-{day}", f"{day}-{month}"}
    return frozenset(found)


def _month(name: str) -> int:
    """Its number, by the first letters that tell the months of five languages apart."""
    return next(n for n, pattern in enumerate(_BY_MONTH, start=1) if re.match(pattern, name.casefold()))


def _is_titled(text: str) -> bool:
    """Whether nearly every word has a capital, so that capitals say nothing: German has them on every noun."""
    said: list[str] = re.findall(r"[^\W\d_]{2,}", text)
    return sum(word[0].isupper() for word in said) * 3 > len(said)
