"""The managed judge of Databricks, `databricks`, through the function by which MLflow's own judges call it."""

import asyncio
import json
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from convsim_nb.adapters.completions import answer_of, cut, tokens_of
from convsim_nb.adapters.metering import Spent, metered
from convsim_nb.adapters.retries import STEADY, Backoff, Cooldown, Fault, cooldown_of
from convsim_nb.adapters.structured import with_schema
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError, ModelNameError
from convsim_nb.engine.ports import ChatMessage, ChatReply, ChatRequest

_TRIES = 5
_NAME = "databricks"


class ManagedChat:
    """A model that takes one system prompt and one user prompt; a conversation goes into the latter as JSON."""

    name = _NAME

    def __init__(self, *, params: Mapping[str, Any] | None = None, backoff: Backoff = STEADY) -> None:
        """Find what calls it.

        Raises:
            ModelNameError: it takes no parameters, or databricks-agents is not installed.
        """
        if params:
            raise ModelNameError(f"{_NAME}, the managed judge, takes no {', '.join(params)}: leave them out")
        if not _is_installed():
            raise ModelNameError(
                f"{_NAME}, the managed judge, needs databricks-agents: pip install databricks-agents, "
                "or name a serving endpoint, databricks:/<endpoint>"
            )
        self._backoff = backoff

    @property
    def cooldown(self) -> Cooldown:
        """Shared by every client of it."""
        return cooldown_of(_NAME)

    async def __call__(self, request: ChatRequest, /) -> ChatReply:
        """The model's answer.

        Raises:
            ModelError: it gave none that can be used, in all the tries it was worth.
        """
        return await metered(lambda spent: self._attempt(request, spent), cooldown=self.cooldown, backoff=self._backoff)

    async def _attempt(self, request: ChatRequest, spent: Spent) -> str:
        began = time.monotonic()
        try:
            result = await asyncio.to_thread(_ask, *_prompts(request))
        except Exception as error:
            said = cut(f"{type(error).__name__}: {error}")
            raise Fault(ModelError(f"{_NAME}: the managed judge failed: {said}"), tries=_TRIES) from error
        finally:
            spent.usage += Usage(calls=1, seconds=time.monotonic() - began)
        if code := getattr(result, "error_code", None) or getattr(result, "error_message", None):
            said = cut(getattr(result, "error_message", None) or code)
            raise Fault(ModelError(f"{_NAME}: the managed judge answered: {said}"), tries=_TRIES)
        body = _parsed(result.output_json)
        spent.usage += tokens_of(body.get("usage") if isinstance(body, Mapping) else None)
        return answer_of(body, name=_NAME)


def _is_installed() -> bool:
    try:
        return find_spec("databricks.rag_eval") is not None and find_spec("databricks.agents") is not None
    except (ImportError, ValueError):
        return False


def _ask(user: str, system: str) -> Any:
    from mlflow.genai.judges.adapters.databricks_managed_judge_adapter import call_chat_completions

    return call_chat_completions(user, system)


def _prompts(request: ChatRequest) -> tuple[str, str]:
    """User and system prompt. Roles stand in JSON: nobody's words can pass for another's."""
    messages = with_schema(request.messages, request.reply_type) if request.reply_type else request.messages
    system = "\n\n".join(message.content for message in messages if message.role == "system")
    said = [message for message in messages if message.role != "system"]
    return said[0].content if len(said) == 1 else _as_json(said), system


def _as_json(said: list[ChatMessage]) -> str:
    return json.dumps([{"role": message.role, "content": message.content} for message in said], ensure_ascii=False)


def _parsed(output: Any) -> Any:
    try:
        return json.loads(output) if isinstance(output, str) else output
    except ValueError:
        raise Fault(ModelError(f"{_NAME}: the managed judge sent no JSON: {cut(output)!r}"), tries=2) from None
