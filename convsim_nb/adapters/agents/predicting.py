"""MLflow's models as agents, known by their classes' names: this module imports no MLflow."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from convsim_nb.domain.errors import AgentTypeError

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def predicting(agent: Any, *, name: str) -> Callable[..., Any] | None:
    """A function of `messages` or `input` that asks the model, or None for what is no model of MLflow's.

    A case's context goes to a ResponsesAgent or ChatAgent as `custom_inputs`, the session as `conversation_id`.

    Raises:
        AgentTypeError: the model takes neither `messages` nor `input`.
    """
    kinds = {kind.__name__ for kind in type(agent).__mro__ if kind.__module__.partition(".")[0] == "mlflow"}
    if "ResponsesAgent" in kinds:
        return _responses_agent(agent)
    if "ChatAgent" in kinds:
        return _chat_agent(agent)
    if "PyFuncModel" in kinds:
        return _pyfunc(agent, name=name)
    return agent.predict if {"messages", "input"} & _parameters(agent) else None


def _parameters(agent: Any) -> set[str]:
    predict = getattr(agent, "predict", None)
    return set(inspect.signature(predict).parameters) if callable(predict) else set()


def _responses_agent(agent: Any) -> Callable[..., Any]:
    ask = _asking(agent)

    def responses_agent(input: list[dict[str, Any]], mlflow_session_id: str, **context: Any) -> Any:  # noqa: A002
        return ask({"input": input, **_beside(mlflow_session_id, context)})

    return responses_agent


def _chat_agent(agent: Any) -> Callable[..., Any]:
    ask = _asking(agent)

    def chat_agent(messages: list[dict[str, Any]], mlflow_session_id: str, **context: Any) -> Any:
        return ask({"messages": messages, **_beside(mlflow_session_id, context)})

    return chat_agent


def _beside(session_id: str, context: Mapping[str, Any]) -> dict[str, Any]:
    return {"context": {"conversation_id": session_id}, "custom_inputs": dict(context)}


def _asking(agent: Any) -> Callable[[dict[str, Any]], Any]:
    """The agent's streaming method where it wrote one, else the other."""
    ask: Callable[[dict[str, Any]], Any] = agent.predict_stream if _streams(agent) else agent.predict
    return ask


def _streams(agent: Any) -> bool:
    """Whether it has a streaming method of its own: MLflow's classes have one that raises."""
    stream = getattr(type(agent), "predict_stream", None)
    return stream is not None and inspect.unwrap(stream).__module__.partition(".")[0] != "mlflow"


# --- models that were logged ---------------------------------------------------------


def _pyfunc(model: Any, *, name: str) -> Callable[..., Any]:
    columns = _columns(model)
    history = next((column for column in ("messages", "input") if column in columns), None)
    if history is None:
        shown = ", ".join(columns) or "nothing that its signature names"
        raise AgentTypeError(f"model {name} takes {shown}: log it with `messages` or `input` in its signature")

    ask = model.predict_stream if _streams(_written(model)) else model.predict

    def pyfunc(mlflow_session_id: str, **given: Any) -> Any:
        context = {key: value for key, value in given.items() if key != history}
        beside = _beside(mlflow_session_id, context) if "custom_inputs" in columns else context
        return ask({history: given[history], **{key: beside[key] for key in beside if key in columns}})

    pyfunc.__signature__ = inspect.Signature(list(_taken(history, columns)))  # type: ignore[attr-defined]
    return pyfunc


def _written(model: Any) -> Any:
    """What the user wrote, where the model's flavour gives it out."""
    try:
        return model.get_raw_model()
    except NotImplementedError:
        return None


def _columns(model: Any) -> list[str]:
    schema = model.metadata.get_input_schema()
    return [column for column in schema.input_names() if column] if schema is not None else []


def _taken(history: str, columns: list[str]) -> Iterator[inspect.Parameter]:
    """The parameters that the model has as an agent: its columns, or whatever fits into `custom_inputs`."""
    yield inspect.Parameter(history, _KEYWORD)
    yield inspect.Parameter("mlflow_session_id", _KEYWORD)
    if "custom_inputs" in columns:
        yield inspect.Parameter("context", inspect.Parameter.VAR_KEYWORD)
        return
    for column in columns:
        if column != history and column.isidentifier():
            yield inspect.Parameter(column, _KEYWORD, default=None)
