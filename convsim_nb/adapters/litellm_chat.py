"""A language model of any provider that LiteLLM serves."""

import asyncio
import logging
import os
import time
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

from convsim_nb.adapters.completions import answer_of, tokens_of
from convsim_nb.adapters.litellm_errors import fault_of, speaks_of_schema
from convsim_nb.adapters.metering import Spent, metered
from convsim_nb.adapters.retries import STEADY, Backoff, Cooldown, cooldown_of
from convsim_nb.adapters.structured import response_format, with_schema
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.secrets import tell
from convsim_nb.engine.ports import ChatReply, ChatRequest

_OTHER_KEYS = {
    "AZURE": ("AZURE_AD_TOKEN",),
    "BEDROCK": ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"),
    "GEMINI": ("GOOGLE_API_KEY",),
    "HUGGINGFACE": ("HF_TOKEN",),
    "TOGETHER_AI": ("TOGETHERAI_API_KEY",),
}
"""Where a provider's key stands that is not in `<PROVIDER>_API_KEY`."""


@cache
def load_litellm() -> ModuleType:
    """LiteLLM, imported so that it stays off the network and off stdout. The first time takes over a second."""
    # Without this it fetches its price table when imported, and can dead-lock on the import lock.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    litellm.suppress_debug_info = True  # else every error prints two lines of advertisement
    # It warns whenever it is used from a second event loop, which is no fault of anybody's.
    logging.getLogger("LiteLLM").addFilter(lambda record: not record.getMessage().startswith("LoggingWorker:"))
    return litellm


def providers() -> frozenset[str]:
    """The providers that LiteLLM knows, by the names that stand in model URIs."""
    return frozenset(str(getattr(provider, "value", provider)) for provider in load_litellm().provider_list)


def missing_keys(model: str) -> tuple[str, ...]:
    """The environment variables of which one must hold a key for `provider/model`; empty where none is missing.

    Only keys count: LiteLLM also asks for regions, projects and addresses, which have defaults or other ways in.
    """
    wanted = [name for name in load_litellm().validate_environment(model)["missing_keys"] if name.endswith("_API_KEY")]
    given = any(os.environ.get(name) for name in (*wanted, "AZURE_AD_TOKEN" if model.startswith("azure/") else ""))
    return () if given else tuple(wanted)


class LitellmChat:
    """A model by LiteLLM's name for it: `anthropic/claude-sonnet-4-5`.

    `params` go with every call, over those of the request; what `litellm.acompletion` takes by keyword may stand in
    it, such as `api_base`. `timeout` is for one try, in seconds.
    """

    def __init__(
        self,
        model: str,
        *,
        params: Mapping[str, Any] | None = None,
        name: str | None = None,
        timeout: float = 120.0,
        backoff: Backoff = STEADY,
    ) -> None:
        self.model = model
        self.name = name or model.replace("/", ":/", 1)
        self._params = dict(params or {})
        tell(str(self._params.get("api_key") or ""))
        self._timeout = timeout
        self._backoff = backoff
        self._takes_schema: bool | None = None

    def __repr__(self) -> str:
        return f"LitellmChat({self.model!r})"

    @property
    def _secrets(self) -> dict[str, str]:
        """The keys that may be this provider's, by the names of the variables or parameters that hold them."""
        provider = self.model.partition("/")[0].upper()
        named = {name: os.environ.get(name) for name in (f"{provider}_API_KEY", *_OTHER_KEYS.get(provider, ()))}
        return {name: key for name, key in {**named, "api_key": self._params.get("api_key")}.items() if key}

    @property
    def cooldown(self) -> Cooldown:
        """Shared by every client of this model."""
        return cooldown_of(f"{self.model}@{self._params.get('api_base', '')}")

    async def __call__(self, request: ChatRequest, /) -> ChatReply:
        """The model's answer.

        Raises:
            ModelError: it gave none that can be used, in all the tries it was worth.
        """
        litellm = await asyncio.to_thread(load_litellm) if load_litellm.cache_info().currsize == 0 else load_litellm()
        return await metered(
            lambda spent: self._attempt(litellm, request, spent), cooldown=self.cooldown, backoff=self._backoff
        )

    async def _attempt(self, litellm: ModuleType, request: ChatRequest, spent: Spent) -> str:
        arguments = self._arguments(litellm, request)
        began = time.monotonic()
        try:
            # The outer time-out is for providers whose LiteLLM client does not heed its own.
            async with asyncio.timeout(self._timeout * 1.1):
                completion = await litellm.acompletion(**arguments)
        except Exception as error:
            learned = "response_format" in arguments and speaks_of_schema(error)
            if learned:
                self._takes_schema = False
            raise fault_of(error, name=self.name, again=learned, secrets=self._secrets) from error
        finally:
            spent.usage += Usage(calls=1, seconds=time.monotonic() - began)
        body = completion.model_dump()
        spent.usage += tokens_of(body.get("usage")).model_copy(update={"cost": self._cost(litellm, completion)})
        return answer_of(body, name=self.name)

    def _arguments(self, litellm: ModuleType, request: ChatRequest) -> dict[str, Any]:
        messages, schema = request.messages, request.reply_type
        if self._takes_schema is None:
            self._takes_schema = bool(litellm.supports_response_schema(self.model))
        arguments: dict[str, Any] = {**request.params, **self._params}
        if schema and self._takes_schema:
            arguments["response_format"] = response_format(schema)
        elif schema:
            messages = with_schema(messages, schema)
        plain = [{"role": message.role, "content": message.content} for message in messages]
        # Retries are ours: theirs are neither counted nor share a cool-down.
        fixed = {"model": self.model, "messages": plain, "timeout": self._timeout, "num_retries": 0, "max_retries": 0}
        # What the user named is never left out in silence, as in the lean client.
        return {"drop_params": not self._params, **arguments, **fixed}

    @staticmethod
    def _cost(litellm: ModuleType, completion: Any) -> float | None:
        """US dollars by LiteLLM's table; None where the model does not stand in it."""
        try:
            return float(litellm.completion_cost(completion_response=completion))
        except Exception:  # noqa: BLE001 - it raises a bare Exception for a model without a price
            return None
