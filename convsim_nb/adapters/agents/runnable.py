"""LangChain's runnables and LangGraph's graphs as agents, known by their classes' names: neither is imported here."""

import inspect
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from convsim_nb.adapters.agents.plain import plain
from convsim_nb.adapters.completions import text_of
from convsim_nb.domain.errors import AgentTypeError

_PACKAGES = ("langchain_core", "langgraph")
_PAST = ("chat_history", "history")
"""What prompts call the messages before the last one."""
_KEYWORD = inspect.Parameter.KEYWORD_ONLY
Wire = dict[str, Any]


def runnable(agent: Any, *, name: str) -> Callable[..., Any] | None:
    """A function of `messages` that runs the chain or graph, or None for what is neither.

    Session and context stand in the config too, as `configurable`: the session as `thread_id` and `session_id`.

    Raises:
        AgentTypeError: it takes no conversation.
    """
    kinds = kinds_of(agent)
    if "Pregel" in kinds:
        return _graph(agent, name=name)
    return _chain(agent, name=name, remembers="RunnableWithMessageHistory" in kinds) if "Runnable" in kinds else None


def kinds_of(agent: Any) -> set[str]:
    """The names of its classes that are LangChain's or LangGraph's."""
    return {kind.__name__ for kind in type(agent).__mro__ if kind.__module__.partition(".")[0] in _PACKAGES}


def _config(session_id: str, beside: Mapping[str, Any]) -> dict[str, Any]:
    return {"configurable": {**beside, "thread_id": session_id, "session_id": session_id}}


# --- graphs --------------------------------------------------------------------------


def _graph(graph: Any, *, name: str) -> Callable[..., Any]:
    channels = _channels(graph)
    if "messages" not in channels:
        raise AgentTypeError(
            f"graph {name} has no `messages` in its input, but {', '.join(sorted(channels)) or 'nothing by name'}: "
            f"wrap it in a function of `messages`"
        )

    async def agent(messages: list[Wire], mlflow_session_id: str, **context: Any) -> AsyncIterator[Any]:
        """A key of the context goes into the state where that has it, else beside it."""
        state = {key: value for key, value in context.items() if key in channels}
        beside = {key: value for key, value in context.items() if key not in channels}
        config = _config(mlflow_session_id, beside)
        more = {"context": beside} if getattr(graph, "context_schema", None) else {}
        given = {"messages": await _unheard(graph, messages, config), **state}
        values: Any = None
        async for mode, event in graph.astream(given, config, stream_mode=["messages", "values"], **more):
            if mode == "values":
                values = event
            elif text := _spoken(event[0]):
                yield text
        yield {"messages": plain(values)["messages"]}

    return agent


def _channels(graph: Any) -> set[str]:
    """The keys of a graph's input. Its JSON schema would name them too, but not every state has one."""
    builder = getattr(graph, "builder", None)
    return set(builder.schemas[builder.input_schema]) if builder is not None else set()


async def _unheard(graph: Any, messages: list[Wire], config: Wire) -> list[Any]:
    """What a graph has not heard yet: one with a checkpointer keeps the conversation by its thread."""
    if not graph.checkpointer:
        return _objects(messages)
    objects = _objects(messages)
    for place, message in enumerate(objects):
        message.id = f"said-{place}"  # a turn that is tried again takes the place of the one that failed
    known = (await graph.aget_state(config)).values.get("messages")
    return objects[-len(_last_said(messages)) :] if known else objects


def _last_said(messages: Sequence[Wire]) -> list[Wire]:
    """What was said after the agent's last message."""
    answered = [place for place, one in enumerate(messages) if one["role"] != "user"]
    return list(messages[answered[-1] + 1 if answered else 0 :])


def _spoken(message: Any) -> str:
    """The text of a message, or a piece of one, that the agent's model said."""
    return text_of(message.content) if message.type in ("ai", "AIMessageChunk") else ""


# --- chains --------------------------------------------------------------------------


def _chain(chain: Any, *, name: str, remembers: bool) -> Callable[..., Any]:
    schema = chain.get_input_jsonschema()
    properties = schema.get("properties") or {}
    shape = _shape(chain_keys := list(properties), name=name)

    async def agent(**given: Any) -> AsyncIterator[Any]:
        messages, session_id = given.pop("messages"), given.pop("mlflow_session_id")
        heard = _last_said(messages) if remembers else messages
        whole: Any = None
        async for piece in chain.astream(shape(heard, given), _config(session_id, given)):
            whole = piece if whole is None else whole + piece
            if text := piece if isinstance(piece, str) else _spoken(piece) if hasattr(piece, "content") else "":
                yield text
        if not isinstance(whole, str):
            yield {"messages": [plain(whole)]} if hasattr(whole, "content") else whole

    required = set(schema.get("required") or ())
    agent.__signature__ = inspect.Signature(list(_parameters(chain_keys, required)))  # type: ignore[attr-defined]
    return agent


Shape = Callable[[list[Wire], Mapping[str, Any]], Any]


def _shape(keys: Sequence[str], *, name: str) -> Shape:
    """How a chain takes a conversation: by `messages`, as last message and those before it, or as the list itself."""
    if not keys:
        return lambda messages, _: _objects(messages)
    if "messages" in keys:
        return lambda messages, context: {"messages": _objects(messages), **context}
    past = next((key for key in _PAST if key in keys), None)
    if "input" not in keys:
        taken = f"chain {name} takes {', '.join(keys)}, and neither `messages` nor `input`"
        raise AgentTypeError(f"{taken}: wrap it in a function of `messages`")

    def by_input(messages: list[Wire], context: Mapping[str, Any]) -> Wire:
        before = {past: _objects(messages[:-1])} if past else {}
        return {"input": text_of(messages[-1].get("content")), **before, **context}

    return by_input


def _parameters(keys: Sequence[str], required: set[str]) -> Iterator[inspect.Parameter]:
    """What a case's context may hold, or has to: whatever else stands in the chain's input."""
    yield inspect.Parameter("messages", _KEYWORD)
    yield inspect.Parameter("mlflow_session_id", _KEYWORD)
    if not keys:
        yield inspect.Parameter("context", inspect.Parameter.VAR_KEYWORD)
    for key in keys:
        if key not in ("messages", "input", *_PAST) and key.isidentifier():
            default = inspect.Parameter.empty if key in required else None
            yield inspect.Parameter(key, _KEYWORD, default=default)


def _objects(messages: list[Wire]) -> list[Any]:
    """LangChain's messages: a state without a reducer takes no others."""
    from langchain_core.messages import convert_to_messages

    return list(convert_to_messages(messages))


# --- what they are made of -----------------------------------------------------------


def functions_of(agent: Any) -> Iterator[Any]:
    """The user's functions that a chain or graph is made of, in order; none of what is no runnable."""
    if not kinds_of(agent):
        return
    function = getattr(agent, "func", None) or getattr(agent, "afunc", None)
    if function is not None:
        yield function
    nodes = getattr(getattr(agent, "builder", None), "nodes", None) or {}
    steps = getattr(agent, "steps", None) or ()
    parts = steps.values() if isinstance(steps, Mapping) else steps
    for part in (getattr(agent, "bound", None), *parts, *(node.runnable for node in nodes.values())):
        yield from functions_of(part)
