"""The kernel's shell channel, served by hand while a cell blocks it.

A click in a widget comes as a message on the channel that the cell blocks. Here the messages of widgets
are answered from within the waiting cell; everything else is kept and given back in its order. The
event loop is not run for it, so nothing runs in between but the handlers of widgets.
"""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

_ANSWERED = frozenset({"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"})
"""Widgets, and what a page asks when it is loaded again."""


class ShellPump:
    """Answers the messages of widgets on one kernel, on its main thread."""

    def __init__(self, kernel: Any, stream: Any, replies: Callable[[], Any]) -> None:
        import zmq  # a kernel has it; an IPython in a terminal need not

        self._in, self._out = zmq.POLLIN, zmq.POLLOUT
        self._kernel, self._stream, self._replies = kernel, stream, replies
        self._kept: list[Any] = []
        self._cell: tuple[Any, Any] = (None, None)
        self._pumping = False

    @property
    def usable(self) -> bool:
        """False on another thread than the kernel's own, and within a handler that the pump itself called."""
        return threading.current_thread() is threading.main_thread() and not self._pumping

    @contextmanager
    def __call__(self) -> Iterator[Callable[[float], None]]:
        """Take the channel over; what it gives serves the channel for at most so many seconds, or one message.

        Where the event loop runs meanwhile, for the cell awaits, the loop itself serves.
        """
        self._cell = _identity(self._kernel), self._kernel.get_parent("shell")
        before = self._stream._recv_callback  # noqa: SLF001 - the stream tells nobody whom it calls
        self._stream.on_recv(self._take, copy=False)
        self._pumping = True
        try:
            yield self._serve
        finally:
            self._pumping = False
            self._stream.on_recv(before, copy=False)
            kept, self._kept = self._kept, []
            for message in kept:
                _give_back(before, message)

    def _serve(self, seconds: float) -> None:
        self._stream.socket.poll(int(seconds * 1000))
        self._stream.flush(self._in, limit=1)

    def _take(self, message: list[Any]) -> None:
        kind = self._kind(message)
        if kind in _ANSWERED:
            self._answer(message, kind)
        else:
            self._kept.append(message)

    def _kind(self, message: list[Any]) -> str:
        session = self._kernel.session
        try:
            _, parts = session.feed_identities(message, copy=False)
            return str(session.deserialize(parts, content=False, copy=False)["header"]["msg_type"])
        except (ValueError, TypeError, KeyError):
            return ""  # no message of ours, such as the kernel's own to itself

    def _answer(self, frames: list[Any], kind: str) -> None:
        kernel = self._kernel
        identities, parts = kernel.session.feed_identities(frames, copy=False)
        message = kernel.session.deserialize(parts, content=True, copy=False)
        with self._caused_by(identities, message):
            answer = kernel.shell_handlers[kind](self._replies(), identities, message)
            if inspect.iscoroutine(answer):
                _finish(answer)
        self._stream.flush(self._out)  # where replies go out by the same stream, the loop would send them

    @contextmanager
    def _caused_by(self, identities: Any, message: dict[str, Any]) -> Iterator[None]:
        """What the handler sends names its message as the cause; afterwards it is the cell again."""
        kernel = self._kernel
        kernel.set_parent(identities, message, channel="shell")
        self._say("busy")
        try:
            yield
        finally:
            self._say("idle")
            kernel.set_parent(*self._cell, channel="shell")
            self._say("busy")  # for the cell goes on

    def _say(self, state: str) -> None:
        kernel = self._kernel
        kernel.send_response(kernel.iopub_socket, "status", {"execution_state": state}, channel="shell")


def shell_pump(kernel: Any) -> ShellPump | None:
    """The pump that fits a kernel; None where we know of none, and waiting is plain."""
    if kernel is None or not hasattr(kernel, "shell_handlers"):
        return None
    thread = getattr(kernel, "shell_channel_thread", None)
    if thread is None:  # ipykernel 6: the main thread reads the channel itself
        stream = getattr(kernel, "shell_stream", None)
        return ShellPump(kernel, stream, lambda: stream) if hasattr(stream, "on_recv") else None
    # ipykernel 7: a thread reads the channel, and hands what is for the main shell over by a pair of sockets.
    manager = thread.manager
    stream = manager.get_shell_channel_to_subshell_pair(None).to_stream
    return ShellPump(kernel, stream, lambda: manager.get_subshell_to_shell_channel_socket(None))


def answers_while_awaiting(kernel: Any) -> bool:
    """Whether a kernel answers widgets while a cell awaits: ipykernel 7.4 and later."""
    dispatch = getattr(kernel, "dispatch_shell", None)
    return dispatch is not None and "concurrent" in inspect.signature(dispatch).parameters


def _identity(kernel: Any) -> Any:
    """Who asked for the cell: where its `input()` would go. Kernels keep it, and tell nobody."""
    kept = getattr(kernel, "_shell_parent_ident", None)
    return kept.get([]) if kept is not None else getattr(kernel, "_parent_ident", {}).get("shell", [])


def _give_back(callback: Callable[[Any], Any], message: Any) -> None:
    """Hand a message on at once: what the kernel puts into its queue next, such as the end of an abort, comes after."""
    handled = callback(message)
    if inspect.isawaitable(handled):
        asyncio.ensure_future(handled)  # noqa: RUF006 - ipykernel keeps its own tasks


def _finish(answer: Coroutine[Any, Any, Any]) -> None:
    """Run a handler that is written as a coroutine but awaits nothing: no loop is needed."""
    try:
        answer.send(None)
    except StopIteration:
        return
    answer.close()
