"""What the simulated user made up: ids, e-mail addresses and phone numbers; softer: dates, times, counts."""

import re
from collections.abc import Iterator

from convsim_nb.engine.guard.exact import DATE, TIME, dates, ids
from convsim_nb.engine.guard.known import Known, was_said
from convsim_nb.engine.guard.text import folded, squashed
from convsim_nb.engine.ports import Finding, UserView

_COUNT = re.compile(r"(?<![\w.,:/#-])\d{1,3}(?![\w:/%]|[.,]\d)")
_SPELLED = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    "零一二三四五六七八九十",
)


def invention(view: UserView, text: str, known: Known) -> Finding | None:
    """An id, an e-mail address or a phone number that comes from nowhere."""
    for value in ids(text):
        bare = squashed(value).lstrip("0")  # a phone number as it is dialled at home
        if bare not in known.squashed and not was_said(bare, view.messages):
            reason = (
                f"{value!r} is nowhere in what you know. Never make up numbers or addresses: say you do not have it."
            )
            return Finding("invention", reason, found=value)
    return None


def doubts(view: UserView, text: str, known: Known) -> Iterator[Finding]:
    """Dates, times and counts that come from nowhere: people give such too, so they are recorded alone."""
    if not any(map(str.isdigit, text)):
        return
    for name, values in (("date", _dates(text, known)), ("time", _times(text, known)), ("count", _counts(text, known))):
        if new := [value for value in values if not _said(value, view)]:
            yield Finding(f"invented {name}", f"the {name} {new[0]!r} is nowhere in what the user knows", soft=True)


def _dates(text: str, known: Known) -> list[str]:
    found = [match.group() for match in DATE.finditer(text)]
    return [value for value in found if not dates(value) & dates(known.text) and folded(value) not in known.folded]


def _times(text: str, known: Known) -> list[str]:
    return [m.group().strip() for m in TIME.finditer(text) if re.match(r"\d+", m.group()).group() not in known.folded]  # type: ignore[union-attr]


def _counts(text: str, known: Known) -> list[str]:
    found = [match.group() for match in _COUNT.finditer(DATE.sub(" ", TIME.sub(" ", text)))]
    return [value for value in found if value not in known.folded and not _spelled_out(value, known.folded)]


def _spelled_out(value: str, text: str) -> bool:
    number = int(value)
    return any(number < len(names) and names[number] in text for names in _SPELLED)


def _said(value: str, view: UserView) -> bool:
    plain = folded(value)
    return any(plain in folded(message.content) or _spelled_in(plain, message.content) for message in view.messages)


def _spelled_in(value: str, text: str) -> bool:
    return value.isdigit() and _spelled_out(value, folded(text))
