"""The session that a case came from, as the side panel shows it; and what is left of its quotes after an edit."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from convsim_nb.domain.case import Quote, Source, TestCase, root_of
from convsim_nb.domain.quotes import quoted_at
from convsim_nb.domain.session import Message, Session
from convsim_nb.views.hidden import visible
from convsim_nb.views.words import role_words

Json = dict[str, Any]


def source_json(case: TestCase, session: Session) -> Json:
    """The messages in pieces, those in the case's range as such; and the quotes that stand nowhere in them."""
    source = case.source or Source(session_id=session.id, last=len(session.messages) - 1)
    placed: dict[int, list[tuple[int, int, str]]] = {}
    lost = []
    for quote in source.quotes:
        if (found := _place(quote, session.messages)) is None:
            lost.append({"field": visible(quote.field), "text": visible(quote.text)})
        else:
            placed.setdefault(quote.message, []).append((*found, visible(quote.field)))
    messages = [
        {
            "n": n + 1,
            "role": message.role,
            "who": role_words(message, recorded="").strip().capitalize(),
            "tools": [visible(call.name) for call in message.tool_calls],
            "pieces": list(_pieces(message.content, placed.get(n, []))),
            "inside": source.first <= n <= source.last,
        }
        for n, message in enumerate(session.messages)
    ]
    title = f"{session.id}, messages {source.first + 1} to {source.last + 1}"
    return {"session": visible(session.id), "title": visible(title), "messages": messages, "lost": lost}


def _place(quote: Quote, messages: Sequence[Message]) -> tuple[int, int] | None:
    if not quote.text.strip() or not 0 <= quote.message < len(messages):
        return None
    return quoted_at(quote.text, messages[quote.message].content)


def _pieces(text: str, marks: Sequence[tuple[int, int, str]]) -> Iterator[Json]:
    """The text cut where a mark begins or ends; each piece with the fields it was quoted for."""
    cuts = sorted({0, len(text), *(at for start, end, _ in marks for at in (start, end))})
    for start, end in pairwise(cuts):
        fields = [field for first, last, field in marks if first <= start and end <= last]
        yield {"text": visible(text[start:end]), "fields": fields}
    if not text:
        yield {"text": "", "fields": []}


# --- after an edit -------------------------------------------------------------------


def still_quoted(case: TestCase, values: Mapping[str, Any]) -> Source | None:
    """The case's source without the quotes of items that an edit took out; those of items that moved go with them."""
    source = case.source
    if source is None or not source.quotes:
        return source
    places = {name: _places(_items(name, getattr(case, name)), _items(name, value)) for name, value in values.items()}
    kept = [moved for quote in source.quotes if (moved := _moved(quote, places)) is not None]
    return source.model_copy(update={"quotes": tuple(kept)})


def _items(name: str, value: Any) -> list[str]:
    """What is quoted of a field, one by one."""
    if name == "expectations":
        statements = value.get("guidelines")
        return [str(one) for one in statements] if isinstance(statements, list) else []
    if name == "withheld":
        return [one.fact for one in value]
    return [str(value)] if isinstance(value, str) else [str(one) for one in value or ()]


def _places(before: Sequence[str], now: Sequence[str]) -> dict[int, int]:
    """Where each item is now: the same words elsewhere, else the same place if nothing came or went."""
    places = {old: now.index(text) for old, text in enumerate(before) if text in now}
    if len(before) == len(now):
        free = set(range(len(now))) - set(places.values())
        places |= {old: old for old in range(len(before)) if old not in places and old in free}
    return places


def _moved(quote: Quote, places: Mapping[str, Mapping[int, int]]) -> Quote | None:
    """The quote under its item's name now; None where the item is gone."""
    field = root_of(quote.field)
    if field not in places:
        return quote
    head, bracket, rest = quote.field.partition("[")
    number, _, tail = rest.partition("]")
    old = int(number) if bracket and number.isdigit() else 0
    if old not in places[field]:
        return None
    return quote.model_copy(update={"field": f"{head}[{places[field][old]}]{tail}"}) if bracket else quote
