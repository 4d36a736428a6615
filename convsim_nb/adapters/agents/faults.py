"""What an agent's exception means: its own fault, or its infrastructure's."""

from collections.abc import Iterator
from typing import Any

from convsim_nb.adapters.retries import Fault, retry_after
from convsim_nb.domain.errors import AgentError, AgentUnreachable
from convsim_nb.domain.session import whole

_STATUS = {429, 502, 503, 504}
NOT_TAKEN = {429, 503}
TRIES = 3
"""Of a request that surely never reached the agent: no connection, or the other side took none."""
KEY_REFUSED = {401, 403}
SAID_KEY_REFUSED = "the agent's key was refused"
_NO_CONNECTION = {
    "APIConnectionError",  # openai, anthropic, litellm
    "ClientConnectionError",  # aiohttp
    "ConnectError",  # httpx
    "ConnectTimeout",
    "ConnectionError",  # Python, requests
    "NewConnectionError",  # urllib3
    "PoolTimeout",
    "ReadError",
    "RemoteProtocolError",
    "ServiceUnavailableError",
    "gaierror",  # no such host
}
_NOT_REACHED = {
    "ClientConnectorError",  # aiohttp
    "ConnectError",
    "ConnectTimeout",
    "ConnectionRefusedError",
    "NewConnectionError",
    "PoolTimeout",
    "gaierror",
}
"""No connection was made, so that nobody has got the request."""
_KEY_REFUSED = {"AuthenticationError", "PermissionDeniedError"}  # openai, anthropic, litellm
_OTHER_LOOP = (
    "attached to a different loop",  # a future, a task
    "bound to a different event loop",  # asyncio's locks, and with them httpx
    "Event loop is closed",  # a connection that was opened on a loop that is no more
    "Timeout context manager should be used inside a task",  # aiohttp
)
_WAY_OUT = (
    "the agent's client belongs to another event loop: use `await cs.simulate_async(...)`, "
    "or make the client inside the agent"
)


def agent_fault(error: BaseException, *, begun: bool, retries: int | None = None) -> Fault:
    """The fault of a call that raised.

    It is tried again as often as it says itself, or `retries` times where it is the infrastructure's. By default an
    exception out of a function is tried again only where no connection was made, or the other side took no request:
    with a connection that broke, something may have been done. One that had begun to answer is never tried again.
    """
    fault = _fault(error)
    refused_key = str(fault.error).startswith(SAID_KEY_REFUSED)
    tries = fault.tries
    if begun:
        tries = 1
    elif retries is not None and isinstance(fault.error, AgentUnreachable) and not refused_key:
        tries = 1 + retries
    return Fault(fault.error, tries=tries, wait=fault.wait, limited=fault.limited)


def _fault(error: BaseException) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, AgentError) and not isinstance(error, AgentUnreachable):
        return Fault(error)
    if any(_of_another_loop(cause) for cause in _causes(error)):  # it may come dressed as a failed connection
        return Fault(AgentError(f"{line(error)}: {_WAY_OUT}"))
    for cause in _causes(error):
        if type(cause).__name__ in _KEY_REFUSED and _status(cause) in KEY_REFUSED:
            return Fault(AgentUnreachable(f"{SAID_KEY_REFUSED}: {line(cause)}"))
        if isinstance(cause, AgentUnreachable) or _is_unreachable(cause):
            unreachable = cause if isinstance(cause, AgentUnreachable) else AgentUnreachable(line(cause))
            tries = TRIES if any(map(_is_not_taken, _causes(error))) else 1
            return Fault(unreachable, tries=tries, wait=_wait(cause))
    return Fault(AgentError(line(error)))


def line(error: BaseException) -> str:
    """An exception in one line: the innermost of a group."""
    if isinstance(error, BaseExceptionGroup):
        return line(error.exceptions[0])
    said = _said(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def tellable(error: Exception) -> Exception:
    """The error; one in its place, in a line, where its text or that of a cause could not be written down."""
    return error if all(map(_is_tellable, _causes(error))) else AgentError(line(error))


def _is_tellable(error: BaseException) -> bool:
    try:
        return whole(str(error)) == str(error)
    except Exception:  # noqa: BLE001 - an agent's own class may raise anything there
        return False


def _said(error: BaseException) -> str:
    """Its text, as any file or store takes it."""
    try:
        return whole(str(error))
    except Exception as fault:  # noqa: BLE001 - an agent's own class may raise anything there
        return f"(it has no text: its __str__ raises {type(fault).__name__})"


def _of_another_loop(error: BaseException) -> bool:
    return isinstance(error, RuntimeError) and any(words in _said(error) for words in _OTHER_LOOP)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, outermost first."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()  # an exception that is kept and raised again may be a cause of its own
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        elif current.__cause__ is not None:
            waiting.append(current.__cause__)
        else:  # `reason`: urllib's and urllib3's; the first argument: requests'
            inner = (getattr(current, "reason", None), *current.args[:1])
            waiting.extend(each for each in inner if isinstance(each, BaseException))


def _is_unreachable(error: BaseException) -> bool:
    return _is_any(error, _NO_CONNECTION) or _status(error) in _STATUS


def _is_not_taken(error: BaseException) -> bool:
    return _is_any(error, _NOT_REACHED) or _status(error) in NOT_TAKEN


def _is_any(error: BaseException, names: set[str]) -> bool:
    return any(parent.__name__ in names for parent in type(error).__mro__)


def _wait(error: Any) -> float | None:
    """Seconds that the other side asked for, where the exception holds its answer."""
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    return retry_after(headers.get("Retry-After"))


def _status(error: Any) -> int | None:
    """The HTTP status that an exception carries, by any of the names in use."""
    response = getattr(error, "response", None)
    for holder, name in ((error, "status_code"), (error, "status"), (response, "status_code"), (response, "status")):
        value = getattr(holder, name, None)
        if isinstance(value, int):
            return value
    return None
