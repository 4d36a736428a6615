"""An agent behind a serving endpoint of Databricks, asked in the protocol that the endpoint says it speaks."""

from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any

from convsim_nb.adapters.agents.endpoint import answered, refused
from convsim_nb.adapters.agents.history import as_items
from convsim_nb.adapters.connections import connection, proxy_for
from convsim_nb.adapters.openai_errors import Answer
from convsim_nb.domain.secrets import tell

_CHAT = "llm/v1/chat"
_RESPONSES = "agent/v1/responses"
_NOT_OURS_TO_SEE = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
"""Who may ask an endpoint need not be allowed to look at it."""


def serving_agent(name: str, *, host: str, token: str) -> Callable[..., AsyncIterator[Any]]:
    """A function of `messages` that asks the endpoint `name` of the workspace at `host`.

    A case's context goes to an agent as `custom_inputs`, the session as `conversation_id`.
    """
    headers = {"Authorization": f"Bearer {token}"}
    tell(token)
    known: list[str] = []

    async def agent(messages: list[dict[str, Any]], mlflow_session_id: str, **context: Any) -> AsyncIterator[Any]:
        if not known:
            known.append(await _task(f"{host}/api/2.0/serving-endpoints/{name}", headers))
        body = _body(known[0], messages, session_id=mlflow_session_id, context=context)
        async for event in answered(f"{host}/serving-endpoints/{name}/invocations", body, headers=headers):
            yield event

    return agent


async def _task(url: str, headers: Mapping[str, str]) -> str:
    """What the endpoint says that it does; a chat where it does not say."""
    session = await connection()
    async with session.get(url, headers=headers, proxy=proxy_for(url)) as response:
        answer = Answer.read(response.status, response.headers, await response.read())
    if answer.status in _NOT_OURS_TO_SEE:
        return _CHAT
    if answer.status != HTTPStatus.OK:
        raise refused(answer, url=url)
    return str(answer.body.get("task") or _CHAT) if isinstance(answer.body, Mapping) else _CHAT


def _body(task: str, messages: list[dict[str, Any]], *, session_id: str, context: Mapping[str, Any]) -> dict[str, Any]:
    said = {"input": as_items(messages)} if task == _RESPONSES else {"messages": messages}
    if not task.startswith("agent/"):
        return {**said, "stream": True}
    beside = {"custom_inputs": dict(context)} if context else {}
    return {**said, "context": {"conversation_id": session_id}, **beside, "stream": True}
