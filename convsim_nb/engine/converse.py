"""One conversation: a simulated user and the agent take turns until there is a reason to stop."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, NamedTuple, TypeVar

from convsim_nb.domain.conversation import Conversation, GoalCheck, Spender, Stop, Usage
from convsim_nb.domain.errors import OWN_CHECK, AgentError, AgentTimeout, AgentUnreachable, ConvsimError
from convsim_nb.domain.events import RunSettings
from convsim_nb.domain.quotes import plain
from convsim_nb.domain.session import Message
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.control import Control
from convsim_nb.engine.emit import Emitter
from convsim_nb.engine.narrate import Narrator
from convsim_nb.engine.ports import (
    Agent,
    AgentTurn,
    Finding,
    GoalFunction,
    Guard,
    Judge,
    JudgeView,
    Refusal,
    User,
    UserMove,
    UserView,
)
from convsim_nb.engine.trial import Trial

Answer = TypeVar("Answer")

_SAME_TURNS = 3
"""So many turns running with the same text make a loop."""
_TRIES = 3
"""How often the simulated user may try one message before it counts as broken."""


@dataclass(frozen=True)
class Parts:
    """What every conversation of a run is played with."""

    agent: Agent
    user: User
    judge: Judge
    settings: RunSettings
    emit: Emitter
    control: Control
    budget: Budget = field(default_factory=Budget)
    model_timeout: float | None = None
    """Seconds for one reply of the user or the judge."""
    goal_function: GoalFunction | None = None
    guard: Guard = lambda _view, _text: ()


class Ending(NamedTuple):
    """Why a conversation is over."""

    stop: Stop
    detail: str = ""
    reached: bool = False
    trace_id: str = ""
    stopped: tuple[tuple[str, Finding], ...] = ()


class Step(NamedTuple):
    """The user's next message, or its wish to end; with the messages that were stopped on the way."""

    move: UserMove
    source: Literal["simulated", "scripted", "operator"]
    stopped: tuple[tuple[str, Finding], ...] = ()
    doubts: tuple[Finding, ...] = ()


async def converse(trial: Trial, parts: Parts) -> None:
    """Play one conversation to its end; what happens is told by events alone."""
    await _Conversing(trial, parts).play()


class _Conversing:
    def __init__(self, trial: Trial, parts: Parts) -> None:
        self._trial, self._parts, self._case = trial, parts, trial.case
        self._tell = Narrator(trial, parts.emit)
        self._script = list(trial.case.script)
        self._turn = 1

    # --- from the first message to the last ------------------------------------------

    async def play(self) -> None:
        self._tell.started()
        try:
            ending = await self._turns()
        except asyncio.CancelledError:
            self._tell.cut(self._turn)
            if not self._parts.budget.late:
                self._end(Ending("cancelled"))
                raise
            ending = self._over_budget()
        self._end(ending)

    async def _turns(self) -> Ending:
        self._tell.given()
        step = None if self._agent_is_next else self._unless_over(await self._open())
        while not isinstance(step, Ending):
            if step is not None:
                self._say(await self._let_go(step))
            step = await self._hear() or await self._after()
            if isinstance(step, Step):
                self._turn += 1
        return step

    async def _open(self) -> Step | Ending:
        if self._trial.opening is not None:
            return Step(UserMove("say", self._trial.opening), "operator")
        return await self._next(1)

    @property
    def _agent_is_next(self) -> bool:
        return bool(self._case.history) and self._case.history[-1].role == "user"

    async def _after(self) -> Step | Ending:
        """What comes after the agent's reply: the reason to stop, or the user's next message.

        While facts are pending the judge comes first: the user must be able to object to a fault
        before a faulty answer passes for success.
        """
        closing = self._closing()
        decides = self._parts.goal_function is not None or self._parts.settings.goal_check == "first"
        if closing or self._tell.pending or (decides and not self._script):
            return await self._judged_first(closing)
        if self._script:
            return self._scripted()
        if self._parts.settings.goal_check == "on_end":
            return await self._judged_on_end()
        return await self._judged_beside()

    async def _judged_first(self, closing: Ending | None) -> Step | Ending:
        check = await self._check()
        if isinstance(check, Ending):
            return check
        self._tell.checked(self._turn, check)
        if closing and closing.stop == "user_ended":
            return closing._replace(reached=check.reached)
        if check.reached and not self._script:
            return Ending("goal_reached", check.why)
        return closing or self._unless_over(await self._next(self._turn + 1), reached=check.reached)

    async def _judged_on_end(self) -> Step | Ending:
        step = await self._next(self._turn + 1)
        if isinstance(step, Step) and step.move.action == "end":
            check = await self._check()
            if isinstance(check, Ending):
                return check
            self._tell.checked(self._turn, check)
            return self._unless_over(step, reached=check.reached)
        return self._unless_over(step)

    async def _judged_beside(self) -> Step | Ending:
        # The judge and the next user message do not need each other: asking both at once takes
        # a third off every turn, at the price of one unused message when the goal is reached.
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(self._next(self._turn + 1))
            check = await self._check()
            if isinstance(check, Ending) or check.reached:
                asking.cancel()
        if isinstance(check, Ending):
            return check
        self._tell.checked(self._turn, check)
        return Ending("goal_reached", check.why) if check.reached else self._unless_over(asking.result())

    def _unless_over(self, step: Step | Ending, *, reached: bool = False) -> Step | Ending:
        """The step, or the ending that a wish to end makes of it."""
        if isinstance(step, Step) and step.move.action == "end":
            return Ending("user_ended", step.move.because, reached=reached, stopped=step.stopped)
        return step

    def _closing(self) -> Ending | None:
        """Why this turn is the last one, if it is; the judge has the last word all the same."""
        if self._parts.settings.loops and self._repeats("user"):
            if self._repeats("assistant"):
                return Ending("looped", f"both sides said the same {_SAME_TURNS} turns running")
            return Ending("simulator_broke", f"the simulated user said the same {_SAME_TURNS} turns running")
        if self._case.script and not self._script and self._parts.settings.script_then == "end":
            return Ending("user_ended", "the script is used up")
        return Ending("max_turns") if self._turn >= self._parts.settings.max_turns else None

    def _repeats(self, role: Literal["user", "assistant"]) -> bool:
        played = [m for m in self._conversation.messages if m.role == role and m.source in ("simulated", "agent")]
        last = [plain(message.content) for message in played[-_SAME_TURNS:]]
        return len(last) == _SAME_TURNS and len(set(last)) == 1

    def _end(self, ending: Ending) -> None:
        self._tell.stopped(self._turn, ending.stopped)
        self._tell.ended(ending.stop, detail=ending.detail, reached=ending.reached, trace_id=ending.trace_id)

    # --- the agent -------------------------------------------------------------------

    async def _hear(self) -> Ending | None:
        if self._parts.budget.used_up:
            return self._over_budget()
        start = time.monotonic()
        try:
            reply = await (self._trial.played_by or self._parts.agent)(self._agent_turn())
        except AgentTimeout as error:
            return self._failed("agent_timeout", error)
        except AgentError as error:
            return self._failed("agent_error", error)
        if reply.usage:
            self._report("agent", reply.usage)
        self._tell.sent(self._turn, reply.as_message(waited=time.monotonic() - start))
        return None if reply.content.strip() else Ending("agent_silent", "the agent's reply holds no text")

    def _agent_turn(self) -> AgentTurn:
        return AgentTurn(
            messages=self._conversation.messages,
            case=self._case,
            key=self._trial.key,
            trial=self._trial.trial,
            turn=self._turn,
            session_id=self._trial.session_id,
            delta=partial(self._tell.delta, self._turn),
            again=partial(self._tell.retried, self._turn),
        )

    def _failed(self, stop: Stop, error: AgentError) -> Ending:
        trace_id = str(error.refs.get("trace_id") or "")
        self._tell.cut(self._turn, trace_id)
        named = f"{type(error).__name__}: " if isinstance(error, AgentUnreachable) else ""  # told apart by this
        return Ending(stop, f"{named}{error}", trace_id=trace_id)

    # --- the simulated user ----------------------------------------------------------

    async def _next(self, turn: int) -> Step | Ending:
        """The message that opens `turn`: the script's, or the simulated user's in at most three tries."""
        if self._script:
            return self._scripted()
        stopped: tuple[tuple[str, Finding], ...] = ()
        view = self._user_view(turn)
        while len(stopped) < _TRIES:
            move = await self._asked("the simulated user", partial(self._parts.user, view))
            if isinstance(move, Ending):
                return move._replace(stopped=stopped)
            found = tuple(self._parts.guard(view, move.text)) if move.action == "say" else ()
            hard = next((finding for finding in found if not finding.soft), None)
            if hard is None:
                return Step(move, "simulated", stopped, found)
            stopped = (*stopped, (move.text, hard))
            view = replace(view, refused=(*view.refused, Refusal(move.text, hard.reason)))
        text, hard = stopped[-1]
        detail = f"guard {hard.guard!r} stopped the simulated user {_TRIES} times, last {text!r}: {hard.record}"
        return Ending("simulator_broke", detail, stopped=stopped)

    def _scripted(self) -> Step:
        return Step(UserMove("say", self._script[0]), "scripted")

    def _user_view(self, turn: int) -> UserView:
        return UserView(
            case=self._case,
            messages=self._conversation.messages,
            released=tuple((said, self._case.withheld[index]) for index, said in self._tell.known.items()),
            turn=turn,
            report=partial(self._report, "user"),
        )

    async def _let_go(self, step: Step) -> Step:
        """The step when the conversation may go on; or what a person says in the user's place."""
        control, key = self._parts.control, self._trial.key
        if step.source == "operator":  # what a person opens a fork with is said at once
            return step
        if control.holds(key):
            self._tell.paused()
            await control.released(key)
            self._tell.resumed()
        text = control.taken(key)
        return step if text is None else Step(UserMove("say", text), "operator", step.stopped)

    def _say(self, step: Step) -> None:
        self._tell.stopped(self._turn, step.stopped)
        if step.source == "scripted":
            self._script.pop(0)
        message = Message(role="user", content=step.move.text, source=step.source)
        self._tell.sent(self._turn, message, doubts=step.doubts)

    # --- the judge -------------------------------------------------------------------

    async def _check(self) -> GoalCheck | Ending:
        """The judge's word on the conversation so far; a goal function decides `reached` in its place."""
        function, check = self._parts.goal_function, GoalCheck(reached=False)
        if function is None or self._tell.pending:
            judged = await self._asked("the judge", partial(self._parts.judge, self._judge_view()))
            if isinstance(judged, Ending):
                return judged
            pending = {index for index, _ in self._tell.pending}
            check = judged.model_copy(update={"fired": tuple(f for f in judged.fired if f.index in pending)})
        if function is None:
            return _barred(check)
        try:
            decided = await _decide(function, self._conversation)
        except Exception as error:  # noqa: BLE001 - the caller's own code
            return Ending("model_error", f"{OWN_CHECK} raised {type(error).__name__}: {error}")
        if not isinstance(decided, GoalCheck | bool) and type(decided).__name__ not in ("bool", "bool_"):
            said = f"{OWN_CHECK} returned {decided!r}: it must return True, False or a GoalCheck"
            return Ending("model_error", said)
        own = decided if isinstance(decided, GoalCheck) else GoalCheck(reached=bool(decided))
        return _barred(own.model_copy(update={"fired": check.fired}))

    def _judge_view(self) -> JudgeView:
        return JudgeView(
            case=self._case,
            messages=self._conversation.messages,
            pending=self._tell.pending,
            turn=self._turn,
            report=partial(self._report, "judge"),
        )

    # --- what all of them need -------------------------------------------------------

    @property
    def _conversation(self) -> Conversation:
        return self._tell.conversation

    async def _asked(self, who: str, ask: Callable[[], Awaitable[Answer]]) -> Answer | Ending:
        """A model's answer, within what the run may spend."""
        async with self._parts.budget.call() as used_up:
            if used_up:
                return Ending("over_budget", used_up)
            return await self._value(who, self._in_time(ask))

    async def _in_time(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        # Not wait_for: before Python 3.12 it loses a cancellation that comes in the moment of the answer.
        async with asyncio.timeout(self._parts.model_timeout):
            return await ask()

    async def _value(self, who: str, answer: Awaitable[Answer]) -> Answer | Ending:
        """An answer, or the ending that a failure makes of it: one conversation's misfortune is its own."""
        try:
            return await answer
        except ConvsimError as error:
            return Ending("model_error", f"{who}: {error}")
        except TimeoutError:
            return Ending("model_error", f"{who} took longer than model_timeout={self._parts.model_timeout:g} s")
        except Exception as error:  # noqa: BLE001 - users, judges and goal checks may be anybody's code
            return Ending("model_error", f"{who} raised {type(error).__name__}: {error}")

    def _over_budget(self) -> Ending:
        return Ending("over_budget", self._parts.budget.used_up)

    def _report(self, spender: Spender, usage: Usage) -> None:
        settings = self._parts.settings
        model = {"user": settings.user_model, "judge": settings.judge_model}.get(spender, "")
        self._parts.budget.spend(usage)
        self._tell.used(spender, model, usage)


def _barred(check: GoalCheck) -> GoalCheck:
    """A faulty answer is no success: the user must be able to object first."""
    return check.model_copy(update={"reached": False, "barred": True}) if check.reached and check.fired else check


async def _decide(function: GoalFunction, conversation: Conversation) -> bool | GoalCheck:
    decided = function(conversation)
    return await decided if inspect.isawaitable(decided) else decided
