"""What can go wrong at an endpoint that speaks the OpenAI protocol, mapped to our errors in one place."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import aiohttp

from convsim_nb.adapters.completions import cut
from convsim_nb.adapters.retries import Fault, retry_after
from convsim_nb.domain.errors import ModelError

_LIMIT_TRIES = 10
_SERVER_TRIES = 5
_TIMEOUT_TRIES = 2  # each has waited long already
_TRANSIENT = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY}
_KEY_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """Parsed JSON where it parses, else text."""

    @classmethod
    def read(cls, status: int, headers: Mapping[str, str], raw: bytes) -> "Answer":
        """An answer whose body is JSON, or something else."""
        try:
            return cls(status, headers, json.loads(raw))
        except ValueError:
            return cls(status, headers, raw.decode(errors="replace"))

    @property
    def error(self) -> Mapping[str, Any]:
        """The error object that the endpoint sent: `message`, and perhaps `param` and `code`."""
        match self.body:
            case {"error": Mapping() as error} | {"detail": Mapping() as error}:
                return error
            case {"error": said} | {"message": said} | {"detail": said} | said:
                return {"message": str(said)}

    @property
    def usage(self) -> Any:
        """The endpoint's `usage` object, if it sent one."""
        return self.body.get("usage") if isinstance(self.body, Mapping) else None

    @property
    def said(self) -> str:
        """The endpoint's own words."""
        return cut(self.error.get("message") or self.body)


def refused(answer: Answer, *, name: str, key_name: str, secrets: Iterable[str] = ()) -> Fault:
    """The fault of an HTTP status that is not 2xx; `secrets` are taken out of the endpoint's words."""
    status, said = answer.status, answer.said
    for secret in secrets:
        said = said.replace(secret, "***")
    wait = retry_after(answer.headers.get("Retry-After"))
    if status in _KEY_REFUSED:  # without the endpoint's words: they quote the key
        return Fault(ModelError(f"{name}: the key was not accepted ({status}): set a valid one in {key_name}"))
    if status == HTTPStatus.NOT_FOUND:
        return Fault(ModelError(f"{name}: no such model, or the address lacks its /v1 (404): {said}"))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        spent = answer.error.get("code") == "insufficient_quota"
        tries = 1 if spent else _LIMIT_TRIES
        return Fault(ModelError(f"{name}: rate limit (429): {said}"), tries=tries, wait=wait, limited=True)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _TRANSIENT:
        error = ModelError(f"{name}: the endpoint failed ({status}): {said}")
        return Fault(error, tries=_SERVER_TRIES, wait=wait, limited=wait is not None)
    return Fault(ModelError(f"{name}: the request was refused ({status}): {said}"))


def unanswered(error: Exception, *, name: str, timeout: float) -> Fault:
    """The fault of a request that got no answer: an aiohttp error, or a time-out."""
    if isinstance(error, TimeoutError):
        return Fault(ModelError(f"{name}: no answer in {timeout:g} s"), tries=_TIMEOUT_TRIES)
    if isinstance(error, aiohttp.InvalidURL):
        return Fault(ModelError(f"{name}: not an address that can be called"))
    return Fault(ModelError(f"{name}: no connection: {type(error).__name__}: {error}"), tries=_SERVER_TRIES)
