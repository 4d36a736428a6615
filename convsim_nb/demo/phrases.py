"""The support agent's words: phrases of `data/phrases.json`, with amounts and dates as each language writes them."""

import string
import zlib
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from convsim_nb.demo.bank import read_data


class Voice(string.Formatter):
    """Speaks one language; where a phrase has variants, `seed` says which is taken."""

    def __init__(self, lang: str, *, seed: str = "") -> None:
        self.lang = lang
        self.seed = seed

    def knows(self, key: str) -> bool:
        return key in read_data("phrases.json")

    def say(self, key: str, **values: Any) -> str:
        """The phrase, filled in.

        `{x:money}`, `{x:date}` and the like follow the language; `{x:kind}` is the phrase `kind.x`.
        """
        variants = read_data("phrases.json")[key][self.lang]
        if not isinstance(variants, str):
            variants = variants[zlib.crc32(f"{self.seed}/{key}".encode()) % len(variants)]
        return self.vformat(variants, (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        writers: dict[str, Callable[[Any], str]] = {
            "": str,
            "money": lambda amount: f"{self._number(amount)} EUR",
            "number": self._number,
            "rate": lambda rate: self._number(rate, places=4),
            "percent": lambda change: f"{'-' if change < 0 else '+'}{self._number(abs(change), places=1)} %",
            "date": self._date,
            "weekday": self._weekday,
            "month": self._month_of_year,
        }
        return writers[format_spec](value) if format_spec in writers else self.say(f"{format_spec}.{value}")

    def _number(self, value: float, *, places: int = 2) -> str:
        text = f"{value:,.{places}f}"
        return text if self.lang == "en" else text.translate(str.maketrans(",.", ".,"))

    def _date(self, value: object) -> str:
        day = date.fromisoformat(str(value))
        joint = {"en": " ", "de": ". ", "es": " de "}[self.lang]
        return f"{day.day}{joint}{self._month(day.month)}{' de ' if self.lang == 'es' else ' '}{day.year}"

    def _weekday(self, value: object) -> str:
        name = self._words("weekdays")[date.fromisoformat(str(value)).weekday()]
        return f"{name}{'' if self.lang == 'en' else ','} {self._date(value)}"

    def _month_of_year(self, value: str) -> str:
        year, month = value.split("-")
        return f"{self._month(int(month))} {'de ' if self.lang == 'es' else ''}{year}"

    def _month(self, number: int) -> str:
        return self._words("months")[number - 1]

    def _words(self, table: str) -> list[str]:
        written: Mapping[str, list[str]] = read_data("words.json")[table]
        names = [name.split("|")[0].split("(")[0] for name in written[self.lang]]
        return names if self.lang == "es" else [name.capitalize() for name in names]
