"""One trace a turn, whatever goes on around it; and none of our own model calls."""

import asyncio
import contextvars
import threading

import litellm
import mlflow
import openai
import pytest
from inline_snapshot import snapshot
from mlflow.genai.utils.trace_utils import parse_outputs_to_str

from convsim_nb.adapters.mlflow.quiet import quiet, untraced
from convsim_nb.domain.case import Source, TestCase
from convsim_nb.domain.conversation import GoalCheck
from convsim_nb.domain.errors import AgentError, AgentTimeout
from convsim_nb.domain.session import ToolCall
from convsim_nb.engine.ports import AgentReply, ChatMessage, ChatReply, ChatRequest, UserMove
from tests.adapters.mlflow.playing import answer, cases, play
from tests.servers import OpenAIServer, Say, Slow

pytestmark = pytest.mark.usefixtures("ambient")

OURS = ("convsim.", "mlflow.simulation.", "mlflow.trace.session", "mlflow.sourceRun")


async def test_a_turn_is_a_trace_that_says_where_it_belongs():
    """Session, goal, persona, turn, run, case and source stand in the metadata, long ones cut as MLflow cuts."""
    case = TestCase(
        goal="Get a refund. " * 40,
        case_id="refund",
        persona="You are brief",
        simulation_guidelines=("Ask twice", "Be polite"),
        source=Source(session_id="s-1"),
    )
    played = await play((case,), started={"run_name": ""})
    first, second = played.traces
    conversation = played.state.conversations[0]
    own = {k: v for k, v in second.info.trace_metadata.items() if k.startswith(OURS)}

    assert own == {
        "mlflow.trace.session": conversation.session_id,
        "mlflow.sourceRun": played.sink.mlflow_run_id,
        "mlflow.simulation.goal": case.goal[:250],
        "mlflow.simulation.persona": "You are brief",
        "mlflow.simulation.simulation_guidelines": "Ask twice\nBe polite",
        "mlflow.simulation.turn": "1",
        "convsim.run_id": played.run_id,
        "convsim.case_id": "refund",
        "convsim.trial": "1",
        "convsim.source_session": "s-1",
    }
    assert [t.info.tags["mlflow.eval.requestId"] for t in (first, second)] == ["refund#1#1", "refund#1#2"]
    assert conversation.trace_ids == (first.info.trace_id, second.info.trace_id)


async def test_the_root_span_holds_the_chat_as_mlflow_reads_it():
    """Inputs are the messages and the case's context, outputs a completion; both previews are plain words."""
    played = await play(cases(1, context={"customer_id": 7}))
    trace = played.traces[1]
    root = trace.data.spans[0]

    assert (root.name, root.span_type, root.parent_id) == ("my_agent", "AGENT", None)
    assert root.inputs == snapshot(
        {
            "customer_id": 7,
            "messages": [
                {"role": "user", "content": "Question 1?"},
                {"role": "assistant", "content": "Answer 1."},
                {"role": "user", "content": "Question 2?"},
            ],
        }
    )
    assert root.outputs == snapshot(
        {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Answer 2."}, "finish_reason": "stop"}]}
    )
    assert (trace.info.request_preview, trace.info.response_preview) == ("Question 2?", "Answer 2.")


async def test_tool_calls_stand_in_the_trace_and_the_answer_stays_last():
    """An answer with tool calls on the way is a list of messages that ends with the text, for MLflow's readers."""
    call = ToolCall(name="look_up", arguments={"order": "A-1"}, result={"state": "sent"}, id="c1")

    async def agent(turn):
        return AgentReply("It was sent.", tool_calls=(call,))

    played = await play(cases(1), agent, settings={"max_turns": 1})
    outputs = played.traces[0].data.spans[0].outputs

    assert outputs == snapshot(
        {
            "messages": [
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {
                            "id": "c1",
                            "type": "function",
                            "function": {"name": "look_up", "arguments": '{"order": "A-1"}'},
                        }
                    ],
                },
                {"role": "tool", "tool_call_id": "c1", "content": '{"state": "sent"}'},
                {"role": "assistant", "content": "It was sent."},
            ]
        }
    )
    assert parse_outputs_to_str(outputs) == "It was sent."


async def test_the_trace_lasts_as_long_as_the_agent_took():
    """An agent that traces nothing itself still gets a trace of its true duration."""

    async def slow(turn):
        await asyncio.sleep(0.08)
        return await answer(turn)

    played = await play(cases(1), slow, settings={"max_turns": 1})

    assert 80 <= played.traces[0].info.execution_duration < 1000


async def test_what_the_agent_traces_goes_inside():
    """Spans of the agent nest in ours: in its task, in a thread, in a child task, and one that comes late."""

    @mlflow.trace(name="in a thread")
    def in_a_thread():
        return 1

    def late():
        with mlflow.start_span("late"):
            pass

    async def agent(turn):
        with mlflow.start_span("inside"):
            await asyncio.to_thread(in_a_thread)
        with mlflow.start_span("second root"):
            pass
        context = contextvars.copy_context()
        timer = threading.Timer(0.1, lambda: context.run(late))  # as LiteLLM logs: after the answer
        timer.start()
        return await answer(turn)

    played = await play(cases(2), agent, settings={"max_turns": 1})
    spans = played.traces[0].data.spans
    names = {span.span_id: span.name for span in spans}

    assert len(played.traces) == 2
    assert {(span.name, names.get(span.parent_id)) for span in spans} == {
        ("my_agent", None),
        ("inside", "my_agent"),
        ("in a thread", "inside"),
        ("second root", "my_agent"),
        ("late", "my_agent"),
    }


async def test_a_span_that_the_caller_has_open_does_not_swallow_a_run():
    """A run that is started inside a traced function has traces of its own, and leaves the function's as it is."""

    async def agent(turn):
        with mlflow.start_span("inside"):
            return await answer(turn)

    with mlflow.start_span("the caller's") as callers:
        played = await play(cases(1), agent)
    mlflow.flush_trace_async_logging()

    assert [span.name for span in mlflow.get_trace(callers.trace_id).data.spans] == ["the caller's"]
    assert [[span.name for span in t.data.spans] for t in played.traces if t.info.trace_id != callers.trace_id] == [
        ["my_agent", "inside"],
        ["my_agent", "inside"],
    ]


async def test_neither_a_later_experiment_nor_an_unrelated_run_claims_our_traces(tmp_path):
    """What becomes current in MLflow while a run plays changes nothing about where its traces lie."""
    other = mlflow.create_experiment(f"another-{tmp_path.name}", artifact_location=tmp_path.as_uri())

    async def meddler(turn):
        if turn.turn == 1:
            mlflow.set_experiment(experiment_id=other)
            mlflow.start_run(run_name="unrelated")
        with mlflow.start_span("inside"):
            return await answer(turn)

    played = await play(cases(1), meddler)
    mlflow.end_run()

    assert [len(t.data.spans) for t in played.traces] == [2, 2]
    assert {t.info.trace_metadata["mlflow.sourceRun"] for t in played.traces} == {played.sink.mlflow_run_id}
    assert played.client.search_traces(locations=[other], flush=True) == []


async def test_a_run_stays_in_its_store_when_the_tracking_uri_changes(tmp_path):
    """A tracking URI that is set in the midst of a turn moves neither the turn's trace nor the next one's."""

    async def mover(turn):
        mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/elsewhere.db")
        with mlflow.start_span("after the change"):
            return await answer(turn)

    played = await play(cases(1), mover)
    elsewhere = mlflow.search_traces(locations=["0"], flush=True, return_type="list")

    assert [len(t.data.spans) for t in played.traces] == [2, 2]
    assert elsewhere == []


async def test_a_session_that_the_agent_sets_is_kept_beside_ours():
    """The agent's own session, and tags, don't displace what a run is found by."""

    async def headstrong(turn):
        with mlflow.start_span("inside"):
            tags = {"mlflow.eval.requestId": "mine", "mood": "good"}
            mlflow.update_current_trace(session_id="theirs", metadata={"convsim.case_id": "no"}, tags=tags)
        return await answer(turn)

    played = await play(cases(1), headstrong, settings={"max_turns": 1})
    info = played.traces[0].info

    assert info.trace_metadata["mlflow.trace.session"] == played.state.conversations[0].session_id
    assert info.trace_metadata["convsim.agent_session"] == "theirs"
    assert info.trace_metadata["convsim.case_id"] == "case-0"
    assert (info.tags["mlflow.eval.requestId"], info.tags["mood"]) == ("case-0#1#1", "good")


async def test_an_agent_that_fails_leaves_its_trace_and_what_it_raised():
    """The trace of a failed turn is an ERROR with the agent's own exception, and the conversation names it."""

    async def failing(turn):
        raise AgentError("the agent failed: ConnectionResetError") from ConnectionResetError("the line went dead")

    played = await play(cases(1), failing)
    trace = played.traces[0]
    event = trace.data.spans[0].events[0]

    assert (trace.info.state, event.name) == ("ERROR", "exception")
    assert event.attributes["exception.type"] == "ConnectionResetError"
    assert played.state.conversations[0].stop == "agent_error"
    assert played.state.conversations[0].trace_ids == (trace.info.trace_id,)


async def test_a_turn_that_is_called_off_leaves_an_ended_trace():
    """Stopping a run ends the trace of the turn it was in as an ERROR that says so."""
    called = asyncio.Event()

    async def hanging(turn):
        called.set()
        await asyncio.Event().wait()

    played = await play(cases(1), hanging, stop=called)
    (trace,) = played.traces

    assert trace.info.state == "ERROR"
    assert trace.data.spans[0].status.description == "AgentError: cancelled before the agent had answered"


async def test_an_agents_own_trace_is_named_beside_ours():
    """A trace id that the agent's reply carries is kept; the turn's is ours."""

    async def remote(turn):
        return AgentReply("Yes.", refs={"trace_id": "tr-elsewhere", "request": 5})

    seen = []

    async def judge(view):
        seen.append(view.messages[-1].trace_id)
        return GoalCheck(reached=True)

    played = await play(cases(1), remote, judge=judge)

    assert seen == [played.traces[0].info.trace_id]


async def test_with_mlflows_tracing_off_the_run_goes_on_without_traces():
    """`mlflow.tracing.disable()` is obeyed: no traces, no trace ids, no failure."""
    mlflow.tracing.disable()
    try:
        played = await play(cases(1))
    finally:
        mlflow.tracing.enable()

    assert (played.traces, played.reasons, played.state.conversations[0].trace_ids) == ([], [], ())
    assert played.client.get_run(played.sink.mlflow_run_id).info.status == "FINISHED"


async def test_traces_of_others_pass_and_nothing_of_ours_stays_behind():
    """A trace that other code makes during a run arrives unchanged, and MLflow is as it was afterwards."""
    from mlflow.tracing.processor.mlflow_v3 import MlflowV3SpanProcessor

    before = MlflowV3SpanProcessor.on_end
    made = []

    def elsewhere():
        with mlflow.start_span("somebody else's") as span:
            made.append(span.trace_id)

    async def agent(turn):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        return await answer(turn)

    played = await play(cases(3), agent)
    mlflow.flush_trace_async_logging()
    others = [t for t in played.traces if t.info.trace_id in made]

    assert (len(made), len(others), len(played.traces)) == (6, 6, 12)
    assert not any("mlflow.trace.session" in t.info.trace_metadata for t in others)
    assert MlflowV3SpanProcessor.on_end is before


@pytest.mark.filterwarnings("ignore::UserWarning:pydantic")  # LiteLLM builds its models when they are first used
async def test_with_autologging_on_only_the_agents_calls_leave_traces():
    """20 conversations on one loop, OpenAI and LiteLLM autologging on: none of ours, one a turn of the agent's."""
    with OpenAIServer(Slow(0.01, Say("Go on."))) as server:
        user_client = openai.AsyncOpenAI(base_url=server.url, api_key="x")
        agent_client = openai.AsyncOpenAI(base_url=server.url, api_key="x")

        async def by_litellm(request):
            said = await litellm.acompletion(
                "openai/m", messages=[vars(m) for m in request.messages], api_base=server.url, api_key="x"
            )
            return ChatReply(said.choices[0].message.content)

        async def by_openai(request):
            said = await user_client.chat.completions.create(model="m", messages=[vars(m) for m in request.messages])
            return ChatReply(said.choices[0].message.content)

        async def agent(turn):
            said = [{"role": m.role, "content": m.content} for m in turn.messages]
            reply = await agent_client.chat.completions.create(model="m", messages=said)
            return AgentReply(reply.choices[0].message.content)

        user_chat, judge_chat = quiet(by_litellm), quiet(by_openai)

        async def user(view):
            return UserMove("say", (await user_chat(request_of("user"))).text + f" {view.turn}")

        async def judge(view):
            return GoalCheck(reached=False, why=(await judge_chat(request_of("judge"))).text)

        mlflow.openai.autolog()
        mlflow.litellm.autolog()
        try:
            played = await play(cases(20), agent, user=user, judge=judge, settings={"concurrency": 20})
        finally:
            mlflow.openai.autolog(disable=True)
            mlflow.litellm.autolog(disable=True)
        await agent_client.close()
        await user_client.close()
    mlflow.flush_trace_async_logging()
    spans = [tuple(span.name for span in t.data.spans) for t in played.traces]

    assert [c.detail for c in played.state.conversations] == [""] * 20
    assert len(server.bodies) == 20 * 2 * 3
    assert spans == [("my_agent", "AsyncCompletions")] * 40
    assert {t.info.trace_metadata["mlflow.trace.session"] for t in played.traces} == {
        c.session_id for c in played.state.conversations
    }


def request_of(text):
    return ChatRequest((ChatMessage("user", text),))


async def test_untraced_is_of_one_task_and_ends_with_it():
    """What runs beside an untraced call is traced all the same, and so is what comes after."""

    async def traced(name):
        with mlflow.start_span(name) as span:
            await asyncio.sleep(0.02)
        return span.trace_id

    async def hidden():
        with untraced():
            return await traced("hidden")

    no, yes = await asyncio.gather(hidden(), traced("beside"))
    after = await traced("after")

    assert (no.startswith("tr-"), yes.startswith("tr-"), after.startswith("tr-")) == (False, True, True)


async def test_a_timeout_is_an_error_of_the_trace_too():
    """A turn that the agent did not answer in time keeps its trace id on the error."""

    async def late(turn):
        raise AgentTimeout("no answer in 3 s")

    played = await play(cases(1), late)

    assert played.state.conversations[0].stop == "agent_timeout"
    assert played.state.conversations[0].trace_ids == (played.traces[0].info.trace_id,)
