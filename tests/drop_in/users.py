"""Users of MLflow's own kind, and models, for tests of the drop-in."""

from typing import Any

from mlflow.genai.simulators import BaseSimulatedUserAgent

from convsim_nb.testing import ScriptedChat


class Counting(BaseSimulatedUserAgent):
    """Says its goal and the turn; needs no model."""

    made: int = 0

    def __init__(self, model: Any = None, **params: Any) -> None:
        super().__init__(model, **params)
        type(self).made += 1

    def generate_message(self, context: Any) -> str:
        return f"{context.goal}, message {context.turn}"


def content_in(turn: int) -> ScriptedChat:
    """A model: its user asks on, its judge is content in that turn."""
    chat = ScriptedChat.happy(turns=turn)
    chat.name = "scripted"
    return chat


def echo(messages: list[dict[str, Any]]) -> str:
    """An agent that takes `messages` and nothing else."""
    return f"You said: {messages[-1]['content']}"
