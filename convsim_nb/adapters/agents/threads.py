"""Plain functions beside the event loop: each call on a daemon thread that no other call is on."""

import asyncio
import contextlib
import contextvars
import os
import queue
import threading
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from convsim_nb.domain.errors import AgentError

Result = TypeVar("Result")
_numbers = count(1)
_IDLE_SECONDS = 30.0
"""So long a thread waits for its call before it ends."""


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

    _worker().take(run, name)
    return await future


class _Worker:
    """A daemon thread that was begun before it is needed, makes one call, and leaves a new one in its place.

    To begin a thread costs the loop 2 ms: it waits until the thread has had its first turn. And a thread that
    was used before would carry what the last call left on it, such as an MLflow run that was never ended.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="convsim-agent-idle", daemon=True)
        self._thread.start()

    def take(self, call: Callable[[], None], name: str) -> None:
        self._thread.name = name
        self._calls.put(call)

    def _work(self) -> None:
        while True:
            try:
                call = self._calls.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._retired():
                    return
                continue
            call()
            _idle.append(_Worker())
            return

    def _retired(self) -> bool:
        """Whether it may end: not where somebody has just taken it off the list, to give it a call."""
        try:
            _idle.remove(self)
        except ValueError:
            return False
        return True


_idle: list[_Worker] = []
if hasattr(os, "register_at_fork"):  # a forked child has none of these threads
    os.register_at_fork(after_in_child=_idle.clear)


def _worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()


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
