"""A run's events on their way to the browser: one message each 50 ms, numbered, so that a gap is seen."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

from convsim_nb.domain.conversation import Conversation, Spender, Usage
from convsim_nb.domain.events import (
    FactReleased,
    GoalChecked,
    MessageDelta,
    MessageRejected,
    MessageSent,
    RunEnded,
    RunEvent,
    RunStarted,
    UsageReported,
)
from convsim_nb.domain.state import RunState
from convsim_nb.notebook.live.protocol import (
    WORDS,
    attempt_key,
    conversation_html,
    conversation_quotes,
    event_json,
    header_json,
    message_key,
    quote_places,
    seconds_since_start,
    state_json,
)
from convsim_nb.views.markup import safe_html

PERIOD = 0.05
"""Seconds between two messages: 20 a second, of the 1,000 that Jupyter's server lets through."""
_UNCOUNTED = (MessageSent, MessageRejected, GoalChecked)
"""After these the header says what it said before."""
Send = Callable[[dict[str, Any]], None]
"""Sends one message to every view; may be called on any thread."""
Steering = Callable[[], dict[str, Any]]
"""What the views should know that no event tells; see `desk`."""
Scored = Callable[[str], dict[str, Any]]
"""What scorers say of the conversation of a key; see `desk`."""


class EventStream:
    """Gathers what happened since the last message, and sends it.

    Events and the timer live on the engine's thread, questions of a view come in on the kernel's:
    snapshots are made where the events are, so that none is in both snapshot and batch, or in neither.
    """

    def __init__(
        self, state: RunState, send: Send, *, steering: Steering = dict, scored: Scored = lambda _: {}
    ) -> None:
        self.state = state
        self._steering, self._scored = steering, scored
        self.stopping = False
        self._send = send
        self._lock = threading.RLock()
        self._seq = 0
        self._events: list[dict[str, Any]] = []
        self._open_deltas: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, str] = {}
        self._quotes: dict[str, dict[str, int]] = {}
        self._header = False
        self._zero: float | None = None
        self._spent: dict[Spender, Usage] = dict(state.usage)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timed: asyncio.AbstractEventLoop | None = None

    # --- on the engine's thread ------------------------------------------------------

    def take(self, event: RunEvent) -> None:
        """Gather an event that `state` has folded already; sent within `PERIOD`."""
        with self._lock:
            if isinstance(event, RunStarted):
                self.stopping = False
                self._zero = time.monotonic() - event.at
            self._gather(event)
            if isinstance(event, RunStarted | RunEnded):
                # The start is told on the caller's thread, whose loop may stand still while a cell waits.
                self.flush()
            else:
                self._flush_soon()

    def flush(self) -> None:
        """Send what was gathered, now."""
        with self._lock:
            self._timed = None
            if not self._events and not self._header:
                return
            batch = {"type": "batch", "events": self._events, "html": self._html(), "quotes": self._quotes}
            if self._header:
                batch["header"] = self._header_json()
            self._events, self._open_deltas, self._quotes, self._header = [], {}, {}, False
            self._seq += 1
            self._send({**batch, "seq": self._seq})

    # --- on any thread ---------------------------------------------------------------

    def answer(self, view: str, key: str | None = None) -> None:
        """Send a view the whole state, with the HTML of the conversation that it shows."""
        self._where_events_are(lambda: self._snapshot(view, key))

    def open(self, view: str, key: str) -> None:
        """Send a view the HTML of a conversation."""
        self._where_events_are(lambda: self._details(view, key))

    def say_stopping(self) -> None:
        """Tell every view that the run was asked to stop."""
        with self._lock:
            self.stopping = self._header = True
            self.flush()

    def say_steering(self) -> None:
        """Tell every view what no event tells: where the run heard of it, for a page must not learn the old state."""
        self._where_events_are(self._say_header)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message that is no part of the numbered batches."""
        with self._lock:
            self._send(message)

    def close(self) -> None:
        """Send what is left; from here on questions are answered at once, on the thread that asks."""
        with self._lock:
            self.flush()
            self._loop = None

    def _header_json(self) -> dict[str, Any]:
        said = {"steering": self._steering()}
        return {**header_json(self.state, spent=self._spent, stopping=self.stopping, elapsed=self._elapsed()), **said}

    def _elapsed(self) -> float:
        """Seconds since the run started, or was last played on."""
        if self.state.ended or self._zero is None:
            return seconds_since_start(self.state)
        return max(self.state.at, time.monotonic() - self._zero)

    def _say_header(self) -> None:
        with self._lock:
            self._header = True
            self.flush()

    # --- gathering -------------------------------------------------------------------

    def _gather(self, event: RunEvent) -> None:
        if isinstance(event, MessageDelta):
            self._join(event)
            return
        key = getattr(event, "key", "")
        self._open_deltas.pop(key, None)
        self._events.append(event_json(event))
        self._header |= not isinstance(event, _UNCOUNTED)
        if isinstance(event, UsageReported):
            self._spent[event.spender] = self._spent.get(event.spender, Usage()) + event.usage
        conversation = self.state.by_key.get(key)
        if conversation is not None:
            self._beside(event, conversation)

    def _join(self, event: MessageDelta) -> None:
        """A piece of text goes with the one before it, unless something happened in between."""
        if event.key in self._open_deltas:
            self._open_deltas[event.key]["text"] += event_json(event)["text"]
        else:
            self._open_deltas[event.key] = event_json(event)
            self._events.append(self._open_deltas[event.key])

    def _beside(self, event: RunEvent, conversation: Conversation) -> None:
        match event:
            case MessageSent(message=message):
                self._texts[message_key(conversation, len(conversation.messages) - 1)] = message.content
            case GoalChecked(check=check):
                self._find(conversation, check.evidence)
            case FactReleased(quote=quote):
                self._find(conversation, quote)

    def _find(self, conversation: Conversation, quote: str) -> None:
        if places := quote_places(conversation, [quote]):
            self._quotes.setdefault(attempt_key(conversation), {}).update(places)

    def _html(self) -> dict[str, str]:
        texts, self._texts = self._texts, {}
        return {key: safe_html(text) for key, text in texts.items()}

    # --- when and where --------------------------------------------------------------

    def _flush_soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
            return
        self._loop = loop
        if self._timed is not loop:
            self._timed = loop
            loop.call_later(PERIOD, self.flush)

    def _where_events_are(self, work: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None or not loop.is_running():
            work()
            return
        try:
            loop.call_soon_threadsafe(work)
        except RuntimeError:  # it was closed in between
            work()

    def _snapshot(self, view: str, key: str | None) -> None:
        with self._lock:
            self.flush()
            state = {"state": state_json(self.state), "elapsed": self._elapsed(), "words": WORDS}
            header = self._header_json()
            self._send({"type": "state", "to": view, "seq": self._seq, "header": header, **state, **self._of(key)})

    def _details(self, view: str, key: str) -> None:
        with self._lock:
            self._send({"type": "details", "to": view, "key": key, **self._of(key)})

    def _of(self, key: str | None) -> dict[str, Any]:
        conversation = self.state.by_key.get(key) if key is not None else None
        if conversation is None:
            return {"html": {}, "quotes": {}}
        beside = self._scored(conversation.key)
        return {"html": conversation_html(conversation), "quotes": conversation_quotes(conversation), **beside}
