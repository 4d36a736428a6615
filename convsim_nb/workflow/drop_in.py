"""A run as MLflow's own simulator would play it: its users, its stops, its way with an agent."""

import inspect
import json
import logging
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from convsim_nb.adapters.agents.callable_agent import is_async
from convsim_nb.adapters.agents.history import history
from convsim_nb.adapters.agents.refs import agent_name, agent_ref
from convsim_nb.adapters.agents.remote import without_trace
from convsim_nb.adapters.agents.replies import read_reply
from convsim_nb.adapters.agents.signature import HistoryName, Signature
from convsim_nb.adapters.agents.threads import on_daemon_thread
from convsim_nb.adapters.mlflow.place import Place
from convsim_nb.adapters.mlflow.quiet import untraced
from convsim_nb.adapters.mlflow.tracing import Shown
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import GoalCheck
from convsim_nb.domain.errors import AgentError, ModelError, ModelNameError
from convsim_nb.domain.events import AgentRef, RunStarted
from convsim_nb.domain.state import RunState
from convsim_nb.engine.ports import (
    Agent,
    AgentReply,
    AgentTurn,
    Judge,
    JudgeView,
    Refusal,
    User,
    UserMove,
    UserView,
)
from convsim_nb.workflow.agents import resolve_agent
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.options import SimulateOptions, checked
from convsim_nb.workflow.people import People, people
from convsim_nb.workflow.plan import Plan, run_id_at, settings_of
from convsim_nb.workflow.run import Run
from convsim_nb.workflow.start import go_on

_logger = logging.getLogger("convsim_nb.mlflow")
_WISHES = 3
"""So often a simulated user may wish to end before it counts as broken: MLflow's stop at the goal or the last turn."""
_NO_LIMIT = 86_400.0
"""Seconds: MLflow gives a plain function all the time that it takes."""
_GO_ON = (
    "The conversation goes on here until the agent has answered all of it. Write what this person would type next, "
    "if only a word on what is still missing."
)

Generate = Callable[[UserView], str]
"""What one simulated user of MLflow's says next; it may block."""


@dataclass(frozen=True)
class DropIn:
    """What MLflow's simulator is given, in our words."""

    cases: Sequence[TestCase]
    contexts: Mapping[str, Mapping[str, Any]]
    """By case, its context as it was given: any objects may stand in it."""
    max_turns: int
    user_model: str
    llm_params: Mapping[str, Any] = field(default_factory=dict)
    user: Callable[[], Generate] | None = None
    """Makes a user of MLflow's for a conversation; None is ours, played by `user_model`."""
    user_name: str = ""
    concurrency: int = 20
    async_seconds: float = 300.0
    """How long an async agent may take for a turn."""
    run_id: str | None = None
    """The MLflow run to write into; None makes one."""
    run_name: str = ""
    """Its name, by which it is found in MLflow."""
    model_id: str = ""
    """MLflow's active logged model."""


def play(given: DropIn, predict_fn: Any) -> Run:
    """Play every case to its end, and give the run, written to MLflow as far as its store took it.

    Raises:
        UsageError: the agent, a model or its key is not what it must be; said before any model is called.
    """
    return go_on(Run(RunState()), _plan(given, predict_fn)).wait()


def _plan(given: DropIn, predict_fn: Any) -> Plan:
    agent, ref, shown, seconds = _agent(given, predict_fn)
    options = _options(given)
    cast, now = _people(given, options), datetime.now(UTC)
    goal_check = "first" if given.user else "every_turn"  # a user of one's own may count its calls
    settings = settings_of(options, cast, goal_check=goal_check)
    started = RunStarted(
        at=0.0,
        run_id=run_id_at(now),
        run_name=f"simulation-{uuid.uuid4().hex[:8]}{f' in {given.run_name}' if given.run_name else ''}",
        started_at=now,
        agent=ref.model_copy(update={"model_id": given.model_id}) if given.model_id else ref,
        settings=settings.model_copy(update={"agent_timeout": seconds, "loops": False}),
        cases=tuple(given.cases),
    )
    return Plan(
        started=started,
        cases=CaseSet(given.cases),
        agent=agent,
        user=cast.user,
        judge=LenientJudge(cast.judge, given.max_turns),
        goal_function=None,
        recorder=None,
        options=options,
        place=Place(given.run_id, shared=True),
        shown=shown,
    )


def _options(given: DropIn) -> SimulateOptions:
    own = given.user is not None
    return checked(
        {
            "user_model": given.user_model,
            "user_llm_params": None if own else dict(given.llm_params),
            "max_turns": given.max_turns,
            "concurrency": given.concurrency,
            "model_timeout": None if own else 300.0,
            "guards": "record" if own else "stop",
            "journal": False,
        }
    )


# --- who plays -----------------------------------------------------------------------


def _people(given: DropIn, options: SimulateOptions) -> People:
    if given.user is None:
        cast = people(options, judged=True)
        return replace(cast, user=Persistent(cast.user))
    user = OwnUser(given.user)
    try:
        judging = people({**options, "user": user, "judge_model": given.user_model}, judged=True)
        return replace(judging, user_name=given.user_name)
    except ModelNameError as unknown:
        # MLflow plays on to the last turn where the goal cannot be checked, and so do users without a model.
        _logger.warning("goals are not checked: %s", unknown)
        return People(user=user, user_name=given.user_name, judge=_nobody(str(unknown)), judge_name="none")


class OwnUser:
    """A user of MLflow's own kind, with an object for each conversation; called on a thread, and leaving no trace."""

    def __init__(self, make: Callable[[], Generate]) -> None:
        self._make = make
        self._users: dict[str, Generate] = {}

    async def __call__(self, view: UserView) -> UserMove:
        """What it says next; it never ends a conversation."""
        case_id = view.case.case_id

        def said() -> str:
            if case_id not in self._users:
                self._users[case_id] = self._make()
            return self._users[case_id](view)

        with untraced():
            return UserMove("say", await on_daemon_thread(said, name=f"convsim-user-{case_id}"))


@dataclass(frozen=True)
class Persistent:
    """A simulated user who does not end a conversation: one that wishes to is asked for a message instead."""

    user: User

    async def __call__(self, view: UserView) -> UserMove:
        """The next message.

        Raises:
            ModelError: it wishes to end, however often it is asked.
        """
        for _ in range(_WISHES):
            move = await self.user(view)
            if move.action == "say":
                return move
            view = replace(view, refused=(*view.refused, Refusal(move.because or "(the end)", _GO_ON)))
        raise ModelError(f"it wished to end {_WISHES} times instead of writing a message: {move.because}")


@dataclass(frozen=True)
class LenientJudge:
    """A judge whose failure lets the conversation go on, as in MLflow: the goal counts as not reached.

    Only where it fails in the last turn nobody knows how the conversation came out: it is void.
    """

    judge: Judge
    max_turns: int

    async def __call__(self, view: JudgeView) -> GoalCheck:
        """The judge's word, or why there is none.

        Raises:
            ModelError: the goal could not be checked in the last turn.
        """
        try:
            return await self.judge(view)
        except ModelError as error:
            if view.turn >= self.max_turns:
                raise
            return GoalCheck(reached=False, why=f"not checked: {error}", turn=view.turn)


def _nobody(reason: str) -> Judge:
    async def judge(_view: JudgeView) -> GoalCheck:
        raise ModelError(f"the goal is not checked: {reason}")

    return judge


# --- the agent -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Given:
    """An agent that gets each case's context as it was given, whatever objects stand in it."""

    agent: Agent
    contexts: Mapping[str, Mapping[str, Any]]

    async def __call__(self, turn: AgentTurn) -> AgentReply:
        context = self.contexts.get(turn.case.case_id)
        if context is not None:
            turn = replace(turn, case=turn.case.model_copy(update={"context": _Uncopied(context)}))
        return await self.agent(turn)


class _Uncopied(dict[str, Any]):
    """A mapping whose copies hold the same objects: a connection or a lock cannot be copied."""

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return dict(self)


def _agent(given: DropIn, predict_fn: Any) -> tuple[Agent, AgentRef, Shown, float]:
    """The agent, what a run keeps of it, its turns in traces (as it was called, and what it gave back), its seconds."""
    own = _unwrapped(predict_fn)
    call = _forgiving(own)
    seconds = given.async_seconds if callable(call) and is_async(call) else _NO_LIMIT
    agent, ref = resolve_agent(call, name=agent_name(own) if callable(own) else None, timeout=seconds)
    if call is not own:
        ref = agent_ref(own)
    shape: HistoryName = Signature.of(call, name=ref.name).history if callable(call) else "messages"
    return _Given(agent, given.contexts), ref, Shown(lambda turn: _inputs(turn, shape), _outputs), seconds


def _inputs(turn: AgentTurn, shape: HistoryName) -> dict[str, Any]:
    return {shape: history(turn.messages, shape=shape, text_only=False), **turn.case.context}


def _outputs(reply: AgentReply) -> Any:
    return reply.content if reply.raw is None else without_trace(reply.raw)


def _unwrapped(predict_fn: Any) -> Any:
    """The async function that `mlflow.genai.evaluate` made a plain one of, with an event loop for each turn."""
    inner = getattr(predict_fn, "__wrapped__", None)
    by_mlflow = str(getattr(predict_fn, "__globals__", {}).get("__name__", "")).startswith("mlflow.genai.")
    return inner if by_mlflow and inspect.iscoroutinefunction(inner) else predict_fn


def _forgiving(predict_fn: Any) -> Any:
    """The same agent; a reply of no known shape is read as MLflow reads it."""
    if not inspect.isroutine(predict_fn) and not isinstance(predict_fn, partial):
        return predict_fn
    call: Any
    if inspect.iscoroutinefunction(predict_fn):

        async def call(*args: Any, **kwargs: Any) -> Any:
            return _readable(await predict_fn(*args, **kwargs))
    else:

        def call(*args: Any, **kwargs: Any) -> Any:
            return _readable(predict_fn(*args, **kwargs))

    # Not functools.wraps: what a plain function wraps may be async, and run by it on a loop of its own.
    call.__signature__ = inspect.signature(predict_fn)
    return call


def _readable(reply: Any) -> Any:
    streams = isinstance(reply, Iterator | AsyncIterator) or inspect.isawaitable(reply)
    if reply is None or streams or isinstance(reply, str | AgentReply):
        return reply
    if isinstance(reply, Mapping) and reply.get("error"):
        return reply
    try:
        read_reply(reply)
    except AgentError:
        return AgentReply(content=_as_text(reply), raw=reply, tells_calls=False)
    return reply


def _as_text(reply: Any) -> str:
    return reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False, default=str)
