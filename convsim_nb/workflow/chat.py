"""The verb `chat`: talk to an agent by hand, and keep the talk as a session or a test case."""

import asyncio
import atexit
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from datetime import UTC, datetime
from typing import Any, Literal

from convsim_nb.adapters.mlflow.talk import TalkTraces
from convsim_nb.domain.case import Source, TestCase
from convsim_nb.domain.errors import ConvsimError, UsageError
from convsim_nb.domain.events import AgentRef
from convsim_nb.domain.session import Message, Session
from convsim_nb.engine.ports import Agent, AgentTurn
from convsim_nb.workflow import background
from convsim_nb.workflow.agents import resolve_agent
from convsim_nb.workflow.display import display

_SLICE = 0.2
_LAST_SECONDS = 5.0
"""How long the end of the process waits for the last trace."""
Hearer = Callable[[], None]
_talks: "weakref.WeakSet[Talk]" = weakref.WeakSet()


def chat(
    agent: Any,
    *,
    context: Mapping[str, Any] | None = None,
    agent_name: str | None = None,
    agent_history: Literal["full", "text"] = "full",
    agent_threads: bool = False,
    agent_timeout: float = 300.0,
    experiment: str | None = None,
    mlflow: bool = True,
) -> "Talk":
    """Begin a talk with an agent: `talk.say("...")` gives its reply; shown in a notebook, it is a chat to type in.

    `agent` is whatever `simulate` takes; `context` are its further arguments, by keyword. Every turn is a trace
    in MLflow, all in one session, which `search_sessions` finds like any other.

    Raises:
        UsageError: the agent cannot be called, or does not take the context.
    """
    case = TestCase(goal="Talk", case_id="talk", context=dict(context or {}))
    played, ref = resolve_agent(
        agent,
        cases=[case],
        name=agent_name,
        agent_history=agent_history,
        agent_threads=agent_threads,
        timeout=agent_timeout,
    )
    display()  # a notebook learns how to show it
    return Talk(played, ref, case=case, traces=_traces(ref, experiment) if mlflow else None)


def _traces(ref: AgentRef, experiment: str | None) -> TalkTraces:
    from convsim_nb.adapters.mlflow.store import pin

    return TalkTraces(pin(experiment), ref)


class Talk:
    """A conversation between a person and an agent. `problem` says what went wrong last, in a line."""

    def __init__(self, agent: Agent, ref: AgentRef, *, case: TestCase, traces: TalkTraces | None) -> None:
        self.agent = ref
        self.session_id = f"talk-{uuid.uuid4().hex[:16]}"
        self.messages: tuple[Message, ...] = ()
        """What was said and answered, each message once."""
        self.asked: str | None = None
        """What the agent is answering now."""
        self.streamed = ""
        """Its answer so far."""
        self.problem = self._untraced = ""
        self._agent, self._case, self._traces = agent, case, traces
        self._started = datetime.now(UTC)
        self._turn: Future[str] | None = None
        self._answer: asyncio.Task[Message] | None = None
        self._hearers: tuple[Hearer, ...] = ()
        self._writing = background.submit(asyncio.to_thread(self._store, traces.reach)) if traces else None
        _talks.add(self)

    def __repr__(self) -> str:
        lines = [f"Talk with {self.agent.name}: {len(self.messages)} messages, session {self.session_id}"]
        lines += [f"{'agent' if one.role == 'assistant' else 'you'}: {one.content}" for one in self.messages]
        return "\n".join([*lines, self.problem] if self.problem else lines)

    # --- talking ---------------------------------------------------------------------

    def say(self, text: str) -> str:
        """Say something, and wait for the agent's reply. An interrupt stops the agent.

        Raises:
            AgentError: it failed; what was said is taken back.
            UsageError: it is still answering, or nothing is said.
        """
        background.refuse_on_loop("talk.say()")
        turn = self.begin(text)
        try:
            while not turn.done():  # only between slices does Python hear Ctrl-C on every system
                wait([turn], _SLICE)
        except KeyboardInterrupt:
            self.stop()
            raise
        return turn.result()

    def begin(self, text: str) -> "Future[str]":
        """Say something, and return at once.

        Raises:
            UsageError: the agent is still answering, or nothing is said.
        """
        if not isinstance(text, str):
            raise UsageError(f"{text!r} cannot be said: give some text")
        if not text.strip():
            raise UsageError("there is nothing to say: give some text")
        if self.answering:
            raise UsageError(f"{self.agent.name} is still answering: wait, or talk.stop() it")
        self.asked, self.streamed, self.problem = text, "", self._untraced
        self._turn = background.submit(self._answered(text))
        return self._turn

    @property
    def answering(self) -> bool:
        """Whether the agent has not answered yet."""
        return self._turn is not None and not self._turn.done()

    def stop(self) -> None:
        """Stop the agent; what it has streamed is kept, else what was said is taken back. Returns at once."""
        background.loop().call_soon_threadsafe(self._cancel)

    def hear(self, hearer: Hearer) -> Callable[[], None]:
        """Call after every change, on the loop's thread; until what this gives is called."""
        self._hearers = (*self._hearers, hearer)
        return lambda: setattr(self, "_hearers", tuple(one for one in self._hearers if one is not hearer))

    def close(self) -> None:
        """Stop the agent, and wait until the traces are written."""
        self.stop()
        if self._turn is not None:
            wait([self._turn], _LAST_SECONDS)
        if self._writing is not None:
            wait([self._writing], _LAST_SECONDS)

    # --- keeping ---------------------------------------------------------------------

    def to_session(self) -> Session:
        """The talk as a session, to be distilled or kept.

        Raises:
            UsageError: nothing was said yet.
        """
        self._said_something()
        return Session(
            id=self.session_id,
            messages=self.messages,
            trace_ids=tuple(message.trace_id for message in self.messages if message.trace_id),
            started_at=self._started,
            metadata={"agent": self.agent.name, **({"context": self._case.context} if self._case.context else {})},
        )

    def to_case(self, *, goal: str, history: int = 0, **fields: Any) -> TestCase:
        """The talk as a test case: what you said is its script, word for word.

        The first `history` messages are given instead as they were said, agent's too; `fields` are those of
        a TestCase.

        Raises:
            CaseError: a field is not known, or does not fit.
            UsageError: nothing was said yet, or there are not so many messages.
        """
        self._said_something()
        if not 0 <= history <= len(self.messages):
            raise UsageError(f"history={history}: the talk has {len(self.messages)} messages")
        own = {
            "context": self._case.context,
            "history": self.messages[:history],
            "script": tuple(one.content for one in self.messages[history:] if one.role == "user"),
            "source": Source(session_id=self.session_id, first=0, last=len(self.messages) - 1),
        }
        return TestCase(goal=goal, **{**own, **fields})

    def _said_something(self) -> None:
        if not self.messages:
            raise UsageError("nothing was said yet: talk.say('...') first")

    # --- on the loop -----------------------------------------------------------------

    async def _answered(self, text: str) -> str:
        self._tell()
        asked, said = Message(role="user", content=text, source="operator"), None
        self._answer = asyncio.create_task(self._heard(asked))
        try:
            said = await self._answer
        except asyncio.CancelledError:
            if self.streamed.strip():
                said = Message(role="assistant", content=self.streamed, source="agent")
        except ConvsimError as error:
            self.problem = str(error)
            raise
        finally:
            self._over(asked, said)
        return said.content if said else ""

    def _over(self, asked: Message, said: Message | None) -> None:
        if said is not None:
            self.messages = (*self.messages, asked, said)
        self.asked, self.streamed, self._answer = None, "", None
        self._tell()
        if self._traces is not None:
            self._writing = background.submit(self._write(self._writing))

    async def _heard(self, asked: Message) -> Message:
        if self._writing is not None:  # the store is being opened, or has the turn before in hand
            await asyncio.wait([asyncio.wrap_future(self._writing)])
        turn = self._next(asked)
        began = time.monotonic()
        reply = await (self._traces.answer(self._agent, turn) if self._traces else self._agent(turn))
        return reply.as_message(waited=time.monotonic() - began)

    def _cancel(self) -> None:
        if self._answer is not None:
            self._answer.cancel()

    def _next(self, asked: Message) -> AgentTurn:
        return AgentTurn(
            messages=(*self.messages, asked),
            case=self._case,
            key=self.session_id,
            trial=1,
            turn=1 + sum(one.role == "user" for one in self.messages),
            session_id=self.session_id,
            delta=self._delta,
        )

    def _delta(self, text: str) -> None:
        self.streamed += text
        self._tell()

    async def _write(self, before: "Future[None] | None") -> None:
        if before is not None:
            await asyncio.wait([asyncio.wrap_future(before)])
        if self._traces is not None:
            await asyncio.to_thread(self._store, self._traces.write)

    def _store(self, work: Callable[[], None]) -> None:
        """Go to the store; one that fails costs the traces, not the talk."""
        try:
            work()
        except ConvsimError as error:
            self.problem = self._untraced = f"not traced: {error}"
            self._traces = None

    def _tell(self) -> None:
        for hearer in self._hearers:
            hearer()


@atexit.register
def _write_the_last() -> None:
    for talk in tuple(_talks):
        talk.close()
