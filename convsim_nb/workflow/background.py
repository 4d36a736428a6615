"""Where runs live: one daemon thread with one event loop, for the life of the process."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

from convsim_nb.domain.errors import UsageError

Result = TypeVar("Result")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop; its thread is started at the first call."""
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def live() -> None:
        started.set_result(asyncio.get_running_loop())
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(live()), name="convsim", daemon=True).start()
    return started.result()


def submit(work: Coroutine[Any, Any, Result]) -> "Future[Result]":
    """Start a coroutine on the loop."""
    return asyncio.run_coroutine_threadsafe(work, loop())


def refuse_on_loop(call: str) -> None:
    """Raise where waiting would block the loop that is waited for.

    Raises:
        UsageError: this is the loop's own thread.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return
    if running is loop():
        raise UsageError(f"{call} would wait for itself on convsim's own loop: use `await run` there")
