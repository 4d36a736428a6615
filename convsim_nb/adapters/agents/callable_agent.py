"""Any callable as an agent."""

import asyncio
import copy
import inspect
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from convsim_nb.adapters.agents.calling import Hearing, called, timed, whole, within
from convsim_nb.adapters.agents.faults import agent_fault, tellable
from convsim_nb.adapters.agents.history import history
from convsim_nb.adapters.agents.replies import read_reply, whole_reply
from convsim_nb.adapters.agents.signature import Signature
from convsim_nb.adapters.agents.threads import on_daemon_thread, thread_name
from convsim_nb.adapters.retries import STEADY, Backoff, Cooldown, retried
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentError
from convsim_nb.engine.ports import AgentReply, AgentTurn

_BLOCKS = 0.5
"""Seconds that an agent may hold the event loop, on which every other conversation waits."""


class CallableAgent:
    """An agent that is called with the history, in this process.

    A plain function is called on a thread of its own, an async one on the loop; with `threads=True` that one too
    is called on a thread, with an event loop of its own for the call. `timeout` is for one reply, in seconds.

    A call that failed may have done something before, and would do it twice. So it is made again only where nobody
    got a request: see `agent_fault`. By `retries` it is, so often, after every fault of the infrastructure, and
    never with 0.
    """

    def __init__(
        self,
        call: Callable[..., Any],
        *,
        name: str,
        agent_history: Literal["full", "text"] = "full",
        threads: bool = False,
        timeout: float = 300.0,
        retries: int | None = None,
        backoff: Backoff = STEADY,
    ) -> None:
        self.name = name
        self.left_behind: tuple[str, ...] = ()
        """The calls that never returned, by their threads or tasks."""
        self._signature = Signature.of(call, name=name)
        self._call = call
        self._text_only = agent_history == "text"
        self._is_async = is_async(call)
        self._threads = threads
        self._timeout = timeout
        self._retries = retries
        self._backoff = backoff
        self._cooldown = Cooldown()
        self._held = 0.0

    def __repr__(self) -> str:
        return f"CallableAgent({self.name!r})"

    @property
    def takes_session(self) -> bool:
        """Whether it is told which conversation it is in."""
        return self._signature.takes_session

    @property
    def warning(self) -> str | None:
        """What the user should know of how it behaved: an async agent that holds up all the others."""
        if self._held < _BLOCKS or self._threads:
            return None
        return (
            f"agent {self.name} is async, but held the event loop for {self._held:.1f} s, while every other "
            f"conversation waited: make it a plain function, or say agent_threads=True"
        )

    def check(self, cases: Iterable[TestCase]) -> None:
        """See that every case's context fits the agent's parameters.

        Raises:
            AgentTypeError: the agent does not take a key of a context, or needs one that a context lacks.
            CaseError: a key of a context is a name that is taken.
        """
        self._signature.check(cases)

    async def __call__(self, turn: AgentTurn, /) -> AgentReply:
        """The agent's reply; `turn.again` is told of every call that failed and is made again.

        Raises:
            AgentError: it failed, took too long, or gave back what is no reply.
        """
        return await retried(
            lambda: self._attempt(turn),
            cooldown=self._cooldown,
            backoff=self._backoff,
            again=lambda error: turn.again(str(error)),
        )

    async def _attempt(self, turn: AgentTurn) -> AgentReply:
        hearing = Hearing(turn.delta)
        try:
            reply = whole_reply(read_reply(await self._reply(turn, hearing)))
            # Not what the loop waited: with many conversations at once that is mostly our own time.
            return replace(reply, seconds=reply.seconds or hearing.seconds)
        except Exception as error:  # noqa: BLE001 - an agent may raise anything: it becomes a fault of ours
            raise agent_fault(error, begun=hearing.pieces.begun, retries=self._retries) from tellable(error)
        finally:
            hearing.over = True
            self._held = max(self._held, hearing.longest_step)

    async def _reply(self, turn: AgentTurn, hearing: Hearing) -> Any:
        call = self._bound(turn)
        if self._is_async and not self._threads:
            return await within(self._on_loop(call, hearing), seconds=self._timeout, left_behind=self._leave_task)
        thread = thread_name(self.name)
        work = self._on_thread(call, hearing, thread)
        return await within(work, seconds=self._timeout, left_behind=partial(self._leave, thread))

    def _bound(self, turn: AgentTurn) -> Callable[[], Any]:
        shape = self._signature.history
        past = history(turn.messages, shape=shape, text_only=self._text_only)
        return self._signature.bind(
            self._call, past, session_id=turn.session_id, context=copy.deepcopy(turn.case.context)
        )

    async def _on_loop(self, call: Callable[[], Any], hearing: Hearing) -> Any:
        async def work() -> Any:
            return await whole(call(), hearing)

        return await _without_exit(timed(work(), hearing))

    async def _on_thread(self, call: Callable[[], Any], hearing: Hearing, thread: str) -> Any:
        if self._is_async:

            async def work() -> Any:
                return await whole(call(), hearing)

            return await on_daemon_thread(lambda: asyncio.run(work()), name=thread)
        result = await on_daemon_thread(lambda: called(call, hearing), name=thread)
        return await _without_exit(timed(whole(result, hearing), hearing))

    def _leave(self, thread: str, _cancelled: bool) -> str:  # noqa: FBT001 - a thread heeds no cancellation
        self.left_behind = (*self.left_behind, thread)
        return f"its thread {thread} is left behind"

    def _leave_task(self, cancelled: bool) -> str:  # noqa: FBT001 - the one thing that there is to tell
        if cancelled:
            return ""
        self.left_behind = (*self.left_behind, "a task on the event loop")
        return "its task does not heed its cancellation and is left behind"


async def _without_exit(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work`, in which a `SystemExit` is an error like any other: it would end the loop."""
    try:
        return await work
    except SystemExit as error:
        raise AgentError(f"SystemExit: {error}") from error


def is_async(call: Callable[..., Any]) -> bool:
    """True for a function, method or object whose call gives an awaitable or an async generator."""
    while isinstance(call, partial):
        call = call.func
    for one in (call, getattr(call, "__call__", None), inspect.unwrap(call)):  # noqa: B004 - its function, not whether
        if inspect.iscoroutinefunction(one) or inspect.isasyncgenfunction(one):
            return True
    return False
