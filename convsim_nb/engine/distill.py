"""From one recorded session to its test cases."""

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, Field

from convsim_nb.domain.case import Kind, Quote, Source, TestCase, Withheld
from convsim_nb.domain.session import Message, Session
from convsim_nb.engine.ask import ask, data
from convsim_nb.engine.ports import Chat, ChatMessage, Report
from convsim_nb.engine.prompts import prompt


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


class CaseReply(BaseModel):
    """One goal of the session."""

    first: int
    last: int
    goal: Sourced
    persona: Sourced | None = None
    guidelines: list[Sourced] = []
    facts: list[Sourced] = []
    withheld: list[WithheldReply] = []
    expectations: list[Sourced] = []


class DistillReply(BaseModel):
    """What the distilling model must answer: the session's goals, in their order."""

    cases: list[CaseReply] = Field(min_length=1)


async def distill(session: Session, *, chat: Chat, report: Report, split: bool = True) -> tuple[TestCase, ...]:
    """Read the test cases out of one recorded session.

    A session that held several goals gives one case a goal, in their order; the message
    ranges are contiguous and cover the session. With `split=False` it gives one case.

    Raises:
        ModelError: the model gave no usable answer, in the tries it was given.
    """

    def fault(reply: DistillReply) -> str | None:
        return _range_fault(reply.cases, session.messages, split=split)

    reply = await ask(chat, distill_messages(session, split=split), DistillReply, report=report, check=fault)
    return tuple(_case(session, found, part) for part, found in enumerate(reply.cases, start=1))


def distill_messages(session: Session, *, split: bool = True) -> tuple[ChatMessage, ...]:
    """The request: the rules, then the session as data."""
    said = [{"n": n, "role": message.role, "text": message.content} for n, message in enumerate(session.messages)]
    fields: dict[str, object] = {"messages": said}
    if not split:
        fields["cases_wanted"] = "exactly one, for the whole session"
    return (ChatMessage("system", prompt("distill").text), data(**fields))


def _range_fault(cases: Sequence[CaseReply], messages: Sequence[Message], *, split: bool) -> str | None:
    if not split and len(cases) > 1:
        return f"there are {len(cases)} cases: exactly one is wanted"
    expected = 0
    for found in cases:
        if found.first != expected:
            return f"a range begins at {found.first}: it must begin at {expected}, right after the one before"
        if found.last < found.first or found.last >= len(messages):
            return f"the range {found.first}..{found.last} is not in the messages 0..{len(messages) - 1}"
        if found.first > 0 and messages[found.first].role != "user":
            return f"the range {found.first}..{found.last} does not begin with a user message"
        expected = found.last + 1
    return (
        None if expected == len(messages) else f"the ranges end at {expected - 1}, the messages at {len(messages) - 1}"
    )


def _case(session: Session, found: CaseReply, part: int) -> TestCase:
    suffix = f"-{part}" if part > 1 else ""
    return TestCase(
        goal=found.goal.text,
        persona=found.persona.text if found.persona else None,
        simulation_guidelines=tuple(line.text for line in found.guidelines),
        facts=tuple(line.text for line in found.facts),
        withheld=tuple(Withheld(fact=w.fact, after=w.after, kind=w.kind) for w in found.withheld),
        expectations={"proposed": [line.text for line in found.expectations]} if found.expectations else {},
        source=Source(session_id=session.id, first=found.first, last=found.last, quotes=tuple(_quotes(found))),
        case_id=f"{session.id}{suffix}",
    )


def _quotes(found: CaseReply) -> Iterable[Quote]:
    yield _quote("goal", found.goal)
    if found.persona:
        yield _quote("persona", found.persona)
    for n, line in enumerate(found.guidelines):
        yield _quote(f"simulation_guidelines[{n}]", line)
    for n, line in enumerate(found.facts):
        yield _quote(f"facts[{n}]", line)
    for n, withheld in enumerate(found.withheld):
        yield Quote(field=f"withheld[{n}].fact", message=withheld.message, text=withheld.quote)
        yield Quote(field=f"withheld[{n}].after", message=withheld.after_message, text=withheld.after_quote)
    for n, line in enumerate(found.expectations):
        yield _quote(f"expectations.proposed[{n}]", line)


def _quote(field: str, line: Sourced) -> Quote:
    return Quote(field=field, message=line.message, text=line.quote)
