"""Whether a test case can be trusted: checked against the session it came from, without a model."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from convsim_nb.domain.case import CaseFinding, Check, Quote, TestCase, Withheld
from convsim_nb.domain.language import language_of, words
from convsim_nb.domain.quotes import is_quoted
from convsim_nb.domain.session import Message, Role
from convsim_nb.engine.guard.exact import DATE, dates, exact
from convsim_nb.engine.guard.text import joined, pairs, squashed, telling
from convsim_nb.engine.guard.text import language_of as stemming_of

_ENOUGH = 2
"""So many telling stems show that a text holds a thing; an id, a date or a name does so alone."""
_SHARE = 0.5
"""Of what is telling in a withheld fact, so much gives it away."""
_ASKS = re.compile(
    r"[?？؟]|\b(?:please|kindly) (?:provide|tell|share|give|enter|confirm|specify|let me)"
    r"|\bbitte (?:nennen|geben|sagen)"
    r"|请(?:提供|告诉|告知|输入|问)|\b(?:veuillez|indique|indíqueme|dígame)\b",
    re.IGNORECASE,
)
_ARTEFACT = re.compile(
    r"\b(?:json|transcript|(?:full |entire |prior |previous )?(?:conversation|message|chat) (?:history|list|record|log)"
    r"|recorded (?:session|conversation)|prior conversation|message number|role-?play)\b|对话记录|聊天记录",
    re.IGNORECASE,
)
_KIN = ({"da", "nb", "sv"}, {"es", "pt", "it"}, {"cs", "pl"}, {"ru", "uk"}, {"ar", "fa"})
"""Languages that short texts cannot tell apart."""
_FEW_WORDS = 5


@dataclass(frozen=True)
class Matter:
    """What in a text says something: exact things, and telling stems or pairs of characters."""

    exact: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()

    def __sub__(self, other: "Matter") -> "Matter":
        return Matter(self.exact - other.exact, self.stems - other.stems)

    def __and__(self, other: "Matter") -> "Matter":
        return Matter(self.exact & other.exact, self.stems & other.stems)

    @property
    def shown(self) -> str:
        return ", ".join(repr(one) for one in sorted(self.exact or self.stems)[:4])


@dataclass(frozen=True)
class Evidence:
    """A case beside the session it came from."""

    case: TestCase
    messages: Sequence[Message]

    @cached_property
    def language(self) -> str:
        """For stems; of the user's words."""
        return stemming_of(joined(text for _, text in self.user))

    @cached_property
    def first(self) -> int:
        return self.case.source.first if self.case.source else 0

    @cached_property
    def last(self) -> int:
        return self.case.source.last if self.case.source else len(self.messages) - 1

    @cached_property
    def user(self) -> list[tuple[int, str]]:
        """The user's messages up to the end of the case, with their numbers."""
        said = enumerate(self.messages[: self.last + 1])
        return [(n, message.content) for n, message in said if message.role == "user"]

    @cached_property
    def opening_ends(self) -> int:
        """The number of the last message of the user's opening.

        It lasts as long as the agent only asks, and ends before the first withheld fact.
        """
        answered = (
            n
            for n in range(self.first, self.last + 1)
            if self.messages[n].role == "assistant" and not _ASKS.search(self.messages[n].content)
        )
        began = next((n for n, _ in self.user if n >= self.first), self.first)
        reacted = min((quote.message for quote in self.quotes if _is_fact(quote)), default=self.last + 1)
        return max(began, min(next((n for n in answered if n > began), self.last + 1), reacted) - 1)

    @cached_property
    def quotes(self) -> tuple[Quote, ...]:
        return self.case.source.quotes if self.case.source else ()

    def matter(self, text: str) -> Matter:
        """What a text says, in the session's language."""
        found = {squashed(one) for one in things(text)} | dates(text)
        return Matter(frozenset(found), telling(text, self.language) | pairs(text))

    def said(self, *, until: int | None = None, after: int = -1, role: Role = "user") -> Matter:
        """What one side said in the messages after one number, up to another."""
        until = self.last if until is None else until
        texts = [m.content for n, m in enumerate(self.messages[: until + 1]) if n > after and m.role == role]
        return self.matter(joined(texts))

    def fact_message(self, place: int) -> int | None:
        """The number of the message in which the withheld fact at this place was said."""
        field = f"withheld[{place}].fact"
        return next((quote.message for quote in self.quotes if quote.field == field), None)

    def told_fields(self) -> Iterator[tuple[str, str]]:
        """What the simulated user is told from the start, by the field's name."""
        case = self.case
        yield "goal", case.goal
        if case.persona:
            yield "persona", case.persona
        yield from ((f"simulation_guidelines[{n}]", text) for n, text in enumerate(case.simulation_guidelines))
        yield from ((f"facts[{n}]", text) for n, text in enumerate(case.facts))


def things(text: str) -> tuple[str, ...]:
    """Ids, names and amounts; dates are compared in a form of their own."""
    return exact(DATE.sub(" ; ", text))


def findings(case: TestCase, messages: Sequence[Message] = ()) -> tuple[CaseFinding, ...]:
    """What is to be said against a case, in the order of its fields; without messages, by the case alone."""
    found: dict[tuple[str, ...], CaseFinding] = {}
    for name, field, reason in _all(Evidence(case, messages)):
        key = (name, field) if name == "later" else (name, field, reason)  # one such reason a field is enough
        found.setdefault(key, CaseFinding(field=field, check=name, reason=reason))
    order = list(TestCase.model_fields)
    return tuple(sorted(found.values(), key=lambda one: order.index(re.split(r"[.\[]", one.field)[0])))


_Found = tuple[Check, str, str]


def _all(evidence: Evidence) -> Iterator[_Found]:
    for check in ALONE:
        yield from check(evidence)
    if evidence.messages:
        for check in BESIDE:
            yield from check(evidence)


# --- by the case alone ---------------------------------------------------------------


def _artefacts(evidence: Evidence) -> Iterator[_Found]:
    """Talk of how the session was read, which no user knows of."""
    own = joined(text for _, text in evidence.user)
    for field, text in evidence.told_fields():
        if (found := _ARTEFACT.search(text)) and not is_quoted(found.group(), own):
            yield "artefact", field, f"it speaks of the record ({found.group()!r}), which the user never saw"


def _given_away(evidence: Evidence) -> Iterator[_Found]:
    """What is withheld stands in what the simulated user is told from the start."""
    for place, withheld in enumerate(evidence.case.withheld):
        secret = _secret(evidence, place, withheld)
        for field, text in evidence.told_fields():
            held = evidence.matter(text) & secret
            most = max(_ENOUGH, round(len(secret.stems) * _SHARE)) if len(secret.stems) > 1 else 1
            if held.exact or len(held.stems) >= most:
                when = evidence.fact_message(place)
                said = "only later" if when is None else f"only in message {when}, in reaction to the agent"
                yield "later", field, f"it holds {held.shown}, which the user said {said}: it is withheld"


def _secret(evidence: Evidence, place: int, withheld: Withheld) -> Matter:
    """What in a withheld fact was nothing that the user had said before."""
    when, fact = evidence.fact_message(place), evidence.matter(withheld.fact)
    if not evidence.messages or when is None:
        return fact - evidence.matter(joined(q.text for q in evidence.quotes if q.field == "goal"))
    new = fact - evidence.said(until=when - 1)
    # In the user's own words, where any of them stand in it: those of whoever wrote the fact down give nothing away.
    own = new & evidence.said(after=when - 1, until=when)
    return own if own.exact or own.stems else new


# --- beside the session --------------------------------------------------------------


def _quotes(evidence: Evidence) -> Iterator[_Found]:
    """Every field is quoted, from whom it may come from, word for word."""
    quoted = {quote.field for quote in evidence.quotes}
    for field in _fields(evidence.case):
        if field not in quoted:
            yield "quote", field, "it is not quoted"
    for quote in evidence.quotes:
        if reason := _misquoted(quote, evidence):
            yield "quote", quote.field, reason


def _misquoted(quote: Quote, evidence: Evidence) -> str:
    role = _speaker(quote.field)
    if not 0 <= quote.message <= evidence.last:
        return f"message {quote.message} is none of this conversation's"
    message = evidence.messages[quote.message]
    if message.role != role:
        return f"message {quote.message} is not the {'agent' if role == 'assistant' else 'user'}'s"
    shown = quote.text if len(quote.text) < 60 else f"{quote.text[:57]}..."  # noqa: PLR2004
    return "" if is_quoted(quote.text, message.content) else f"{shown!r} does not stand in message {quote.message}"


def _fields(case: TestCase) -> Iterator[str]:
    yield "goal"
    yield from (f"simulation_guidelines[{n}]" for n in range(len(case.simulation_guidelines)))
    yield from (f"facts[{n}]" for n in range(len(case.facts)))
    for n in range(len(case.withheld)):
        yield from (f"withheld[{n}].fact", f"withheld[{n}].after")


def _later(evidence: Evidence) -> Iterator[_Found]:
    """The goal holds what the user said only after the agent had answered."""
    end = evidence.opening_ends
    late = next((q.message for q in evidence.quotes if q.field == "goal" and q.message > end), None)
    if late is not None:
        yield "later", "goal", f"it is quoted from message {late}; the user's opening ends with message {end}"
        return
    early = next((q.message for q in evidence.quotes if q.field == "goal" and q.message < evidence.first), None)
    if early is not None:
        yield (
            "quote",
            "goal",
            f"message {early} is of an earlier matter: quote the goal from message {evidence.first} on",
        )
    opening = evidence.said(until=end)
    held = (evidence.matter(evidence.case.goal) - opening) & evidence.said(after=end)
    if held.exact or len(held.stems) >= _ENOUGH:
        reason = (
            f"it holds {held.shown}, which the user said only after message {end}: leave it out, or give it as a fact"
        )
        yield "later", "goal", reason


def _agents(evidence: Evidence) -> Iterator[_Found]:
    """What the agent said first is nothing that the user could know."""
    fields = [*evidence.told_fields(), *((f"withheld[{n}].fact", w.fact) for n, w in enumerate(evidence.case.withheld))]
    for field, text in fields:
        for thing in things(text):
            first = _first_said(squashed(thing), evidence)
            taken_up = field.startswith("withheld") and _said_by_user(squashed(thing), evidence)
            if first == "assistant" and not taken_up:
                yield "agent", field, f"{thing!r} was said by the agent first: the user cannot know it from the start"
                break


def _first_said(thing: str, evidence: Evidence) -> Role | None:
    said = (m.role for m in evidence.messages[: evidence.last + 1] if thing in squashed(m.content))
    return next(said, None)


def _said_by_user(thing: str, evidence: Evidence) -> bool:
    return any(thing in squashed(text) for _, text in evidence.user)


def _languages(evidence: Evidence) -> Iterator[_Found]:
    """The case is written as the user wrote."""
    spoken = language_of(joined(text for _, text in evidence.user))
    texts = [("goal", evidence.case.goal), ("persona", evidence.case.persona or "")]
    for field, text in texts:
        own = language_of(text) if len(words(text)) >= _FEW_WORDS else ""
        if own and spoken and own != spoken and not any({own, spoken} <= kin for kin in _KIN):
            yield "language", field, f"it is written in {own!r}, the user wrote in {spoken!r}"


def _triggers(evidence: Evidence) -> Iterator[_Found]:
    """What comes after a trigger was said after it; and the trigger can be seen in another conversation."""
    for place, withheld in enumerate(evidence.case.withheld):
        when = evidence.fact_message(place)
        after = next((q.message for q in evidence.quotes if q.field == f"withheld[{place}].after"), None)
        if when is not None and after is not None and not after < when:
            yield "trigger", f"withheld[{place}].after", f"message {after} does not come before message {when}"
        own = [one for one in things(withheld.after) if any(map(str.isdigit, one))]
        if agents := [one for one in own if _first_said(squashed(one), evidence) == "assistant"]:
            reason = f"{agents[0]!r} was in this agent's words alone: describe what it did so that other words fit too"
            yield "trigger", f"withheld[{place}].after", reason


def _restated(evidence: Evidence) -> Iterator[_Found]:
    """A withheld fact says something that the user had not said before."""
    for place, withheld in enumerate(evidence.case.withheld):
        when = evidence.fact_message(place)
        if when is None or not 0 <= when <= evidence.last:
            continue
        new = _secret(evidence, place, withheld)
        if not new.exact and not new.stems:
            reason = "it says nothing that the user had not said before: leave it out; that they insist is a guideline"
            yield "restated", f"withheld[{place}].fact", reason


def _amounts(evidence: Evidence) -> Iterator[_Found]:
    """Amounts, ids and dates of the message that the goal is quoted from stand somewhere in the case."""
    place = next((quote.message for quote in evidence.quotes if quote.field == "goal"), None)
    if place is None or not 0 <= place <= evidence.last or evidence.messages[place].role != "user":
        return
    told = [text for _, text in evidence.told_fields()] + [w.fact for w in evidence.case.withheld]
    held = squashed(joined(told))
    asked = evidence.messages[place].content
    missing = [one for one in things(asked) if any(map(str.isdigit, one)) and squashed(one) not in held]
    if dates(asked) and not dates(asked) & dates(joined(told)):
        missing += [match.group() for match in DATE.finditer(asked)]
    if missing:
        listed = ", ".join(repr(one) for one in missing[:4])
        yield "amount", "goal", f"the user asked with {listed} in message {place}, which stands nowhere in the case"


def _speaker(field: str) -> Role:
    return "assistant" if field.endswith(".after") else "user"


def _is_fact(quote: Quote) -> bool:
    return quote.field.startswith("withheld") and quote.field.endswith(".fact")


ALONE: Iterable[Callable[[Evidence], Iterator[_Found]]] = (_artefacts, _given_away)
BESIDE: Iterable[Callable[[Evidence], Iterator[_Found]]] = (
    _quotes,
    _later,
    _agents,
    _languages,
    _triggers,
    _restated,
    _amounts,
)
