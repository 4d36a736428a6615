"""Sessions out of what MLflow's own integrations record: autologging of clients, and its agent classes."""

import json
import warnings
from typing import ClassVar

import mlflow
import pytest

from tests.recorded import found, record, recording, said
from tests.servers import Events, OpenAIServer, Say, Status

with warnings.catch_warnings(action="ignore"):  # of its own type hints
    from mlflow.pyfunc import ChatAgent, ResponsesAgent
    from mlflow.types.agent import ChatAgentMessage, ChatAgentResponse
    from mlflow.types.responses import ResponsesAgentRequest, ResponsesAgentResponse, ResponsesAgentStreamEvent

SYSTEM = {"role": "system", "content": "You are a support agent."}
CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"order": "12"}'}}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
TOLD = [
    ("user", "hi"),
    ("assistant", "You said: hi"),
    ("user", "Where is my order 12?"),
    ("assistant", "It comes on Friday."),
    ("user", "hi"),
    ("assistant", "You said: hi"),
]
USERS = [text for role, text in TOLD if role == "user"]


@pytest.fixture(scope="module", autouse=True)
def _store(tmp_path_factory):
    with recording(tmp_path_factory.mktemp("store")):
        yield


@pytest.fixture(scope="module")
def server():
    with OpenAIServer(by=answered) as server:
        yield server


@pytest.fixture
def openai_client(server):
    import openai

    mlflow.openai.autolog(silent=True)
    with openai.OpenAI(base_url=server.url, api_key="none") as client:
        yield client
    mlflow.openai.autolog(disable=True, silent=True)


def answered(body):
    """Orders are looked up with a tool; anything else is repeated."""
    if "input" in body:
        return Status(200, said=response(body["input"]))
    last = body["messages"][-1]
    if last["role"] == "tool":
        return Say("It comes on Friday.", usage=USAGE)
    if "order" in last["content"]:
        return Say(None, finish="tool_calls", tool_calls=(CALL,), usage=USAGE)
    return streamed(last["content"]) if body.get("stream") else Say(f"You said: {last['content']}", usage=USAGE)


def streamed(text):
    """A stream with the ids that MLflow needs to put it together again."""
    head = {"id": "s1", "object": "chat.completion.chunk", "created": 1, "model": "scripted"}
    deltas = [{"role": "assistant", "content": "You "}, {"content": f"said: {text}"}]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return Events((*chunks, {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))


def response(given):
    last = given[-1] if isinstance(given, list) else {"role": "user", "content": given}
    item = {"type": "message", "id": "m1", "status": "completed", "role": "assistant"}
    if last.get("type") == "function_call_output":
        item["content"] = [{"type": "output_text", "text": "It comes on Friday.", "annotations": []}]
    elif "order" in last["content"]:
        item = {"type": "function_call", "id": "f1", "call_id": "c1", **CALL["function"], "status": "completed"}
    else:
        item["content"] = [{"type": "output_text", "text": f"You said: {last['content']}", "annotations": []}]
    head = {"id": "r1", "object": "response", "created_at": 0, "model": "scripted", "status": "completed"}
    return {**head, "output": [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def looked_up(messages, reply):
    """The history after the agent's request for a tool, with the tool's answer."""
    asked = {"role": "assistant", "content": None, "tool_calls": [call.model_dump() for call in reply.tool_calls]}
    return [*messages, asked, {"role": "tool", "tool_call_id": "c1", "content": json.dumps({"eta": "Friday"})}]


def the_call(session):
    """The one call of the session, which stands on the answer that it led to."""
    counted = [len(message.tool_calls) for message in session.messages]
    assert counted == [0, 0, 0, 1, 0, 0]
    return session.messages[3].tool_calls[0]


def chat(complete):
    """A conversation with an application that keeps the history and runs the tool itself, `complete` being a model."""
    messages = [SYSTEM]
    for text in USERS:
        messages.append({"role": "user", "content": text})
        reply = complete(messages)
        if reply.tool_calls:
            messages = looked_up(messages, reply)
            reply = complete(messages)
        messages = [*messages, {"role": "assistant", "content": reply.content}]


def test_openai_chat_completions_without_a_root(openai_client):
    """Every call of the model is a trace: the two calls of a tool loop are one turn."""
    with mlflow.tracing.context(session_id="openai-chat"):
        chat(lambda m: openai_client.chat.completions.create(model="scripted", messages=m).choices[0].message)
    session = found("openai-chat")

    assert said(session) == TOLD
    assert len(session.trace_ids) == 4
    assert (the_call(session).arguments, the_call(session).result) == ({"order": "12"}, {"eta": "Friday"})
    assert session.messages[3].wire[0]["tool_calls"][0]["function"]["name"] == "look_up"


def test_a_lone_turn_with_a_tool(openai_client):
    """No later turn repeats it, yet its two calls of the model are one turn."""
    messages = [{"role": "user", "content": "Where is my order 12?"}]
    with mlflow.tracing.context(session_id="openai-lone"):
        reply = openai_client.chat.completions.create(model="scripted", messages=messages).choices[0].message
        openai_client.chat.completions.create(model="scripted", messages=looked_up(messages, reply))
    session = found("openai-lone")

    assert said(session) == TOLD[2:4]
    assert [call.result for call in session.messages[1].tool_calls] == [{"eta": "Friday"}]


def test_openai_calls_under_a_function(openai_client):
    """The function's own words count; the call is found in what the model asked and heard below it."""

    @mlflow.trace(span_type="TOOL")
    def look_up(order):
        return {"eta": "Friday"}

    @mlflow.trace
    def agent(message):
        messages = [SYSTEM, {"role": "user", "content": message}]
        reply = openai_client.chat.completions.create(model="scripted", messages=messages).choices[0].message
        if reply.tool_calls:
            look_up("12")
            messages = looked_up(messages, reply)
            reply = openai_client.chat.completions.create(model="scripted", messages=messages).choices[0].message
        return reply.content

    record("openai-below", agent, *({"message": text} for text in USERS))
    session = found("openai-below")

    assert said(session) == TOLD
    assert the_call(session).id == "c1"
    assert the_call(session).seconds is not None


def test_openai_streams(openai_client):
    """A streamed answer is put together by the autologger, and read like any other."""
    with mlflow.tracing.context(session_id="openai-stream"):
        messages = [{"role": "user", "content": "hi"}]
        assert list(openai_client.chat.completions.create(model="scripted", messages=messages, stream=True))

    assert said(found("openai-stream")) == TOLD[:2]


def test_openai_responses(openai_client):
    """Items instead of messages: instructions stay out, the function call and its output are one call."""
    items = []
    with mlflow.tracing.context(session_id="openai-responses"):
        for text in USERS:
            items.append({"role": "user", "content": text})
            output = create(openai_client, items)
            if output[0]["type"] == "function_call":
                items += [*output, {"type": "function_call_output", "call_id": "c1", "output": '{"eta": "Friday"}'}]
                output = create(openai_client, items)
            items += output
    session = found("openai-responses")

    assert said(session) == TOLD
    assert (the_call(session).name, the_call(session).result) == ("look_up", {"eta": "Friday"})


def create(client, items, **more):
    answer = client.responses.create(model="scripted", input=items, instructions="Be short.", **more)
    return [item.model_dump(exclude_none=True) for item in answer.output]


def test_openai_responses_whose_history_the_server_keeps(openai_client):
    """With `previous_response_id` a trace holds the newest text alone, or nothing but a tool's output."""
    with mlflow.tracing.context(session_id="openai-kept"):
        for text in USERS:
            output = create(openai_client, text, previous_response_id="r0")
            if output[0]["type"] == "function_call":
                answer = {"type": "function_call_output", "call_id": "c1", "output": '{"eta": "Friday"}'}
                create(openai_client, [answer], previous_response_id="r1")
    session = found("openai-kept")

    assert said(session) == TOLD
    assert (the_call(session).name, the_call(session).result) == ("look_up", {"eta": "Friday"})


@pytest.fixture(scope="module")
def litellm():
    """LiteLLM, traced; once for all tests, for it starts its MLflow logger only once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
        with warnings.catch_warnings(action="ignore"):
            import litellm
            from litellm.integrations.mlflow import MlflowLogger
            from litellm.litellm_core_utils import litellm_logging
        # One that an earlier module made is kept by LiteLLM, and writes into that module's store.
        loggers = [each for each in litellm_logging._in_memory_loggers if not isinstance(each, MlflowLogger)]
        patch.setattr(litellm_logging, "_in_memory_loggers", loggers)
        for name in ("callbacks", "input_callback", "success_callback", "failure_callback"):
            patch.setattr(litellm, name, [])
            patch.setattr(litellm, f"_async_{name}", [], raising=False)
        mlflow.litellm.autolog(silent=True)
        yield litellm
        mlflow.litellm.autolog(disable=True, silent=True)


# LiteLLM builds its pydantic models at the first call; this pydantic warns of a type in them.
OF_LITELLM = pytest.mark.filterwarnings("ignore:.*ReadOnly. qualifier:UserWarning")


@OF_LITELLM
def test_litellm(litellm, server):
    """LiteLLM's own logger writes the traces."""

    def complete(messages):
        answer = litellm.completion(model="openai/scripted", messages=messages, api_base=server.url, api_key="none")
        return answer.choices[0].message

    with mlflow.tracing.context(session_id="litellm"):
        chat(complete)
    session = found("litellm")

    assert said(session) == TOLD
    assert the_call(session).result == {"eta": "Friday"}


@OF_LITELLM
def test_litellm_over_a_traced_client(litellm, openai_client, server):
    """With both autologgers on, one call makes two traces: it was one turn all the same."""
    # Another key, another client inside LiteLLM: one that was made before the autologger came is not traced.
    call = {"model": "openai/scripted", "api_base": server.url, "api_key": "another"}
    with mlflow.tracing.context(session_id="litellm-twice"):
        litellm.completion(messages=[{"role": "user", "content": "hi"}], **call)
    session = found("litellm-twice")

    assert len(session.trace_ids) == 2
    assert said(session) == TOLD[:2]


class Support(ResponsesAgent):
    """Answers as MLflow's agents do, in items."""

    def predict(self, request: ResponsesAgentRequest) -> ResponsesAgentResponse:
        return ResponsesAgentResponse(output=self.items(request))

    def predict_stream(self, request):
        for item in self.items(request):
            yield ResponsesAgentStreamEvent(type="response.output_item.done", item=item)

    def items(self, request):
        text = request.input[-1].content
        if "order" not in text:
            return [self.create_text_output_item(f"You said: {text}", "m1")]
        return [
            self.create_function_call_item("f1", "c1", "look_up", '{"order": "12"}'),
            self.create_function_call_output_item("c1", '{"eta": "Friday"}'),
            self.create_text_output_item("It comes on Friday.", "m2"),
        ]


@pytest.mark.parametrize("stream", [False, True])
def test_a_responses_agent(stream):
    """MLflow traces `predict` and `predict_stream` by itself, with the request as one argument."""
    agent = Support()
    items = []
    with mlflow.tracing.context(session_id=f"responses-agent-{stream}"):
        for text in USERS:
            items.append({"role": "user", "content": text})
            request = ResponsesAgentRequest(input=items)
            answer = [e.item for e in agent.predict_stream(request)] if stream else agent.predict(request).output
            items += [item if isinstance(item, dict) else item.model_dump(exclude_none=True) for item in answer]
    session = found(f"responses-agent-{stream}")

    assert said(session) == TOLD
    assert (the_call(session).arguments, the_call(session).result) == ({"order": "12"}, {"eta": "Friday"})


class Helper(ChatAgent):
    """Answers with a list of messages, its tool's among them."""

    listed: ClassVar = {
        "role": "assistant",
        "id": "2",
        "content": "",
        "tool_calls": [CALL],
    }

    @mlflow.trace(span_type="AGENT")
    def predict(self, messages, context=None, custom_inputs=None) -> ChatAgentResponse:  # noqa: ARG002 - MLflow's own
        text = messages[-1].content
        if "order" not in text:
            return ChatAgentResponse(messages=[{"role": "assistant", "id": "1", "content": f"You said: {text}"}])
        tool = {"role": "tool", "id": "3", "name": "look_up", "tool_call_id": "c1", "content": '{"eta": "Friday"}'}
        final = {"role": "assistant", "id": "4", "content": "It comes on Friday."}
        return ChatAgentResponse(messages=[self.listed, tool, final])


def test_a_chat_agent():
    """The older agent class: messages in, messages out, those of the tool included."""
    agent = Helper()
    messages = []
    with mlflow.tracing.context(session_id="chat-agent"):
        for text in USERS:
            messages.append(ChatAgentMessage(role="user", content=text))
            messages += agent.predict(messages).messages
    session = found("chat-agent")

    assert said(session) == TOLD
    assert the_call(session).result == {"eta": "Friday"}


# --- LangChain, which is not installed here: spans in the shape that its autologger writes -------------


def lc(kind, content, **more):
    """A LangChain message as the autologger stores it: the message object's own fields."""
    return {"type": kind, "content": content, "additional_kwargs": {}, "response_metadata": {}, "name": None, **more}


LC_CALL = {"name": "look_up", "args": {"order": "12"}, "id": "c1", "type": "tool_call"}
LC_TOOL = lc("tool", '{"eta": "Friday"}', tool_call_id="c1", status="success")


def graph(state, text):
    """One turn of a graph with a checkpointer: the newest message in, the whole state out."""
    with mlflow.start_span("LangGraph", span_type="CHAIN") as root:
        mlflow.update_current_trace(metadata={"mlflow.trace.session": "langgraph"})
        root.set_inputs({"messages": [lc("human", text)]})
        state.append(lc("human", text, id=f"h{len(state)}"))
        said_ = f"You said: {text}"
        if "order" in text:
            said_ = "It comes on Friday."
            state.append(lc("ai", "", tool_calls=[LC_CALL]))
            with (
                mlflow.start_span("agent", span_type="CHAIN"),
                mlflow.start_span("ChatOpenAI", span_type="CHAT_MODEL") as s,
            ):
                s.set_inputs({"messages": [{"role": "user", "content": text}]})
                s.set_outputs({"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": [CALL]}}]})
            with mlflow.start_span("tools", span_type="CHAIN"), mlflow.start_span("look_up", span_type="TOOL") as s:
                s.set_inputs({"order": "12"})
                s.set_outputs(LC_TOOL)
            state.append(LC_TOOL)
        state.append(lc("ai", said_, tool_calls=[], usage_metadata={"input_tokens": 1}))
        root.set_outputs({"messages": list(state)})


def test_a_langgraph_with_a_checkpointer():
    """The output repeats the whole conversation, turn after turn."""
    state = []
    for text in USERS:
        graph(state, text)
    session = found("langgraph")

    assert said(session) == TOLD
    call = the_call(session)
    assert (call.id, call.name, call.arguments, call.result, call.error) == (
        "c1",
        "look_up",
        {"order": "12"},
        {"eta": "Friday"},
        None,
    )
    assert call.seconds is not None


def test_a_langchain_chain_with_history():
    """A chain that is given the question and its history, and gives back a message."""
    history = []

    def chain(text):
        with mlflow.start_span("RunnableWithMessageHistory", span_type="CHAIN") as root:
            root.set_inputs({"input": text, "chat_history": list(history)})
            with mlflow.start_span("ChatOpenAI", span_type="CHAT_MODEL") as model:
                model.set_inputs({"messages": [SYSTEM, {"role": "user", "content": f"Context: ...\n{text}"}]})
                model.set_outputs({"choices": [{"message": {"role": "assistant", "content": f"You said: {text}"}}]})
            root.set_outputs(lc("ai", f"You said: {text}"))
        history.extend([lc("human", text), lc("ai", f"You said: {text}")])

    record("langchain", chain, {"text": "hi"}, {"text": "ok"}, {"text": "ok"})

    assert said(found("langchain")) == [
        line for u in ("hi", "ok", "ok") for line in (("user", u), ("assistant", f"You said: {u}"))
    ]
