"""HTTP connections, kept open and reused: one aiohttp session an event loop."""

import asyncio
import atexit
import contextlib
import os
from collections.abc import AsyncGenerator
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

_EXIT_SECONDS = 1.0

_sessions: dict[asyncio.AbstractEventLoop, AsyncGenerator[aiohttp.ClientSession]] = {}
_opened: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}


async def connection() -> aiohttp.ClientSession:
    """The running loop's session. It closes itself when the loop shuts down its generators, as `asyncio.run` does."""
    loop = asyncio.get_running_loop()
    opened = _opened.get(loop)
    if opened is None or opened.closed:
        await _forget_closed_loops()
        generator = _sessions[loop] = _session(loop)
        opened = await anext(generator)
    return opened


@cache
def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for a URL, if any.

    Looked up once: aiohttp's own `trust_env` asks for it, and for a netrc file, on a thread for each request.
    """
    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    return proxy if proxy and not proxy_bypass(parts.hostname or "") else None


async def _session(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession]:
    # An async generator, because a loop closes those that were begun on it before it closes itself:
    # nobody has to remember to call close(), and no connection outlives its loop.
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # how many at once is for the engine to say
        cookie_jar=aiohttp.DummyCookieJar(),
    )
    _opened[loop] = session
    try:
        yield session
    finally:
        _opened.pop(loop, None)
        _sessions.pop(loop, None)
        await session.close()


async def _forget_closed_loops() -> None:
    """Close the sessions of loops that were closed by hand, without their generators."""
    for loop in [loop for loop in _opened if loop.is_closed()]:
        _sessions.pop(loop, None)
        await _opened.pop(loop).close()


def _leave_to_the_parent() -> None:
    """In a forked child: what is open belongs to loops that do not run here, and must not be waited for."""
    _parents.extend(_opened.values())
    _opened.clear()
    _sessions.clear()


_parents: list[aiohttp.ClientSession] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_the_parent)


@atexit.register
def _close_at_exit() -> None:
    """Close what is left: a loop that lives as long as the process never shuts down by itself."""
    for loop, session in tuple(_opened.items()):
        with contextlib.suppress(TimeoutError, RuntimeError):  # a loop that is stuck, or closed in this moment
            if loop.is_running():
                asyncio.run_coroutine_threadsafe(session.close(), loop).result(_EXIT_SECONDS)
            elif loop.is_closed():
                asyncio.run(session.close())
            else:
                loop.run_until_complete(session.close())


def shown_url(url: str) -> str:
    """A URL as it may be shown: without user, password, and query, where keys hide."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
