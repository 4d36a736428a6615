"""Reads the facts out of a customer's message: account numbers, amounts, dates, names of indices."""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from convsim_nb.demo.bank import read_data

Candidates = tuple[Any, ...]
"""What a message may have meant for a slot, the likeliest first."""

_ACCOUNT = r"\bacc[ -]?(\d{4})\b"
_ORDER = r"\bord[ -]?(\d{5})\b"
_CARD = (
    r"(?:\bend(?:s|ing|et)?|\blast (?:four|4)|\bfinish\w*|\bcard|\bkarte|\btermina\w*|\btarjeta)"
    r"\D{0,25}(?<!\d)(\d{4})\b(?![.,]\d)"
)
_COUNTED = r"%|[ap]m\b|days?|weeks?|hours?|minutes?|times|shares|units|years?|months?|tagen?|días"
_NUMBER = (
    r"(?<![\w.,/-])(?:€ ?|£ ?|\$ ?)?"
    r"(\d{1,3}(?:[., ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d{1,2})?)"
    rf"(?![\d/]|[.,]\d| ?(?:{_COUNTED})|(?:st|nd|rd|th)\b)"
)
_YEAR = r"\b(20[12]\d)\b"
_TOWARDS = re.compile(r"\b(?:to|into|auf|a|hasta|up to|instead)\W*(?:€ ?)?$")
_LETTERS = "a-zäöüßáéíóúñ"
_SECURITIES = ("Nordsee Wind", "Alder Robotics", "Calder Shipping")


@dataclass(frozen=True)
class Found:
    """One value, where it stood, and whether the customer said that this is not it."""

    value: Any
    start: int
    negated: bool = False


@dataclass(frozen=True)
class Reader:
    """Reads one message, written in one language, on one day."""

    text: str
    lang: str
    today: date

    @property
    def low(self) -> str:
        return self.text.lower().replace("’", "'")

    def values(self) -> dict[str, Candidates]:
        """The candidates of every slot that the message may fill, what was negated left out."""
        found = {
            "account": self._ids(_ACCOUNT, "ACC-{}"),
            "order": self._ids(_ORDER, "ORD-{}"),
            "card": self._ids(_CARD, "{}"),
            "year": [Found(int(hit.value), hit.start, hit.negated) for hit in self._ids(_YEAR, "{}")],
            "month": list(self._months()),
            "day": list(self._days()),
            "amount": self._amounts(),
            "kind": self._named(read_data("words.json")["kinds"]),
            "exchange": self._named(_aliases("exchanges")),
            "security": self._named({name: name.lower() for name in _SECURITIES}),
        }
        kept = {slot: tuple(hit.value for hit in hits if not hit.negated) for slot, hits in found.items()}
        kept["indices"] = self._indices()
        kept["currencies"] = self._currencies()
        return {slot: candidates for slot, candidates in kept.items() if candidates}

    def first_amount(self) -> float | None:
        """The amount that stands first, whatever is said about it."""
        amounts = sorted(self._amounts(), key=lambda hit: hit.start)
        return amounts[0].value if amounts else None

    def route(self) -> dict[str, str]:
        """Where money is to come from and go to: `ACC-1234`, or a kind of account."""
        return {slot: ends for slot in ("source", "target") if (ends := self._end_of_route(slot))}

    # --- parts ------------------------------------------------------------------------

    def _ids(self, pattern: str, form: str) -> list[Found]:
        return [
            Found(form.format(hit[1]), hit.start(), self._negated(hit.start()))
            for hit in re.finditer(pattern, self.low)
        ]

    def _named(self, names: Mapping[str, str]) -> list[Found]:
        hits = [
            Found(name, hit.start(), self._negated(hit.start()))
            for name, alias in names.items()
            for hit in re.finditer(rf"(?<![{_LETTERS}])(?:{alias})(?![{_LETTERS}])", self.low)
        ]
        return sorted(hits, key=lambda hit: hit.start)

    def _negated(self, start: int) -> bool:
        """True for "not the 5th", "that's my current account": what it is not."""
        pattern = read_data("words.json")["negated"][self.lang]
        return re.search(rf"(?:{pattern})", self.low[max(0, start - 40) : start]) is not None

    def _months(self) -> Iterator[Found]:
        for hit in re.finditer(rf"\b({_month_names(self.lang)})\b(?:(?: de)? (20\d\d))?", self.low):
            month = _month_number(self.lang, hit[1])
            year = int(hit[2]) if hit[2] else self.today.year - (month >= self.today.month)
            yield Found(f"{year}-{month:02d}", hit.start(), self._negated(hit.start()))

    def _days(self) -> Iterator[Found]:
        """Days as ISO dates: written out, relative, or a weekday to come."""
        for day, hit in (*self._written_days(), *self._near_days()):
            yield Found(day, hit.start(), self._negated(hit.start()))

    def _written_days(self) -> Iterator[tuple[str, re.Match[str]]]:
        for hit in re.finditer(r"\b20\d\d-\d\d-\d\d\b", self.low):
            yield hit[0], hit
        for hit in re.finditer(_day_and_month(self.lang), self.low):
            number, name = (hit["d1"], hit["m1"]) if hit["d1"] else (hit["d2"], hit["m2"])
            if day := self._coming(int(number), _month_number(self.lang, name)):
                yield day, hit

    def _near_days(self) -> Iterator[tuple[str, re.Match[str]]]:
        words = read_data("words.json")
        names = words["weekdays"][self.lang]
        for hit in re.finditer(rf"\b(?:{words['tomorrow'][self.lang]})\b", self.low):
            yield (self.today + timedelta(days=1)).isoformat(), hit
        for hit in re.finditer(rf"(?:\bon|\bnext|\bam|\bel|\bthis coming) ({'|'.join(names)})\b", self.low):
            ahead = (names.index(hit[1]) - self.today.weekday()) % 7 or 7
            yield (self.today + timedelta(days=ahead)).isoformat(), hit

    def _coming(self, day: int, month: int) -> str | None:
        """The next such day from today on; None where there is no such day."""
        for year in (self.today.year, self.today.year + 1):
            if 1 <= day <= monthrange(year, month)[1] and date(year, month, day) >= self.today:
                return date(year, month, day).isoformat()
        return None

    def _amounts(self) -> list[Found]:
        """Those said as a target first ("from 650 to 680": 680, 650)."""
        blank = self._blanked()
        hits = [
            Found(parse_amount(hit[1]), hit.start(), self._negated(hit.start()))
            for hit in re.finditer(_NUMBER, blank)
            if not re.fullmatch(_YEAR, hit[1])
        ]
        return sorted(hits, key=lambda hit: not _TOWARDS.search(blank[: hit.start]))

    def _blanked(self) -> str:
        """The message with all numbers that are no amounts written over."""
        dates = re.sub(r"\?P<\w+>", "?:", _day_and_month(self.lang))
        names = (_ACCOUNT, _ORDER, _CARD, r"\b(?:trf|fee|dsp|cmp|tkt)-\d+", r"20\d\d-\d\d-\d\d", r"\d\d?:\d\d")
        others = "|".join((*names, dates, *_aliases("indices").values()))
        return re.sub(others, lambda hit: "#" * len(hit[0]), self.low)

    def _indices(self) -> Candidates:
        names = [hit.value for hit in self._named(_aliases("indices"))]
        return (tuple(dict.fromkeys(names)),) if names else ()

    def _currencies(self) -> Candidates:
        """One pair (what is changed, what into); the first is empty where it was not said."""
        hits = self._named(read_data("words.json")["currencies"])
        names = [hit.value for hit in hits]
        if not names:
            return ()
        counted = re.search(r"\d[\d.,]* ?$", self.low[: hits[-1].start]) is not None
        if len(set(names)) == 1:
            return (("", names[0]),) if names[0] != "EUR" or not counted else (("EUR", ""),)
        return ((names[-1], names[0]),) if counted and len(names) > 1 else ((names[0], names[-1]),)

    def _end_of_route(self, slot: str) -> str | None:
        lead = {"source": r"from|out of|von|vom|de|desde", "target": r"to|into|auf|aufs|zu|zum|a|al"}[slot]
        filler = r"(?:my|the|our|mein(?:e|en|em)?|das|dem|mi|la|el|cuenta|account|konto)"
        for name, alias in {**read_data("words.json")["kinds"], "": _ACCOUNT[2:-2]}.items():
            hit = re.search(rf"\b(?:{lead}) (?:{filler} )*({alias})(?![{_LETTERS}])", self.low)
            if hit:
                return name or f"ACC-{hit[1][-4:]}"
        payee = re.search(r"\b(?:to|an|a) ((?:[A-Z][\w'-]+ ?){2,3})", self.text) if slot == "target" else None
        return payee[1].strip() if payee else None


def parse_amount(text: str) -> float:
    """A number as people write it: `1,250.50`, `1.250,50`, `1 250`, `12,5`."""
    text = text.replace(" ", "")
    last = max(text.rfind("."), text.rfind(","))
    decimals = len(text) - last - 1 if last >= 0 else 0
    if decimals in (0, 3):
        return float(re.sub(r"[.,]", "", text))
    return float(f"{re.sub(r'[.,]', '', text[:last])}.{text[last + 1 :]}")


@cache
def _aliases(table: str) -> dict[str, str]:
    return {name: "|".join(row["aliases"]) for name, row in read_data("markets.json")[table].items()}


@cache
def _day_and_month(lang: str) -> str:
    """Matches `1 April`, `1st of April`, `April 1`, `1. April`, `1 de abril`."""
    names = _month_names(lang)
    first = rf"\b(?P<d1>\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of| de)? (?P<m1>{names})\b"
    return rf"{first}|\b(?P<m2>{names}) (?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d)"


@cache
def _month_names(lang: str) -> str:
    return "|".join(read_data("words.json")["months"][lang])


def _month_number(lang: str, name: str) -> int:
    months = read_data("words.json")["months"][lang]
    return next(number for number, pattern in enumerate(months, start=1) if re.match(rf"(?:{pattern})$", name))
