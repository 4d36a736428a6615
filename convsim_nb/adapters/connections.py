"""HTTP connections, kept open and reused: one aiohttp session an event loop."""

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

import aiohttp

_sessions: dict[asyncio.AbstractEventLoop, AsyncGenerator[aiohttp.ClientSession]] = {}
_opened: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}


async def connection() -> aiohttp.ClientSession:
    """The running loop's session. It closes itself when the loop shuts down its generators, as `asyncio.run` does."""
    loop = asyncio.get_running_loop()
    opened = _opened.get(loop)
    if opened is None or opened.closed:
        _forget_closed_loops()
        generator = _sessions[loop] = _session(loop)
        opened = await anext(generator)
    return opened


async def _session(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[aiohttp.ClientSession]:
    # An async generator, because a loop closes those that were begun on it before it closes itself:
    # nobody has to remember to call close(), and no connection outlives its loop.
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),  # how many at once is for the engine to say
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,
    )
    _opened[loop] = session
    try:
        yield session
    finally:
        _opened.pop(loop, None)
        _sessions.pop(loop, None)
        await session.close()


def _forget_closed_loops() -> None:
    """Let go of the sessions of loops that were closed by hand, without their generators."""
    for loop in [loop for loop in _opened if loop.is_closed()]:
        _opened.pop(loop).detach()
        _sessions.pop(loop, None)


def shown_url(url: str) -> str:
    """A URL as it may be shown: without user, password, and query, where keys hide."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
