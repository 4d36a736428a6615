"""Who plays the user and who judges: models by name, objects of one's own, or a recording."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from convsim_nb.adapters.mlflow.quiet import quiet
from convsim_nb.adapters.recording import Recorder, Replay
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.judge import ChatJudge
from convsim_nb.engine.ports import Chat, Judge, User
from convsim_nb.engine.user import ChatUser
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.options import SimulateOptions


@dataclass(frozen=True)
class People:
    """The simulated user and the judge, with the names that results show."""

    user: User
    user_name: str
    judge: Judge
    judge_name: str
    recorder: Recorder | None = None


def people(options: SimulateOptions, *, judged: bool) -> People:
    """The people of a run; nobody judges where `judged` is False.

    Raises:
        UsageError: a model is not named or not known, or a recording cannot be used.
    """
    if options["record"] and options["replay"]:
        raise UsageError("record and replay are given: a run does one of the two")
    replay = Replay(Path(options["replay"])) if options["replay"] else None
    user = _user(options, replay)
    judge = _judge(options, replay, user) if judged else ("none", None)
    recorder = None
    if options["record"]:
        recorder = Recorder(Path(options["record"]), models={"user": user[0], "judge": judge[0]})
    return People(
        user=options["user"] or ChatUser(_heard(user[1], recorder)),
        user_name=user[0],
        judge=ChatJudge(_heard(judge[1], recorder)),
        judge_name=judge[0],
        recorder=recorder,
    )


def _user(options: SimulateOptions, replay: Replay | None) -> tuple[str, Chat | None]:
    own = options["user"]
    if own is not None:
        return str(getattr(own, "name", None) or getattr(own, "__name__", type(own).__name__)), None
    if replay is not None:
        return replay.models.get("user", "recording"), replay
    return resolve_model(options["user_model"], param="user_model")


def _judge(options: SimulateOptions, replay: Replay | None, user: tuple[str, Chat | None]) -> tuple[str, Chat | None]:
    if replay is not None:
        return replay.models.get("judge", "recording"), replay
    if options["judge_model"] is None and user[1] is not None:
        return user
    return resolve_model(options["judge_model"] or options["user_model"], param="judge_model")


def _heard(chat: Chat | None, recorder: Recorder | None) -> Chat:
    """The model, leaving no trace in MLflow, and a record where one is wanted."""
    if chat is None:
        return _nobody
    return quiet(recorder.listen(chat) if recorder else chat)


async def _nobody(_request: object) -> Any:
    raise UsageError("no model is asked where a function decides and no fact is withheld")
