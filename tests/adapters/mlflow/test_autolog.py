"""With every autologging on: nothing of ours in MLflow, all of theirs, and each where it belongs."""

import asyncio
import json
import threading
import time
from collections import Counter

import litellm
import mlflow
import openai
import pytest

import convsim_nb as cs
from convsim_nb.mlflow import ConversationSimulator, generate_test_cases
from convsim_nb.workflow import background
from tests.drop_in.users import Counting
from tests.servers import OpenAIServer, Say, Slow

pytestmark = [
    pytest.mark.usefixtures("ambient", "autologging"),
    pytest.mark.filterwarnings("ignore::UserWarning:pydantic"),  # LiteLLM builds its models when they are first used
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # LiteLLM leaves its clients open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(20)]
MODELS = [("openai:/small", "openai:/small"), ("hosted_vllm:/small", "hosted_vllm:/small")]
"""By our lean client, and by LiteLLM."""
USED = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@pytest.fixture
def autologging():
    mlflow.openai.autolog()
    mlflow.litellm.autolog()
    yield
    mlflow.openai.autolog(disable=True)
    mlflow.litellm.autolog(disable=True)


@pytest.fixture
def server(monkeypatch):
    with OpenAIServer(by=said) as server:
        for name in ("OPENAI_API_KEY", "HOSTED_VLLM_API_KEY"):
            monkeypatch.setenv(name, "any")
        for name in ("OPENAI_API_BASE", "HOSTED_VLLM_API_BASE"):
            monkeypatch.setenv(name, server.url)
        yield server


@pytest.fixture
def clients():
    """Makes clients of the OpenAI package, and closes them."""
    made = []

    def make(server):
        made.append(openai.OpenAI(base_url=server.url, api_key="x", max_retries=0))
        return made[-1]

    yield make
    for client in made:
        client.close()


def said(body):
    """User, judge, distiller or agent: by what it is asked."""
    text = json.dumps([message["content"] for message in body["messages"]])
    if "judge_after_turn" in text:
        answer = {"reached": False, "why": "not yet"}
    elif "You play a person" in text:
        answer = {"action": "say", "text": f"Question {len(body['messages'])}?"}
    elif '\\"messages\\"' in text:
        answer = {"goal": {"text": "Know more", "message": 0, "quote": "Question"}}
    else:
        return Slow(0.01, Say("Go on.", usage=USED))
    return Slow(0.01, Say(json.dumps(answer), usage=USED))


def play(agent, models=MODELS[0], cases=CASES, turns=2):
    user, judge = models
    quiet = {"journal": False, "progress": False}
    run = cs.simulate(cases, agent, user_model=user, judge_model=judge, max_turns=turns, **quiet).wait(120)
    mlflow.flush_trace_async_logging()
    time.sleep(0.5)  # LiteLLM logs from a queue
    mlflow.flush_trace_async_logging()
    assert run.problems == ()
    return run


def stored():
    experiment = mlflow.tracking.fluent._active_experiment_id
    return mlflow.MlflowClient().search_traces(locations=[experiment], max_results=500)


def by_session(traces):
    return Counter(trace.info.trace_metadata.get("mlflow.trace.session") for trace in traces)


@pytest.mark.parametrize("models", MODELS)
def test_user_and_judge_leave_no_trace_and_the_agent_one_a_turn(server, models):
    """20 conversations of 2 turns: 40 traces, each of the agent's own call in its own session; none of ours."""
    client = openai.AsyncOpenAI(base_url=server.url, api_key="x", max_retries=0)

    async def agent(messages):
        reply = await client.chat.completions.create(model="agent", messages=messages)
        return reply.choices[0].message.content

    run = play(agent, models)
    background.submit(client.close()).result()
    found = stored()
    calls = Counter(body["model"] for body in server.bodies)

    assert (len(found), calls["agent"], calls["small"]) == (40, 40, 80)
    assert by_session(found) == {c.session_id: 2 for c in run.conversations}
    assert {tuple(span.name for span in trace.data.spans) for trace in found} == {("agent", "AsyncCompletions")}


def test_the_agents_litellm_calls_stay_in_its_turns(server):
    """LiteLLM's autologging opens its span from a queue: it still stands in the turn's trace, and nowhere else."""

    async def agent(messages):
        reply = await litellm.acompletion("openai/agent", messages=messages, api_base=server.url, api_key="x")
        return reply.choices[0].message.content

    run = play(agent, MODELS[1])
    found = stored()

    assert by_session(found) == {c.session_id: 2 for c in run.conversations}
    assert all("litellm-acompletion" in {span.name for span in trace.data.spans} for trace in found)


def test_an_agent_with_several_root_spans_keeps_one_trace(server, clients):
    """What would be several traces a turn is one, with all of its spans."""
    client = clients(server)

    def agent(messages):
        with mlflow.start_span("look up"):
            pass
        first = client.chat.completions.create(model="agent", messages=messages)
        client.chat.completions.create(model="agent", messages=messages)
        return first.choices[0].message.content

    run = play(agent, cases=CASES[:5])
    found = stored()

    assert by_session(found) == {c.session_id: 2 for c in run.conversations}
    assert {tuple(s.name for s in t.data.spans) for t in found} == {("agent", "look up", "Completions", "Completions")}


@pytest.mark.usefixtures("server")
def test_an_agent_that_traces_nothing_gets_its_true_time():
    """A turn's trace lasts as long as the agent took, plain or async."""

    def plain(messages):
        time.sleep(0.1)
        return "Yes."

    async def waiting(messages):
        await asyncio.sleep(0.1)
        return "Yes."

    play(plain, cases=CASES[:3])
    play(waiting, cases=CASES[:3])
    took = [trace.info.execution_duration for trace in stored()]

    assert len(took) == 12
    assert all(100 <= each < 1000 for each in took)


def test_the_distiller_leaves_no_trace(server):
    """Sessions that are distilled meanwhile, by either client, add nothing."""
    session = [{"role": "user", "content": "Question 1?"}, {"role": "assistant", "content": "Answer."}]
    for model in ("openai:/small", "hosted_vllm:/small"):
        found = cs.distill([session] * 5, model=model, split=False, journal=False, progress=False)
        assert [case.goal for case in found] == ["Know more"] * 5, found.problems
    time.sleep(0.5)
    mlflow.flush_trace_async_logging()

    assert stored() == []
    assert len(server.bodies) >= 10


def test_the_drop_in_leaves_no_trace_either(server):
    """Neither its user and judge nor a user of MLflow's own that asks a model, nor its distiller: only turns."""

    class Asking(Counting):
        def generate_message(self, context):
            return self.invoke_llm(f"You play a person. Say message {context.turn}.")

    cases = [{"goal": f"Goal {n}"} for n in range(10)]
    for own in (None, Asking):
        simulator = ConversationSimulator(cases, 2, "hosted_vllm:/small", own)
        traces = simulator.simulate(lambda messages: "Go on.")
    assert generate_test_cases(traces[:2], model="hosted_vllm:/small")
    time.sleep(0.5)
    mlflow.flush_trace_async_logging()

    assert set(by_session(stored()).values()) == {2}
    assert len(stored()) == 40


def test_traces_of_other_code_are_neither_lost_nor_changed(server, clients):
    """What other threads trace while a run plays arrives as it was made: their calls, their sessions, their tags."""
    made, goes_on = [], threading.Event()
    client = clients(server)

    def elsewhere():
        while not goes_on.is_set():
            with mlflow.start_span("theirs") as span:
                client.chat.completions.create(model="other", messages=[{"role": "user", "content": "Hi"}])
                mlflow.update_current_trace(session_id="s-theirs", tags={"whose": "theirs"})
            made.append(span.trace_id)
            goes_on.wait(0.02)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    try:
        run = play(lambda messages: "Go on.")
    finally:
        goes_on.set()
        thread.join()
    mlflow.flush_trace_async_logging()
    found = stored()
    theirs = [trace for trace in found if trace.info.trace_id in made]

    assert len(theirs) == len(made) > 3
    assert {tuple(span.name for span in trace.data.spans) for trace in theirs} == {("theirs", "Completions")}
    assert {trace.info.trace_metadata["mlflow.trace.session"] for trace in theirs} == {"s-theirs"}
    assert {trace.info.tags["whose"] for trace in theirs} == {"theirs"}
    assert not any("convsim.run_id" in trace.info.trace_metadata for trace in theirs)
    assert len(found) - len(theirs) == sum(len(c.trace_ids) for c in run.conversations) == 40
