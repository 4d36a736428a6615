"""A language model behind any endpoint that speaks the OpenAI Chat Completions protocol, by aiohttp."""

import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp

from convsim_nb.adapters.completions import answer_of, tokens_of
from convsim_nb.adapters.connections import connection, proxy_for, shown_url
from convsim_nb.adapters.metering import Spent, metered
from convsim_nb.adapters.openai_errors import Answer, refused, unanswered
from convsim_nb.adapters.retries import STEADY, Backoff, Cooldown, Fault, cooldown_of
from convsim_nb.adapters.structured import response_format, with_schema
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.secrets import tell, tell_address
from convsim_nb.engine.ports import ChatReply, ChatRequest

Price = Callable[[Usage], float]
"""US dollars for the tokens of a usage."""


_RELEARN_TRIES = 10  # each asks for less than the one before, so it cannot go on for ever
_SECRET_LENGTH = 8  # a shorter header is a switch, no secret
_SCHEMA_WORDS = ("response_format", "json_schema", "response format", "structured output")


class OpenAIChat:
    """A model at `base_url`, the part of the address before `/chat/completions`.

    `params` go with every call, over those of the request. `price` gives the cost of a usage; without it the cost is
    unknown. `key_name` says in errors where the key comes from. `timeout` is for one try, in seconds.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        price: Price | None = None,
        name: str | None = None,
        key_name: str = "api_key=",
        timeout: float = 120.0,
        backoff: Backoff = STEADY,
    ) -> None:
        self.model = model
        self.url = f"{base_url.rstrip('/')}/chat/completions"
        self.name = name or f"{shown_url(base_url)}#{model}"
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._headers |= headers or {}
        self._secrets = tuple(
            secret.removeprefix("Bearer ") for secret in self._headers.values() if len(secret) >= _SECRET_LENGTH
        )
        tell(*self._secrets)
        tell_address(base_url)
        self._params = dict(params or {})
        self._price = price
        self._key_name = key_name
        self._timeout = timeout
        self._backoff = backoff
        self._takes_schema = True
        self._dialect: dict[str, str | None] = {}
        """Parameters that the endpoint does not take, with the name it wants instead, if any."""

    def __repr__(self) -> str:
        return f"OpenAIChat({self.name!r})"

    @property
    def cooldown(self) -> Cooldown:
        """Shared by every client of this model at this endpoint."""
        return cooldown_of(f"{self.url}#{self.model}")

    async def __call__(self, request: ChatRequest, /) -> ChatReply:
        """The model's answer.

        Raises:
            ModelError: it gave none that can be used, in all the tries it was worth.
        """
        return await metered(lambda spent: self._attempt(request, spent), cooldown=self.cooldown, backoff=self._backoff)

    async def _attempt(self, request: ChatRequest, spent: Spent) -> str:
        body = self._body(request)
        began = time.monotonic()
        try:
            answer = await self._post(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unanswered(error, name=self.name, timeout=self._timeout) from error
        finally:
            spent.usage += Usage(calls=1, seconds=time.monotonic() - began)
        if answer.status != HTTPStatus.OK:
            raise self._relearned(answer, body=body, wishes=request.params) or self._refused(answer)
        spent.usage += self._priced(tokens_of(answer.usage))
        return answer_of(answer.body, name=self.name)

    def _body(self, request: ChatRequest) -> dict[str, Any]:
        messages, schema = request.messages, request.reply_type
        body: dict[str, Any] = {"model": self.model}
        for name, value in {**request.params, **self._params}.items():
            if taken := self._dialect.get(name, name):
                body[taken] = value
        if schema and self._takes_schema:
            body["response_format"] = response_format(schema)
        elif schema:
            messages = with_schema(messages, schema)
        return body | {"messages": [{"role": message.role, "content": message.content} for message in messages]}

    async def _post(self, body: Mapping[str, Any]) -> Answer:
        session = await connection()
        timeout = aiohttp.ClientTimeout(total=self._timeout)
        proxy = proxy_for(self.url)
        async with session.post(self.url, json=body, headers=self._headers, timeout=timeout, proxy=proxy) as response:
            return Answer.read(response.status, response.headers, await response.read())

    def _priced(self, usage: Usage) -> Usage:
        return usage.model_copy(update={"cost": self._price(usage)}) if self._price else usage

    def _refused(self, answer: Answer) -> Fault:
        return refused(answer, name=self.name, key_name=self._key_name, secrets=self._secrets)

    def _relearned(self, answer: Answer, *, body: Mapping[str, Any], wishes: Mapping[str, Any]) -> Fault | None:
        """Learn from a 400 what the endpoint does not take, and try again without it; None where it says nothing.

        A parameter that the user named is never left out: only those that the request merely wished for.
        """
        if answer.status not in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
            return None
        said, param = answer.said, answer.error.get("param")
        if "response_format" in body and any(word in said.lower() for word in _SCHEMA_WORDS):
            self._takes_schema = False
        elif param == "max_tokens" in body and "max_completion_tokens" in said:
            self._dialect["max_tokens"] = "max_completion_tokens"
        elif param in body and param in wishes and param not in self._params:
            self._dialect[str(param)] = None
        else:
            return None
        return Fault(ModelError(f"{self.name}: the request was refused: {said}"), tries=_RELEARN_TRIES, wait=0.0)
