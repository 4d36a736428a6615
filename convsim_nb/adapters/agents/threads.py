"""Plain functions beside the event loop: each call on a daemon thread of its own."""

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from convsim_nb.domain.errors import AgentError

Result = TypeVar("Result")
_numbers = count(1)


async def on_daemon_thread(work: Callable[[], Result], *, name: str) -> Result:
    """The result of `work`, done with the caller's context variables.

    Not `asyncio.to_thread`: its threads hold up the interpreter's exit, and a few calls that never return use
    them all up. When the caller is cancelled the thread is left behind, and its result goes nowhere.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result = context.run(work)
        except BaseException as error:  # noqa: BLE001 - raised again on the loop
            settle = _raising(future, _holdable(error))
        else:
            settle = _returning(future, result)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future


def thread_name(agent: str) -> str:
    """A name for the thread of one call, by which an error can name it."""
    return f"convsim-agent-{agent}-{next(_numbers)}"


def _holdable(error: BaseException) -> Exception:
    """The error as a future may hold it: SystemExit would end the loop, and StopIteration is refused."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return AgentError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _returning(future: "asyncio.Future[Result]", result: Result) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_result(result)


def _raising(future: "asyncio.Future[Result]", error: Exception) -> Callable[[], None]:
    return lambda: None if future.done() else future.set_exception(error)
