"""Where runs live: one daemon thread with one event loop, for the life of the process."""

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from functools import cache
from typing import Any, TypeVar

from convsim_nb.domain.errors import UsageError

Result = TypeVar("Result")
_THREAD = "convsim"


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop; its thread is started at the first call."""
    started: Future[asyncio.AbstractEventLoop] = Future()

    async def live() -> None:
        started.set_result(asyncio.get_running_loop())
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(live()), name=_THREAD, daemon=True).start()
    return started.result()


if hasattr(os, "register_at_fork"):  # a forked child has the loop and not its thread
    os.register_at_fork(after_in_child=loop.cache_clear)


def answers(seconds: float) -> bool:
    """Whether the loop does, or there is none; False where somebody holds it for so many seconds."""
    heard = threading.Event()
    if not loop.cache_info().currsize:
        return True
    loop().call_soon_threadsafe(heard.set)
    return heard.wait(seconds)


def stands_at() -> tuple[str, int] | None:
    """The file and the line at which the loop's thread is, of somebody's Python code."""
    thread = next((one for one in threading.enumerate() if one.name == _THREAD), None)
    frame = sys._current_frames().get(thread.ident or 0) if thread else None  # noqa: SLF001 - documented, so named
    return (frame.f_code.co_filename, frame.f_lineno) if frame else None


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
