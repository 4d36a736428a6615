"""The judge that a language model plays: is the goal reached, and which triggers fired?"""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from convsim_nb.domain.conversation import Fired, GoalCheck
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.quotes import said_by
from convsim_nb.domain.session import Message
from convsim_nb.engine.ask import ask, data
from convsim_nb.engine.ports import Chat, ChatMessage, JudgeView
from convsim_nb.engine.prompts import Prompt, prompt


class FiredReply(BaseModel):
    """A trigger that fired, by its number in the request."""

    trigger: int
    quote: str = Field(description="the agent's words that show it, word for word")


class JudgeReply(BaseModel):
    """What the model playing the judge must answer; the reason comes before the verdict."""

    why: str = ""
    fired: list[FiredReply] = []
    evidence: str = Field(default="", description="the agent's words that meet the goal, word for word")
    reached: bool


@dataclass(frozen=True)
class ChatJudge:
    """A judge played by a language model. What it claims needs a quote that is there."""

    chat: Chat
    instructions: Prompt | None = None
    """A prompt in the place of ours."""

    async def __call__(self, view: JudgeView) -> GoalCheck:
        """Judge the conversation so far.

        A quote that is not there is asked again, once. Then a trigger has not fired.

        Raises:
            ModelError: no usable answer, or still no true quote for `reached`.
        """
        reply, faults = None, _Faults(view)
        messages = judge_messages(view, instructions=self.instructions)
        reply = await ask(self.chat, messages, JudgeReply, report=view.report)
        if reason := faults(reply):
            again = (*messages, ChatMessage("assistant", reply.model_dump_json()), data(not_accepted=reason))
            reply = await ask(self.chat, again, JudgeReply, report=view.report)
        if reply.reached and not faults.proven(reply.evidence):
            raise ModelError(f"the judge says reached and quotes what the agent never said: {reply.evidence!r}")
        return GoalCheck(
            reached=reply.reached,
            evidence=reply.evidence if reply.reached else "",
            fired=faults.fired(reply),
            why=reply.why,
            turn=view.turn,
        )


@dataclass(frozen=True)
class _Faults:
    """What is wrong with a reply of the judge, and what of it holds all the same."""

    view: JudgeView

    def __call__(self, reply: JudgeReply) -> str | None:
        if reply.reached and not self.proven(reply.evidence):
            return f"evidence {reply.evidence!r} is not in the agent's words: copy it letter by letter, or say false"
        for fired in reply.fired:
            if fired.trigger in self._open and not self.proven(fired.quote):
                return f"quote {fired.quote!r} is not in the agent's words: copy it letter by letter, or leave it out"
        return None

    def proven(self, quote: str) -> bool:
        return said_by("assistant", quote, self.view.messages) is not None

    def fired(self, reply: JudgeReply) -> tuple[Fired, ...]:
        """The open triggers that are proven, each once."""
        proven = {f.trigger: f.quote for f in reversed(reply.fired) if f.trigger in self._open and self.proven(f.quote)}
        return tuple(Fired(index=index, quote=proven[index]) for index in sorted(proven))

    @property
    def _open(self) -> set[int]:
        return {index for index, _ in self.view.pending}


def judge_messages(view: JudgeView, *, instructions: Prompt | None = None) -> tuple[ChatMessage, ...]:
    """The request for a verdict: goal and all triggers first, then a message a turn, only appended to."""
    triggers = [{"trigger": index, "when": withheld.after} for index, withheld in enumerate(view.case.withheld)]
    task = data(goal=view.case.goal, triggers=triggers)
    ask_now = data(judge_after_turn=view.turn, open_triggers=[index for index, _ in view.pending])
    return (ChatMessage("system", (instructions or prompt("judge")).text), task, *_turns(view.messages), ask_now)


def _turns(messages: Sequence[Message]) -> list[ChatMessage]:
    turns: list[dict[str, str]] = []
    for message in messages:
        side = "user" if message.role == "user" else "agent"
        if not turns or side == "user" or "agent" in turns[-1]:
            turns.append({})
        turns[-1][side] = message.content
    return [data(**turn) for turn in turns]
