"""One trace as one turn: what was said before, what the user said, what the agent replied, which tools it called."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from convsim_nb.adapters.mlflow.shapes import heard, is_textless, replied
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.domain.transcript import fold, merged
from convsim_nb.domain.wire import Line, as_json, parsed_result

if TYPE_CHECKING:
    from mlflow.entities import Span, Trace

_MODELS = {"CHAT_MODEL", "LLM"}
_TELLING = {"TOOL", *_MODELS}
_SPEAKERS = {"AGENT", "CHAIN", "WORKFLOW", *_MODELS}
_SIDE_WORK = {"EMBEDDING", "RETRIEVER", "RERANKER", "PARSER", "EVALUATOR", "GUARDRAIL", "MEMORY", "TOOL"}
_NS = 1e9


@dataclass(frozen=True)
class Turn:
    """What one trace tells."""

    trace_id: str
    started: float
    """Seconds since the epoch."""
    ended: float
    history: tuple[Message, ...] = ()
    """What the trace says was said before, as far as it says so."""
    newest: Message | None = None
    replies: tuple[Message, ...] = ()
    goes_on: bool = False
    """True where the agent had already begun to answer: the trace goes on with a turn that it did not open."""

    @property
    def seconds(self) -> float:
        return round(self.ended - self.started, 6)


def calls_in(spans: "Sequence[Span]") -> tuple[ToolCall, ...] | None:
    """The tool calls that spans tell of, each once, in order; None where none of them is a model's or a tool's.

    A tool's spans say what it was given and what came of it; a model's say what it asked for.
    """
    if not any(span.span_type in _TELLING for span in spans):
        return None
    return merged(_model_calls(spans), _tool_calls(spans))


def read_turn(trace: "Trace") -> Turn | None:
    """What a trace tells of the conversation; None where nobody says anything in it."""
    root = _root(trace.data.spans)
    if root is None or root.span_type in _SIDE_WORK:
        return None
    before, after = _conversation(root, trace.data.spans)
    if is_textless((*before, *after)) and not any(line.call_id for line in before):
        return None
    started = root.start_time_ns / _NS
    turn = Turn(trace.info.trace_id, started, (root.end_time_ns or root.start_time_ns) / _NS)
    return _told(turn, before, after, calls_in(trace.data.spans) or ())


def _conversation(root: "Span", spans: Iterable["Span"]) -> tuple[tuple[Line, ...], tuple[Line, ...]]:
    """What was heard and replied: by the root, and where that holds no user's words, by the first that does."""
    before, after = heard(root.inputs), replied(root.outputs)
    if any(line.role in ("user", "tool") for line in (*before, *after)):
        return before, after
    speakers = [span for span in _outside_tools(spans) if span.span_type in _SPEAKERS and span is not root]
    first = next((lines for span in speakers if _from_user(lines := heard(span.inputs))), before)
    last = next((lines for span in reversed(speakers) if (lines := replied(span.outputs))), ())
    return first, after or last


def _from_user(lines: Iterable[Line]) -> bool:
    return any(line.role == "user" for line in lines)


def _told(turn: Turn, before: tuple[Line, ...], after: tuple[Line, ...], calls: tuple[ToolCall, ...]) -> Turn:
    whole = _from_user(after)  # a graph's state: the reply holds the history too
    told = after if whole else (*before, *after)
    lines = tuple(line for line in told if line.role == "tool" or not (line.role == "system" or line.says_nothing))
    opened = max((place for place, line in enumerate(lines) if line.role == "user"), default=-1)
    newest = fold(lines[opened : opened + 1])[0] if opened >= 0 else None
    answered = len(before) > 0 and before[-1].role in ("tool", "assistant")
    return replace(
        turn,
        history=fold(lines[: max(opened, 0)]),
        newest=newest and newest.model_copy(update={"trace_id": turn.trace_id}),
        replies=_with_calls(fold(lines[opened + 1 :]), calls, turn),
        goes_on=newest is None or (answered and not whole),
    )


def _with_calls(replies: tuple[Message, ...], calls: tuple[ToolCall, ...], turn: Turn) -> tuple[Message, ...]:
    """The replies with this trace's id and time, and with the calls that only the spans know of on the last one."""
    known = tuple(call for message in replies for call in message.tool_calls)
    every = merged(known, calls)
    told, extra = list(every[: len(known)]), every[len(known) :]
    done = []
    for message in replies:
        mine = tuple(told.pop(0) for _ in message.tool_calls)
        done.append(message.model_copy(update={"tool_calls": mine, "trace_id": turn.trace_id}))
    if not done and extra:
        done.append(Message(role="assistant", content="", trace_id=turn.trace_id))
    if done:
        last = {"tool_calls": (*done[-1].tool_calls, *extra), "seconds": turn.seconds}
        done[-1] = done[-1].model_copy(update=last)
    return tuple(done)


# --- spans ---------------------------------------------------------------------------


def _root(spans: Iterable["Span"]) -> "Span | None":
    """The span without a parent here: a distributed trace's parent may lie elsewhere."""
    ordered = sorted(spans, key=lambda span: span.start_time_ns)
    known = {span.span_id for span in ordered}
    return next((span for span in ordered if span.parent_id not in known), None)


def _outside_tools(spans: Iterable["Span"]) -> list["Span"]:
    """Spans in order of time, without those inside a tool: what goes on in there is the tool's own affair."""
    ordered = sorted(spans, key=lambda span: span.start_time_ns)
    by_id = {span.span_id: span for span in ordered}
    return [span for span in ordered if not any(parent.span_type == "TOOL" for parent in _parents(span, by_id))]


def _parents(span: "Span", by_id: Mapping[str, "Span"]) -> Iterable["Span"]:
    seen = {span.span_id}
    while (parent := by_id.get(span.parent_id or "")) is not None and parent.span_id not in seen:
        seen.add(parent.span_id)
        yield parent
        span = parent


def _model_calls(spans: Iterable["Span"]) -> tuple[ToolCall, ...]:
    """The calls that models asked for in this turn; the answers stand in what the next model heard."""
    calls: tuple[ToolCall, ...] = ()
    for span in _outside_tools(spans):
        if span.span_type in _MODELS:
            lines = (*heard(span.inputs), *replied(span.outputs))
            opened = max((place for place, line in enumerate(lines) if line.role == "user"), default=-1)
            told = fold(lines[opened + 1 :])
            calls = merged(calls, (call for message in told for call in message.tool_calls))
    return calls


def _tool_calls(spans: Iterable["Span"]) -> tuple[ToolCall, ...]:
    return tuple(_tool_call(span) for span in _outside_tools(spans) if span.span_type == "TOOL")


def _tool_call(span: "Span") -> ToolCall:
    inputs, outputs = as_json(span.inputs), as_json(span.outputs)
    answer = outputs if isinstance(outputs, dict) else {}
    failed = answer.get("status") == "error"
    if {"content", "tool_call_id"} <= set(answer):  # LangChain's ToolMessage
        outputs = answer["content"]
    error = _error(span) or (str(outputs) if failed else None)
    return ToolCall(
        name=_name(span, inputs),
        arguments=inputs or None,
        result=None if error else parsed_result(outputs) if isinstance(outputs, str) else outputs,
        error=error,
        id=answer.get("tool_call_id"),
        seconds=None if span.end_time_ns is None else round((span.end_time_ns - span.start_time_ns) / _NS, 6),
    )


def _name(span: "Span", inputs: object) -> str:
    call = inputs.get("call") if isinstance(inputs, dict) else None  # Pydantic AI keeps the tool's name in there
    return str(call["tool_name"]) if isinstance(call, dict) and "tool_name" in call else span.name


def _error(span: "Span") -> str | None:
    """What a failed span says went wrong: `TimeoutError: no answer`."""
    raised: list[Mapping[str, Any]] = [event.attributes for event in span.events if event.name == "exception"]
    for attributes in raised:
        name, text = attributes.get("exception.type") or "Exception", attributes.get("exception.message")
        return f"{name}: {text}" if text else str(name)
    failed = span.status.status_code.name == "ERROR"
    return (span.status.description or "failed") if failed else None
