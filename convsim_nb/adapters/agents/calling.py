"""Calling an agent: on the loop or beside it, whole or in pieces, no longer than it is given."""

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from convsim_nb.adapters.agents.streams import Pieces
from convsim_nb.adapters.agents.threads import on_daemon_thread
from convsim_nb.domain.errors import AgentError, AgentTimeout

Result = TypeVar("Result")
_GRACE = 0.25
"""Seconds that a cancelled call has to clean up after itself."""


class Hearing:
    """One call of an agent as it goes on: takes the pieces, passes their text to the loop's thread."""

    def __init__(self, delta: Callable[[str], None]) -> None:
        self.over = False
        """True when nobody listens any more: the time is up, or the run has stopped."""
        self.pieces = Pieces()
        self.longest_step = 0.0
        """Seconds that the agent held the loop without an await, at most."""
        self.seconds: float | None = None
        """Seconds that the agent took, by the clock of the thread that it ran on; None before it was called."""
        self._delta = delta
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def take(self, piece: Any) -> None:
        """Hear one piece, on any thread."""
        text = self.pieces.add(piece)
        if not text:
            return
        if threading.get_ident() == self._thread:
            self._say(text)
        else:
            self._loop.call_soon_threadsafe(self._say, text)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Count what is done inside as the agent's own time."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds = (self.seconds or 0.0) + time.perf_counter() - began

    def _say(self, text: str) -> None:
        if not self.over:
            self._delta(text)


# --- what an agent may give back, made whole -----------------------------------------


async def whole(result: Any, hearing: Hearing) -> Any:
    """The reply of what a call gave back: a value, an awaitable, or a stream of either kind."""
    with hearing.clock():
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncIterator) or hasattr(result, "__aiter__"):
            return await _drained(aiter(result), hearing)
    if _is_stream(result):  # one that blocks: it would hold up the loop
        return await on_daemon_thread(lambda: drained(result, hearing), name="convsim-agent-stream")
    return result


def called(call: Callable[[], Any], hearing: Hearing) -> Any:
    """The reply of a plain call, on a thread of its own; what it leaves to be awaited is given back as it is."""
    with hearing.clock():
        result = call()
    return drained(result, hearing) if _is_stream(result) else result


def drained(stream: Iterator[Any], hearing: Hearing) -> Any:
    """The reply that a plain stream makes; nothing more is asked of it when nobody listens."""
    with hearing.clock():
        for piece in stream:
            if hearing.over:
                break
            hearing.take(piece)
        if isinstance(stream, Generator):
            stream.close()
    return hearing.pieces.whole()


async def _drained(stream: AsyncIterator[Any], hearing: Hearing) -> Any:
    try:
        async for piece in stream:
            hearing.take(piece)
    finally:
        if inspect.isasyncgen(stream):
            await stream.aclose()
    return hearing.pieces.whole()


def _is_stream(value: Any) -> bool:
    return isinstance(value, Iterator) and not isinstance(value, str | bytes)


# --- time ----------------------------------------------------------------------------


async def within(work: Coroutine[Any, Any, Result], *, seconds: float, left_behind: Callable[[bool], str]) -> Result:
    """The result of `work`, or `AgentTimeout` after so many seconds.

    `left_behind` is told whether the cancelled work ended, and says what is left of it, if anything is.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _let_go(task)
        raise
    if not done:
        behind = left_behind(await _let_go(task))
        raise AgentTimeout(f"no reply in {seconds:g} s" + (f"; {behind}" if behind else ""))
    if task.cancelled():
        raise AgentError("CancelledError: the agent cancelled its own call")
    return task.result()


async def _let_go(task: "asyncio.Task[Any]") -> bool:
    """Cancel a task and give it a moment; True if it ended."""
    task.cancel()
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # nobody else will look
    done, _ = await asyncio.wait({task}, timeout=_GRACE)
    return bool(done)


async def timed(work: Coroutine[Any, Any, Result], hearing: Hearing) -> Result:
    """The result of `work`; `hearing` learns how long it held the loop between two of its awaits."""
    return cast(Result, await _Steps(work, hearing))


class _Steps:
    """Drives a coroutine step by step, with a clock."""

    def __init__(self, work: Coroutine[Any, Any, Any], hearing: Hearing) -> None:
        self._work, self._hearing = work, hearing

    def __await__(self) -> Generator[Any, Any, Any]:
        given: Any = None
        thrown: BaseException | None = None
        while True:
            began = time.perf_counter()
            try:
                awaited = self._work.send(given) if thrown is None else self._work.throw(thrown)
            except StopIteration as done:
                return done.value
            finally:
                held = time.perf_counter() - began
                self._hearing.longest_step = max(self._hearing.longest_step, held)
            given = thrown = None
            try:
                given = yield awaited
            except BaseException as error:  # noqa: BLE001 - cancellation too: it is the agent's to see
                thrown = error
