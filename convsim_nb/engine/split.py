"""Where a recorded session turns to another goal."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.quotes import is_quoted
from convsim_nb.domain.session import Message
from convsim_nb.engine.ask import ask, data
from convsim_nb.engine.guard.text import joined, language_of, pairs, telling
from convsim_nb.engine.ports import Chat, ChatMessage, Report
from convsim_nb.engine.prompts import Prompt, prompt


class Opening(BaseModel):
    """One goal, and the user message that opens it."""

    wants: str = ""
    first: int
    quote: str = ""


class SplitReply(BaseModel):
    """What the splitting model must answer: the goals of a session, in their order."""

    goals: list[Opening] = Field(min_length=1)


@dataclass(frozen=True)
class Span:
    """The messages of one goal, both ends included."""

    first: int
    last: int


@dataclass(frozen=True)
class Split:
    """A session's spans, contiguous and covering it, and why it was not split where it was not."""

    spans: tuple[Span, ...]
    problem: str = ""


async def split(
    messages: Sequence[Message], texts: Sequence[str], *, chat: Chat, report: Report, instructions: Prompt | None = None
) -> Split:
    """Ask a model for the goals of a session; `texts` are the messages as they are sent.

    No sign splits without the model. What it proposes must be opened by a user message that it
    quotes and that names a matter of its own; a proposal that is not, after it was asked again,
    leaves the session whole.
    """
    whole = Split((Span(0, len(messages) - 1),))
    if sum(message.role == "user" for message in messages) < 2:  # noqa: PLR2004 - one message has one opening
        return whole
    request = split_messages(messages, texts, instructions=instructions)
    try:
        reply = await ask(chat, request, SplitReply, report=report, check=lambda found: fault(found, messages))
    except ModelError as error:
        return Split(whole.spans, problem=f"left in one piece: {error}")
    return Split(spans_of([goal.first for goal in reply.goals], len(messages)))


def split_messages(
    messages: Sequence[Message], texts: Sequence[str], *, instructions: Prompt | None = None
) -> tuple[ChatMessage, ...]:
    """The request: the rules, then the session as data."""
    said = [{"n": n, "role": m.role, "text": text} for n, (m, text) in enumerate(zip(messages, texts, strict=True))]
    return (ChatMessage("system", (instructions or prompt("split")).text), data(task="split", messages=said))


def spans_of(openings: Sequence[int], count: int) -> tuple[Span, ...]:
    """The spans that begin at these messages, the first one at the session's own beginning."""
    starts = [0, *openings[1:]]
    ends = [start - 1 for start in starts[1:]] + [count - 1]
    return tuple(Span(first, last) for first, last in zip(starts, ends, strict=True))


def fault(reply: SplitReply, messages: Sequence[Message]) -> str | None:
    """Why a proposal cannot be taken, in a sentence that the model can act on."""
    before = -1
    for goal in reply.goals:
        if not 0 <= goal.first < len(messages) or messages[goal.first].role != "user":
            return f"first={goal.first} is not the number of a user message"
        if goal.first <= before:
            return f"first={goal.first} does not come after first={before}: give the goals in their order"
        if before >= 0 and not is_quoted(goal.quote, messages[goal.first].content):
            return f"the quote of the goal that begins at {goal.first} does not stand in message {goal.first}"
        if before >= 0 and not brings_news(messages, goal.first):
            return f"message {goal.first} names nothing that was not spoken of before: it opens no goal of its own"
        before = goal.first
    return None


def brings_news(messages: Sequence[Message], place: int) -> bool:
    """Whether a message names something that neither side had named before."""
    text, earlier = messages[place].content, joined(message.content for message in messages[:place])
    language = language_of(earlier)
    return bool((telling(text, language) - telling(earlier, language)) or (pairs(text) - pairs(earlier)))
