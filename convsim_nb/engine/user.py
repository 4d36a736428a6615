"""The simulated user that a language model plays."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from convsim_nb.domain.behaviours import STEPS
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.style import style_lines
from convsim_nb.engine.ask import ask, data
from convsim_nb.engine.escalation import next_steps
from convsim_nb.engine.ports import Chat, ChatMessage, UserMove, UserView
from convsim_nb.engine.prompts import Prompt, prompt


class UserReply(BaseModel):
    """What the model playing the user must answer."""

    action: Literal["say", "end"]
    text: str = Field(default="", description="the message; empty when action is end")
    because: str = Field(default="", description="a few words, for the record")


@dataclass(frozen=True)
class ChatUser:
    """A user played by a language model; knows the brief, the conversation and what was released."""

    chat: Chat
    instructions: Prompt | None = None
    """A prompt in the place of ours."""

    async def __call__(self, view: UserView) -> UserMove:
        """The next move.

        Raises:
            ModelError: the model gave no usable answer.
        """
        messages = user_messages(view, instructions=self.instructions)
        reply = await ask(self.chat, messages, UserReply, report=view.report, check=_says_something)
        return UserMove(action=reply.action, text=reply.text.strip(), because=reply.because)


def user_messages(view: UserView, *, instructions: Prompt | None = None) -> tuple[ChatMessage, ...]:
    """The request for the next move: what never changes first, then the conversation, appended to each turn."""
    refused = [
        data(not_sent=refusal.text, reason=refusal.reason, now="Write another message in its place.")
        for refusal in view.refused
    ]
    return (
        ChatMessage("system", (instructions or prompt("user")).text),
        _brief(view.case),
        *_conversation(view),
        *refused,
    )


def _brief(case: TestCase) -> ChatMessage:
    brief: dict[str, object] = {"goal": case.goal}
    if case.persona:
        brief["persona"] = case.persona
    if case.simulation_guidelines:
        brief["guidelines"] = [line for line in case.simulation_guidelines if not line.startswith(STEPS)]
    if case.facts:
        brief["facts"] = list(case.facts)
    if case.style:
        brief["style"] = list(style_lines(case.style.model_copy(update={"examples": ()})))
        brief["examples"] = list(case.style.examples)
    return data(**{name: told for name, told in brief.items() if told})


def _conversation(view: UserView) -> list[ChatMessage]:
    """The user's own messages as its replies, the agent's as data; a fact stands where it became known."""
    messages = []
    released = list(view.released)
    steps = iter(next_steps(view.case, (m.content for m in view.messages if m.role == "assistant")))
    for count, message in enumerate(view.messages, start=1):
        if message.role == "user":
            # Without `because`: it is not kept, and a model that sees it empty leaves its own empty too.
            said = UserReply(action="say", text=message.content).model_dump_json(exclude={"because"})
            messages.append(ChatMessage("assistant", said))
            continue
        known = [withheld.fact for said, withheld in released if said == count]
        told = {"now_known": known, "try_next": next(steps, "")}
        messages.append(data(agent=message.content, **{name: value for name, value in told.items() if value}))
    return messages


def _says_something(reply: UserReply) -> str | None:
    return "text is empty: say something, or end" if reply.action == "say" and not reply.text.strip() else None
