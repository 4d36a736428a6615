"""The rule-based model behind the `Chat` port."""

from dataclasses import dataclass

from pydantic import BaseModel

from convsim_nb.demo.rules.distilling import distil, divide
from convsim_nb.demo.rules.judging import judge
from convsim_nb.demo.rules.playing import play
from convsim_nb.demo.rules.requests import Task, case_of, data_of, scene_of, task_of
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.engine.judge import JudgeReply
from convsim_nb.engine.ports import ChatReply, ChatRequest


@dataclass(frozen=True)
class RulesChat:
    """Plays the user, the judge and the distiller by rules: no network, no key, no language model."""

    never_reached: bool = False
    """The judge never says reached and the user never ends: for benchmarks of a given length."""
    name: str = "demo:/rules"

    async def __call__(self, request: ChatRequest) -> ChatReply:
        """Answer a request of one of the four prompts.

        Raises:
            ModelError: the request is none of them.
        """
        name = request.reply_type.__name__ if request.reply_type else ""
        text = self.answer(task_of(name, request.messages), request).model_dump_json()
        return ChatReply(text=text, usage=usage_of(request, text))

    def answer(self, task: Task, request: ChatRequest) -> BaseModel:
        """The structured reply to a task.

        Raises:
            ModelError: the request does not hold what the task needs.
        """
        try:
            match task:
                case "user":
                    return play(scene_of(request.messages, endless=self.never_reached))
                case "judge":
                    return self._verdict(request)
                case "split":
                    return divide(data_of(request.messages))
                case "distill":
                    return distil(data_of(request.messages))
        except (KeyError, ValueError, TypeError) as fault:
            raise ModelError(f"demo:/rules cannot read this request as the task {task!r}: {fault!r}") from fault

    def _verdict(self, request: ChatRequest) -> JudgeReply:
        verdict = judge(*case_of(request.messages))
        if self.never_reached and verdict.reached:
            return JudgeReply(why="Never, by order.", fired=verdict.fired, reached=False)
        return verdict


def usage_of(request: ChatRequest, text: str) -> Usage:
    """Tokens as a quarter of the characters; nothing is charged."""
    read = sum(len(message.content) for message in request.messages)
    return Usage(calls=1, input_tokens=read // 4 + 1, output_tokens=len(text) // 4 + 1, cost=0.0)
