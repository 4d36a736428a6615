"""One trace a turn of the agent, under a root span of ours."""

import asyncio
import contextvars
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Literal, NamedTuple

from convsim_nb.adapters.mlflow.export import Export
from convsim_nb.adapters.mlflow.graft import graft
from convsim_nb.adapters.mlflow.net import Claim, spans_so_far
from convsim_nb.adapters.mlflow.turns import calls_in
from convsim_nb.domain.errors import AgentError
from convsim_nb.domain.secrets import masked
from convsim_nb.domain.session import Message, ToolCall
from convsim_nb.engine.ports import Agent, AgentReply, AgentTurn

RETURNED = "convsim.returned"
"""On the root span of a turn that is shown as a chat: what the agent gave back, where that was more than its text."""
RETRIES = "convsim.agent_retries"
"""Metadata of a trace: how often the agent was called again in it."""
_LONGEST = 250
"""Characters of one metadata value, as MLflow cuts its own."""


class Shown(NamedTuple):
    """How a turn stands in the root span of its trace."""

    inputs: Callable[[AgentTurn], dict[str, Any]]
    outputs: Callable[[AgentReply], Any]


class TracedAgent:
    """An agent whose every turn is one MLflow trace, known by `refs["trace_id"]` of the reply or the error.

    The root span is opened before the agent is called and closed after; whatever the agent traces goes
    inside. MLflow's current experiment, run and span don't touch it. A turn is shown as a chat, or as
    `shown` says; `told` is what the trace says of where it belongs, by default in a simulation.
    """

    def __init__(
        self,
        agent: Agent,
        *,
        export: Export,
        name: str,
        run_id: str,
        model_id: str = "",
        history: Literal["full", "text"] = "full",
        shown: Shown | None = None,
        told: "Callable[[AgentTurn], tuple[dict[str, str], dict[str, str]]] | None" = None,
    ) -> None:
        self._agent, self._export, self._name = agent, export, name
        self._as_chat = shown is None
        self._shown = shown or Shown(partial(turn_inputs, history=history), turn_outputs)
        self._told = told or (lambda turn: (turn_metadata(turn), turn_tags(turn)))
        self._of_run = {"convsim.run_id": run_id} if run_id else {}
        if model_id:
            self._of_run["mlflow.modelId"] = model_id
        self.untraced: str | None = None
        """Why MLflow gave a turn no trace, in words; None as long as each has one, or the store was given up."""

    async def __call__(self, turn: AgentTurn) -> AgentReply:
        """Let the agent answer, traced."""
        await self._export.room()
        if self._export.off:
            return await self._agent(turn)
        opened = self._open(turn)
        if opened is None:
            self.untraced = self.untraced or _why_untraced()
            return await self._agent(turn)
        span, claim = opened
        start = time.monotonic()
        traced = replace(turn, again=partial(_again, turn, span, claim))
        with _current(span):
            try:
                reply = await self._agent(traced)
                seconds = time.monotonic() - start
                span.set_outputs(self._shown.outputs(reply))
                if self._as_chat:
                    span.set_attribute(RETURNED, _note(reply))
                graft(reply.refs, span, claim)
                _count_tokens(span, reply)
            except BaseException as error:
                _fail(span, error)
                if isinstance(error, AgentError):
                    error.refs.update(_refs(error.refs, claim.trace_id))
                raise
            finally:
                self._export.closing(claim)
                span.end()
                self._export.ended(claim)
        refs = _refs(reply.refs, claim.trace_id)
        return replace(_with_calls(reply, claim), refs=refs, seconds=reply.seconds or seconds)

    def _open(self, turn: AgentTurn) -> tuple[Any, Claim] | None:
        """The root span and its claim; None where MLflow's tracing is off or leaves this trace out."""
        import mlflow

        metadata, tags = self._told(turn)
        metadata = self._of_run | metadata
        # In an empty context: a span that the caller has open would swallow ours.
        span = contextvars.Context().run(
            mlflow.start_span_no_context,
            self._name,
            span_type="AGENT",
            inputs=self._shown.inputs(turn),
            metadata=metadata,
            tags=tags,
            experiment_id=self._export.experiment_id or "0",
        )
        if not str(span.trace_id).startswith("tr-"):
            return None
        claim = Claim(span.trace_id, turn.session_id, turn.turn, metadata, tags)
        self._export.opened(claim)
        return span, claim


def _why_untraced() -> str:
    """MLflow says only that it made no trace; it has no documented word for whether tracing is on."""
    from mlflow.tracing import provider

    is_on = getattr(provider, "is_tracing_enabled", lambda: True)
    return "whose sampling left them out, or which failed at them" if is_on() else "whose tracing is switched off"


def turn_metadata(turn: AgentTurn) -> dict[str, str]:
    """What the trace of a turn says of where it belongs."""
    case = turn.case
    values = {
        "mlflow.trace.session": turn.session_id,
        "mlflow.simulation.goal": case.goal,
        "mlflow.simulation.persona": case.persona or "",
        "mlflow.simulation.simulation_guidelines": "\n".join(case.simulation_guidelines),
        "mlflow.simulation.turn": str(turn.turn - 1),  # MLflow counts from 0
        "convsim.case_id": case.case_id,
        "convsim.trial": str(turn.trial),
        "convsim.source_session": case.source.session_id if case.source else "",
    }
    return {name: value[:_LONGEST] for name, value in values.items() if value}


def turn_tags(turn: AgentTurn) -> dict[str, str]:
    """By this tag `mlflow.genai.compare_evaluations` pairs the turns of two runs."""
    return {"mlflow.eval.requestId": f"{turn.case.case_id}#{turn.trial}#{turn.turn}"}


def turn_inputs(turn: AgentTurn, *, history: Literal["full", "text"]) -> dict[str, Any]:
    """What the agent is given, in the shape that MLflow shows as a chat."""
    messages = [said for message in turn.messages for said in _wire(message, history)]
    return {**turn.case.context, "messages": messages}


def _wire(message: Message, history: Literal["full", "text"]) -> list[dict[str, Any]]:
    if message.wire and history == "full":
        return [dict(said) for said in message.wire]
    return [{"role": message.role, "content": message.content}]


def turn_outputs(reply: AgentReply) -> dict[str, Any]:
    """The answer as MLflow's session view and scorers read it: the last message is the text alone.

    With tool calls on the way it is a list of messages: the view leaves out a message that carries calls.
    """
    answer = {"role": "assistant", "content": reply.content}
    if not reply.tool_calls:
        return {"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}
    way = [dict(said) for said in reply.wire] or _calls(reply.tool_calls)
    if way[-1].get("role") != "assistant" or way[-1].get("content") != reply.content or "tool_calls" in way[-1]:
        way.append(answer)
    return {"messages": way}


def _note(reply: AgentReply) -> dict[str, Any]:
    """What the agent gave back, without a trace that a remote one sent along: that stands in the turn's own."""
    raw = reply.raw
    if "trace" in reply.refs:
        raw = {name: each for name, each in raw.items() if name != "trace"} if isinstance(raw, Mapping) else None
    return {} if raw is None or isinstance(raw, str) else {"value": raw}


def returned(root: Any) -> Any:
    """What the agent gave back in a turn, by the root span of its trace: what `mlflow.genai.evaluate` would give.

    A turn that was brought to MLflow from the journal has its text alone.
    """
    note, outputs = root.get_attribute(RETURNED), root.outputs
    if note is None:
        return outputs
    if "value" in note:
        return note["value"]
    return outputs["choices"][0]["message"]["content"] if "choices" in outputs else outputs["messages"][-1]["content"]


def _calls(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    """Tool calls and what came back, in the shape of Chat Completions."""
    named = [(call.id or f"call_{number}", call) for number, call in enumerate(calls, start=1)]
    asked = {"role": "assistant", "content": "", "tool_calls": [_call(name, call) for name, call in named]}
    results = [{"role": "tool", "tool_call_id": name, "content": _text(_result(call))} for name, call in named]
    return [asked, *results]


def _call(name: str, call: ToolCall) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": call.name, "arguments": _text(call.arguments)}}


def _result(call: ToolCall) -> Any:
    return call.error if call.error is not None else call.result


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _again(turn: AgentTurn, span: Any, claim: Claim, error: str) -> None:
    """Say in the turn's trace that the agent is called again: in its metadata, and when and why on its root span."""
    from mlflow.entities import SpanEvent

    span.add_event(SpanEvent("agent_retried", attributes={"error": masked(error)}))  # type: ignore[abstract]
    claim.metadata = {**claim.metadata, RETRIES: str(int(claim.metadata.get(RETRIES, 0)) + 1)}
    turn.again(error)


def _with_calls(reply: AgentReply, claim: Claim) -> AgentReply:
    """The reply with the tool calls that its turn's trace tells of, where it names none itself.

    They go into the conversation alone: in the trace they stand already, as spans.
    """
    if reply.tool_calls:
        return reply
    since = reply.refs.get("since", 0)
    spans = spans_so_far(claim)
    calls = calls_in([span for span in spans if span.start_time_ns >= since]) if len(spans) > 1 else None
    if calls is None:
        return reply
    return replace(reply, tool_calls=tuple(map(_without_keys, calls)), tells_calls=True)


def _without_keys(call: ToolCall) -> ToolCall:
    """A call whose error, which is an exception's words, shows nothing that looks like a key."""
    return call.model_copy(update={"error": masked(call.error)}) if call.error else call


def _count_tokens(span: Any, reply: AgentReply) -> None:
    """What the agent says it took, where it says so: MLflow adds it up by trace."""
    if reply.usage and (reply.usage.input_tokens or reply.usage.output_tokens):
        read, written = reply.usage.input_tokens, reply.usage.output_tokens
        counted = {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
        span.set_attribute("mlflow.chat.tokenUsage", counted)


def _fail(span: Any, error: BaseException) -> None:
    """Mark the span with what the agent raised, which an `AgentError` has as its cause."""
    if isinstance(error, asyncio.CancelledError):
        span.record_exception(AgentError("cancelled before the agent had answered"))
        return
    cause = error.__cause__ or error if isinstance(error, AgentError) else error
    span.record_exception(cause if isinstance(cause, Exception) else repr(cause))


def _refs(refs: Mapping[str, Any], trace_id: str) -> dict[str, Any]:
    """Ours is the trace of the turn; one that the agent named is kept beside it."""
    theirs = {"agent_trace_id": refs["trace_id"]} if refs.get("trace_id") else {}
    return {
        **{name: ref for name, ref in refs.items() if name not in ("trace", "since")},
        **theirs,
        "trace_id": trace_id,
    }


def _current(span: Any) -> AbstractContextManager[Any]:
    """What the agent traces meanwhile goes inside `span`; MLflow has no documented call for it."""
    from mlflow.tracing import provider

    enter = getattr(provider, "safe_set_span_in_context", None)
    return enter(span) if enter else nullcontext()
