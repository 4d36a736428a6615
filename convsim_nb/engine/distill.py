"""From one recorded session to its test cases."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from convsim_nb.domain.case import CaseFinding, Kind, Quote, Source, TestCase, Withheld
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.quotes import said_by
from convsim_nb.domain.session import Role, Session
from convsim_nb.domain.style import Expertise, measure_style
from convsim_nb.engine.ask import ask, data, refusal
from convsim_nb.engine.evidence import findings
from convsim_nb.engine.ports import Chat, ChatMessage, Report
from convsim_nb.engine.prompts import Prompt, prompt
from convsim_nb.engine.split import Span, split
from convsim_nb.engine.window import Fitted, fitted

WINDOW = 100_000
"""Tokens of a session that a model is given, where its own window is not known."""
PROPOSED = "guidelines"
"""Under which name proposed expectations stand: the one that MLflow's scorers read statements from."""


class Sourced(BaseModel):
    """A statement, and the words that it was read from."""

    text: str = Field(min_length=1)
    message: int
    quote: str = ""


class WithheldReply(BaseModel):
    """What the user said only in reaction to the agent."""

    fact: str = Field(min_length=1)
    after: str = Field(min_length=1)
    kind: Kind = "correction"
    message: int
    quote: str = ""
    after_message: int
    after_quote: str = ""


class DistillReply(BaseModel):
    """What the distilling model must answer: the case of one goal."""

    goal: Sourced
    persona: Sourced | None = None
    expertise: Expertise | None = None
    guidelines: list[Sourced] = []
    facts: list[Sourced] = []
    withheld: list[WithheldReply] = []
    expectations: list[Sourced] = []


@dataclass(frozen=True)
class DistillSettings:
    """How sessions are distilled."""

    split: bool = True
    """Whether a session with several goals gives a case for each."""
    check: bool = True
    """Whether each case is checked, and asked for again once where something is found."""
    window: int = WINDOW
    """Tokens of a session that the model is given."""
    prompts: Mapping[str, Prompt] = field(default_factory=dict)
    """Prompts in the place of our own, by their names: `split`, `distill`."""

    def prompt(self, name: str) -> Prompt:
        """The prompt of this name that is used."""
        return self.prompts.get(name) or prompt(name)


@dataclass(frozen=True)
class Distilled:
    """What came of one session."""

    cases: tuple[TestCase, ...] = ()
    problems: tuple[str, ...] = ()
    mended: int = 0
    """Findings that the second question settled."""


async def distill(
    session: Session, *, chat: Chat, report: Report, settings: DistillSettings | None = None, model: str = ""
) -> Distilled:
    """Read the test cases out of one recorded session.

    A session that held several goals gives one case a goal, in their order; the message ranges
    are contiguous and cover the session. What a check finds is asked again once; what stays is
    marked on the case.

    Raises:
        ModelError: the model gave no usable answer, in the tries it was given.
    """
    settings = settings or DistillSettings()
    text = fitted(session.messages, tokens=settings.window)
    problems = _cut(text)
    spans: tuple[Span, ...] = (Span(0, len(session.messages) - 1),)
    if settings.split:
        found = await split(
            session.messages, text.texts, chat=chat, report=report, instructions=settings.prompt("split")
        )
        spans, problems = found.spans, problems + ([found.problem] if found.problem else [])
    reading = _Reading(session, text.texts, chat, report, settings, model)
    read = [await reading.case(span, part) for part, span in enumerate(spans, start=1)]
    return Distilled(tuple(case for case, _ in read), tuple(problems), mended=sum(mended for _, mended in read))


async def distill_span(
    session: Session,
    span: Span,
    *,
    chat: Chat,
    report: Report,
    settings: DistillSettings | None = None,
    model: str = "",
) -> TestCase:
    """Read the one test case of a range of messages out of a session, without looking for several goals.

    Raises:
        ModelError: the model gave no usable answer, in the tries it was given.
    """
    settings = settings or DistillSettings(split=False)
    text = fitted(session.messages, tokens=settings.window)
    case, _ = await _Reading(session, text.texts, chat, report, settings, model).case(span, 1)
    return case


def _cut(text: Fitted) -> list[str]:
    if not text.left_out:
        return []
    return [
        f"longer than the model's window: {text.left_out:,} letters of the agent's were left out, none of the user's"
    ]


@dataclass(frozen=True)
class _Reading:
    """One session, while its cases are read out of it."""

    session: Session
    texts: Sequence[str]
    chat: Chat
    report: Report
    settings: DistillSettings
    model: str

    async def case(self, span: Span, part: int) -> tuple[TestCase, int]:
        """The case of a span, and how many findings a second question settled."""
        request = self._request(span)
        reply = await ask(self.chat, request, DistillReply, report=self.report)
        case, found = self._checked(reply, span, part)
        if not found:
            return case, 0
        again = await self._asked_again(request, reply, found)
        mended, left = self._checked(again, span, part) if again else (case, found)
        if len(left) < len(found):
            case, kept = mended, left
        else:
            kept = found
        return case.edited(findings=kept), len(found) - len(kept)

    async def _asked_again(
        self, request: tuple[ChatMessage, ...], reply: DistillReply, found: Sequence[CaseFinding]
    ) -> DistillReply | None:
        """The second answer; None where there is none to be used, for the first one stands."""
        reasons = "\n".join(f"{_as_asked(one.field)}: {one.reason}" for one in found)
        told = (*request, ChatMessage("assistant", reply.model_dump_json()), refusal(reasons))
        try:
            return await ask(self.chat, told, DistillReply, report=self.report, tries=1)
        except ModelError:
            return None

    def _request(self, span: Span) -> tuple[ChatMessage, ...]:
        """The rules, then the messages of one goal as data, with what was said before it."""
        said = [
            {"n": n, "role": message.role, "text": text}
            for n, (message, text) in enumerate(zip(self.session.messages, self.texts, strict=True))
        ]
        fields: dict[str, object] = {"messages": said[span.first : span.last + 1]}
        if span.first:
            fields = {"earlier": said[: span.first], **fields}
        return (ChatMessage("system", self.settings.prompt("distill").text), data(**fields))

    def _checked(self, reply: DistillReply, span: Span, part: int) -> tuple[TestCase, tuple[CaseFinding, ...]]:
        case = self._case(reply, span, part)
        return case, findings(case, self.session.messages) if self.settings.check else ()

    def _case(self, reply: DistillReply, span: Span, part: int) -> TestCase:
        messages = self.session.messages
        said = [messages[n].content for n in range(span.first, span.last + 1) if messages[n].role == "user"]
        style = measure_style(said, hidden=[text for w in reply.withheld for text in (w.fact, w.quote)])
        source = Source(
            session_id=self.session.id,
            first=span.first,
            last=span.last,
            quotes=tuple(self._placed(quote) for quote in _quotes(reply)),
            model=self.model,
            prompts={name: self.settings.prompt(name).version for name in self._used},
        )
        return TestCase(
            goal=reply.goal.text,
            persona=reply.persona.text if reply.persona else None,
            style=style.model_copy(update={"expertise": reply.expertise}),
            simulation_guidelines=tuple(line.text for line in reply.guidelines),
            facts=tuple(line.text for line in reply.facts),
            withheld=tuple(Withheld(fact=w.fact, after=w.after, kind=w.kind) for w in reply.withheld),
            expectations={PROPOSED: [line.text for line in reply.expectations]} if reply.expectations else {},
            proposed=(PROPOSED,) if reply.expectations else (),
            source=source,
            case_id=f"{self.session.id}{f'-{part}' if part > 1 else ''}",
        )

    @property
    def _used(self) -> tuple[str, ...]:
        return ("split", "distill") if self.settings.split else ("distill",)

    def _placed(self, quote: Quote) -> Quote:
        """The quote with the number of the message that it stands in: models miscount more often than misquote."""
        role: Role = "assistant" if quote.field.endswith(".after") else "user"
        messages = self.session.messages
        if (
            0 <= quote.message < len(messages)
            and said_by(role, quote.text, messages[quote.message : quote.message + 1]) == 0
        ):
            return quote
        found = said_by(role, quote.text, messages)
        return quote if found is None else quote.model_copy(update={"message": found})


def _quotes(reply: DistillReply) -> Iterable[Quote]:
    yield _quote("goal", reply.goal)
    if reply.persona:
        yield _quote("persona", reply.persona)
    for n, line in enumerate(reply.guidelines):
        yield _quote(f"simulation_guidelines[{n}]", line)
    for n, line in enumerate(reply.facts):
        yield _quote(f"facts[{n}]", line)
    for n, withheld in enumerate(reply.withheld):
        yield Quote(field=f"withheld[{n}].fact", message=withheld.message, text=withheld.quote)
        yield Quote(field=f"withheld[{n}].after", message=withheld.after_message, text=withheld.after_quote)
    for n, line in enumerate(reply.expectations):
        yield _quote(f"expectations.{PROPOSED}[{n}]", line)


def _quote(name: str, line: Sourced) -> Quote:
    return Quote(field=name, message=line.message, text=line.quote)


def _as_asked(name: str) -> str:
    """A field by the name that the model knows it by."""
    return name.replace("simulation_guidelines", "guidelines").replace(f"expectations.{PROPOSED}", "expectations")
