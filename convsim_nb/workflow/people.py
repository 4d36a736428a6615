"""Who plays the user and who judges: models by name, objects of one's own, or a recording."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import JsonValue

from convsim_nb.adapters.mlflow.quiet import quiet
from convsim_nb.adapters.recording import Recorder, Replay
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.guard import Guards, recording
from convsim_nb.engine.judge import ChatJudge
from convsim_nb.engine.ports import Chat, Guard, Judge, User
from convsim_nb.engine.prompts import Prompt
from convsim_nb.engine.suspicion import Doubting
from convsim_nb.engine.user import ChatUser
from convsim_nb.workflow.llm_params import llm_params
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.options import SimulateOptions
from convsim_nb.workflow.prompts import resolve_prompts


@dataclass(frozen=True)
class People:
    """The simulated user and the judge, with the names that results show and what goes with their calls."""

    user: User
    user_name: str
    judge: Judge
    judge_name: str
    user_params: dict[str, JsonValue] = field(default_factory=dict)
    judge_params: dict[str, JsonValue] = field(default_factory=dict)
    recorder: Recorder | None = None
    prompts: dict[str, Prompt] = field(default_factory=dict)
    """Prompts in the place of ours."""


@dataclass(frozen=True)
class _Model:
    """A model as it was asked for; `chat` is None where nobody is asked."""

    name: str
    chat: Chat | None = None
    params: dict[str, JsonValue] = field(default_factory=dict)

    def heard(self, recorder: Recorder | None) -> Chat:
        """The model, leaving no trace in MLflow, and a record where one is wanted."""
        if self.chat is None:
            return _nobody
        return quiet(recorder.listen(self.chat, params=self.params) if recorder else self.chat)


def people(options: SimulateOptions, *, judged: bool, resumed: bool = False) -> People:
    """The people of a run; nobody judges where `judged` is False. A run that is `resumed` adds to its recording.

    Raises:
        UsageError: a model is not named or not known, its parameters are not its own to be given, or a
            recording cannot be used.
    """
    if options["record"] and options["replay"]:
        raise UsageError("record and replay are given: a run does one of the two")
    prompts = resolve_prompts(options["prompts"], known=("user", "judge"))
    replay = Replay(Path(options["replay"])) if options["replay"] else None
    user = _user(options, replay)
    judge = _judge(options, replay, user) if judged else _nobody_judges(options)
    recorder = None
    if options["record"]:
        recorder = Recorder(
            Path(options["record"]),
            models={"user": user.name, "judge": judge.name},
            params={"user": user.params, "judge": judge.params},
            resumed=resumed,
        )
    return People(
        user=options["user"] or ChatUser(user.heard(recorder), prompts.get("user")),
        user_name=user.name,
        judge=Doubting(ChatJudge(judge.heard(recorder), prompts.get("judge")), options["judge_check"]),
        judge_name=judge.name,
        user_params=user.params,
        judge_params=judge.params,
        recorder=recorder,
        prompts=prompts,
    )


def guards_mode(options: SimulateOptions) -> Literal["stop", "record", "off"]:
    """What guards do: they stop a model's messages; what a user of one's own says is its own affair, and recorded."""
    return options["guards"] or ("stop" if options["user"] is None else "record")


def guard_of(options: SimulateOptions) -> Guard:
    """The guards of a run."""
    mode = guards_mode(options)
    if mode == "off":
        return lambda _view, _text: ()
    return Guards() if mode == "stop" else recording(Guards())


def _user(options: SimulateOptions, replay: Replay | None) -> _Model:
    own, params = options["user"], llm_params(options["user_llm_params"], name="user_llm_params")
    if own is not None:
        if params:
            raise UsageError("user= is an object of your own, which calls no user_model: leave user_llm_params out")
        return _Model(str(getattr(own, "name", None) or getattr(own, "__name__", type(own).__name__)))
    if replay is not None:
        return _replayed(replay, "user", params)
    name, chat = resolve_model(options["user_model"], param="user_model", params=params)
    return _Model(name, chat, params)


def _judge(options: SimulateOptions, replay: Replay | None, user: _Model) -> _Model:
    params = llm_params(options["judge_llm_params"], name="judge_llm_params")
    if replay is not None:
        return _replayed(replay, "judge", params)
    if options["judge_model"] is None and user.chat is not None and params == user.params:
        return user
    name, chat = resolve_model(options["judge_model"] or options["user_model"], param="judge_model", params=params)
    return _Model(name, chat, params)


def _replayed(replay: Replay, who: Literal["user", "judge"], given: dict[str, JsonValue]) -> _Model:
    """From a recording; parameters that are not given are those that it was made with."""
    params = given or replay.params.get(who, {})
    return _Model(replay.models.get(who, "recording"), replay.asked_with(params), params)


def _nobody_judges(options: SimulateOptions) -> _Model:
    if options["judge_llm_params"]:
        raise UsageError("judge_llm_params is given, and nobody judges: a function decides, and no fact is withheld")
    return _Model("none")


async def _nobody(_request: object) -> Any:
    raise UsageError("no model is asked where a function decides and no fact is withheld")
