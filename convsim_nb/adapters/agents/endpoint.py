"""An agent behind an address that speaks the OpenAI protocol; it streams where the endpoint does."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from convsim_nb.adapters.agents.faults import KEY_REFUSED, NOT_TAKEN, SAID_KEY_REFUSED, TRIES
from convsim_nb.adapters.completions import cut
from convsim_nb.adapters.connections import connection, proxy_for
from convsim_nb.adapters.openai_errors import Answer
from convsim_nb.adapters.retries import Fault, retry_after
from convsim_nb.domain.errors import AgentError, AgentTypeError, AgentUnreachable
from convsim_nb.domain.secrets import tell

_UNREACHABLE = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}


def endpoint_agent(address: str, *, api_key: str | None = None) -> Callable[..., AsyncIterator[Any]]:
    """A function of `messages` that calls the endpoint at `http(s)://host/v1#model`.

    Raises:
        AgentTypeError: the address names no model.
    """
    base_url, _, model = address.partition("#")
    if not model:
        raise AgentTypeError(f"agent {endpoint_name(address)} names no model: add it after a #, as in .../v1#my-agent")
    url = f"{base_url.rstrip('/')}/chat/completions"
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    tell(api_key)

    async def agent(messages: list[dict[str, Any]]) -> AsyncIterator[Any]:
        body = {"model": model, "messages": messages, "stream": True}
        async for event in answered(url, body, headers=headers):
            yield event

    return agent


async def answered(url: str, body: Mapping[str, Any], *, headers: Mapping[str, str]) -> AsyncIterator[Any]:
    """What an endpoint answers: the events of its stream, or one whole reply.

    Raises:
        Fault: it refused, or is not to be reached.
    """
    session = await connection()
    try:
        async with session.post(url, json=body, headers=headers, timeout=_NO_LIMIT, proxy=proxy_for(url)) as response:
            if response.status != HTTPStatus.OK:
                raise refused(Answer.read(response.status, response.headers, await response.read()), url=url)
            if response.content_type != "text/event-stream":
                yield await _read(response)
                return
            async for event in _events(response.content):
                yield event
    except aiohttp.ClientConnectorError as error:
        said = f"no connection to {shown(url)}: {type(error).__name__}: {error}"
        raise Fault(AgentUnreachable(said), tries=TRIES) from None


def shown(url: str) -> str:
    """An address without what may be secret in it: no user, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def endpoint_name(address: str) -> str:
    """`model@host:port`: short enough for a table, and without what may be secret."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.fragment}@{host}" if parts.fragment else host


_NO_LIMIT = aiohttp.ClientTimeout(total=None)  # the time-out is the agent's, set by whoever calls it


async def _read(response: aiohttp.ClientResponse) -> Any:
    """The answer of an endpoint that does not stream."""
    raw = await response.read()
    try:
        return json.loads(raw)
    except ValueError:
        raise AgentError(f"the endpoint sent no JSON: {cut(raw.decode(errors='replace'))!r}") from None


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[Any]:
    """The events of a stream, each one line of JSON after `data:`."""
    rest = b""
    async for piece in content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            data = line.strip().removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
            if data and data != b"[DONE]":
                yield _parsed(data)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        raise AgentError(f"the endpoint streamed no JSON: {cut(data.decode(errors='replace'))!r}") from None


def refused(answer: Answer, *, url: str) -> Fault:
    """What an answer means that is none."""
    said = f"the endpoint answered {answer.status}: {answer.said}"
    if answer.status in KEY_REFUSED:
        return Fault(AgentUnreachable(f"{SAID_KEY_REFUSED} by {shown(url)}: {said}"))
    if answer.status not in _UNREACHABLE:
        return Fault(AgentError(said))
    wait = retry_after(answer.headers.get("Retry-After"))
    limited = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    tries = TRIES if answer.status in NOT_TAKEN else 1  # a gateway may have passed the request on
    return Fault(AgentUnreachable(said), tries=tries, wait=wait, limited=limited)
