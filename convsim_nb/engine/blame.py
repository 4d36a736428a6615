"""Why a conversation did not reach its goal, where no rule says it: a language model reads it, and has to quote."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation
from convsim_nb.domain.quotes import said_by
from convsim_nb.domain.session import Message, Role
from convsim_nb.engine.ask import ask, data
from convsim_nb.engine.ports import Chat, ChatMessage, Report
from convsim_nb.engine.prompts import Prompt, prompt
from convsim_nb.engine.window import fitted

Kind = Literal[
    "agent_misunderstood",
    "agent_wrong",
    "agent_incomplete",
    "agent_refused",
    "agent_stuck",
    "turns_short",
    "user_kept_back",
    "user_strayed",
    "user_gave_up",
    "case_missing",
    "case_unclear",
    "case_impossible",
    "judge_missed",
    "unclear",
]
_UNQUOTED = ("unclear", "turns_short")
_MOST_TOKENS = 24_000
"""Of what was said; longer conversations lose the middles of the agent's messages."""


class BlameReply(BaseModel):
    """What the model that reads a failure must answer; the reason comes before the kind."""

    why: str = Field(min_length=1)
    quote: str = Field(default="", description="the words that show it, word for word")
    kind: Kind


async def blame(
    conversation: Conversation, *, case: TestCase, chat: Chat, report: Report, instructions: Prompt | None = None
) -> BlameReply:
    """What went wrong first, of what kind, with the words that show it.

    A quote that is not there, or is of the wrong side, is asked again, once.

    Raises:
        ModelError: no usable answer, or still no true quote.
    """
    messages = blame_messages(conversation, case=case, instructions=instructions)
    return await ask(
        chat, messages, BlameReply, report=report, check=lambda reply: _fault(reply, conversation.messages)
    )


def blame_messages(
    conversation: Conversation, *, case: TestCase, instructions: Prompt | None = None
) -> tuple[ChatMessage, ...]:
    """The request: the case and how it ended, then a message a turn."""
    check = conversation.checks[-1] if conversation.checks else None
    known = {release.index for release in conversation.released}
    task = data(
        goal=case.goal,
        user={"persona": case.persona, "guidelines": case.simulation_guidelines, "facts": case.facts},
        withheld=[
            {"fact": each.fact, "after": each.after, "released": place in known}
            for place, each in enumerate(case.withheld)
        ],
        expected=case.expectations,
        ended={"stop": conversation.stop, "turns": conversation.turns, "detail": conversation.detail},
        judge=check.why if check else "",
    )
    return (ChatMessage("system", (instructions or prompt("failure")).text), task, *_turns(conversation.messages))


def _turns(messages: Sequence[Message]) -> list[ChatMessage]:
    turns: list[dict[str, Any]] = []
    for message, text in zip(messages, fitted(messages, tokens=_MOST_TOKENS).texts, strict=True):
        side = "user" if message.role == "user" else "agent"
        if not turns or side == "user" or "agent" in turns[-1]:
            turns.append({})
        turns[-1][side] = text
        if message.tool_calls:
            turns[-1]["tools"] = [
                {"name": call.name, "arguments": call.arguments, "error": call.error} for call in message.tool_calls
            ]
    return [data(**turn) for turn in turns]


def _fault(reply: BlameReply, messages: Sequence[Message]) -> str | None:
    if reply.kind in _UNQUOTED and not reply.quote:
        return None
    sides = _sides(reply.kind)
    if any(said_by(side, reply.quote, messages) is not None for side in sides):
        return None
    whose = "the agent's" if sides == ("assistant",) else "the user's" if sides == ("user",) else "anybody's"
    return f"quote {reply.quote!r} is not in {whose} words: copy it letter by letter from one message"


def _sides(kind: Kind) -> tuple[Role, ...]:
    if kind.startswith("agent_") or kind == "judge_missed":
        return ("assistant",)
    return ("user",) if kind.startswith("user_") else ("assistant", "user")
