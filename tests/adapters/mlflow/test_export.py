"""Traces on their way to the store: none is dropped, none is held up, and others' are left alone."""

import asyncio
import contextvars
import threading
import time
import uuid

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from convsim_nb.adapters.mlflow import bulk, net
from convsim_nb.adapters.mlflow import export as ways
from convsim_nb.adapters.mlflow.export import FlushExport, NetExport, export
from convsim_nb.adapters.mlflow.find import traces_by_session
from convsim_nb.adapters.mlflow.store import pin
from convsim_nb.adapters.mlflow.tracing import TracedAgent
from convsim_nb.engine.ports import AgentReply
from tests.adapters.mlflow.playing import answer, cases, play, turn_of

pytestmark = pytest.mark.usefixtures("ambient")


@pytest.fixture(params=["together", "one by one", "documented"])
def _way(request, monkeypatch, ambient):
    """Every way of exporting; the later ones as with an MLflow that lacks what those before need."""
    if request.param == "one by one":
        monkeypatch.setattr(bulk, "_NEEDED", (*bulk._NEEDED, "a_call_that_is_gone"))
        assert not bulk.takes_many(pin().reach().tracing.store)
    if request.param == "documented":
        monkeypatch.setattr(net, "_NEEDED", (*net._NEEDED, (net._CLIENT, "a_call_that_is_gone")))
        assert isinstance(export(), FlushExport)


@pytest.mark.usefixtures("_way")
async def test_all_ways_write_the_same():
    """Without MLflow's inner parts the documented way gives the same traces, sessions and assessments."""

    async def agent(turn):
        with mlflow.start_span("inside"):
            mlflow.update_current_trace(session_id="theirs")
            return await answer(turn)

    played = await play(cases(3, expectations={"answer": "42"}), agent)
    sessions = traces_by_session(played.sink.destination, played.run_id)

    assert played.reasons == []
    assert {c.session_id: list(c.trace_ids) for c in played.state.conversations} == sessions
    assert [[span.name for span in t.data.spans] for t in played.traces] == [["my_agent", "inside"]] * 6
    assert [[a.name for a in t.info.assessments] for t in played.traces] == [
        ["answer", "convsim/goal_reached", "convsim/verdict"],
        ["convsim/goal_reached"],
    ] * 3
    by_run = played.client.search_traces(
        locations=[played.sink.destination.experiment_id], run_id=played.sink.mlflow_run_id
    )
    assert len(by_run) == 6


async def test_a_batch_with_one_bad_trace_stores_the_others():
    """What the store refuses of many traces at once is written one by one: one bad one costs the rest nothing."""

    async def agent(turn):
        if turn.case.case_id == "case-1":
            mlflow.get_current_active_span().set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3})
        return await answer(turn)

    played = await play(cases(4), agent, settings={"max_turns": 1})

    assert played.reasons == []
    assert [t.info.tags["mlflow.eval.requestId"] for t in played.traces] == [f"case-{n}#1#1" for n in range(4)]


async def test_traces_that_are_there_already_undo_no_others():
    """All or nothing: with one trace of a batch in the store before, the store holds none of the batch's others."""
    to = pin().reach()
    played = await play(cases(3), settings={"max_turns": 1})
    infos = [t.info for t in played.traces]
    for info in infos:
        info.assessments = []
        del info.tags["mlflow.artifactLocation"]  # the store sets it
    for info in infos[1:]:
        info.trace_id = f"tr-{uuid.uuid4().hex}"

    def stored():
        return len(to.client.search_traces(locations=[to.experiment_id], include_spans=False))

    with pytest.raises(MlflowException), bulk.together(to.tracing.store) as writes:
        writes.start_traces(infos)

    assert stored() == 3
    with bulk.together(to.tracing.store) as writes:
        writes.start_traces(infos[1:])
    assert stored() == 5


async def test_no_trace_is_dropped_at_full_speed():
    """600 turns as fast as they go, beyond what MLflow's own queue holds: every one is stored, with its spans."""
    played = await play(cases(120), settings={"max_turns": 5, "concurrency": 60})
    sessions = traces_by_session(played.sink.destination, played.run_id)

    assert played.reasons == []
    assert sum(map(len, sessions.values())) == 600
    assert {c.session_id: list(c.trace_ids) for c in played.state.conversations} == sessions
    some = played.client.search_traces(locations=[played.sink.destination.experiment_id], max_results=100)
    assert {len(t.data.spans) for t in some} == {1}


async def test_agents_do_not_wait_for_ever_for_a_store_that_takes_nothing(monkeypatch):
    """When memory is at stake agents wait for the store; one that takes nothing meanwhile is given up, and said."""
    monkeypatch.setattr(ways, "CROWDED", 2)
    monkeypatch.setattr(ways, "STALLED_SECONDS", 0.2)
    way, said = NetExport(), []

    def given_up(reason):
        said.append(reason)
        way.off = True

    way.on_stall = given_up
    agent = TracedAgent(answer, export=way, name="a", run_id="r")
    replies = [await agent(turn_of(cases(1)[0], session_id=f"sim-{n}")) for n in range(4)]
    way.close()

    assert [reply.content for reply in replies] == ["Answer 1."] * 4
    assert said == ["the store has taken no trace for 0 s"]


async def test_a_store_that_is_slow_holds_no_turn_up():
    """Turns go on while nothing at all is written; what waits is written when it can be."""
    way = NetExport()
    agent = TracedAgent(answer, export=way, name="a", run_id="r")
    await way.warm()
    start = time.monotonic()
    await asyncio.gather(*(agent(turn_of(cases(1)[0], session_id=f"sim-{n}")) for n in range(400)))
    took = time.monotonic() - start
    to, stored = pin().reach(), set()
    while written := way.write(to, run_id="0" * 32, findings={}, everything=True):
        stored |= written
    way.close()

    assert took < 5
    assert len(stored) == 400
    assert len(to.client.search_traces(locations=[to.experiment_id], max_results=500, include_spans=False)) == 400


async def test_a_span_that_ends_after_its_trace_was_written_is_added():
    """What an agent left behind still does appears in its trace when it ends."""
    goes_on = threading.Event()

    def long_work():
        with mlflow.start_span("long work"):
            goes_on.wait(20)

    async def agent(turn):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(long_work,))
        thread.start()
        return AgentReply("I am on it.", raw=thread)

    way, to = NetExport(), pin().reach()
    reply = await TracedAgent(agent, export=way, name="a", run_id="r")(turn_of(cases(1)[0]))
    (trace_id,) = way.write(to, run_id="0" * 32, findings={}, everything=True)
    before = {span.name: span.end_time_ns for span in to.client.get_trace(trace_id).data.spans}
    goes_on.set()
    reply.raw.join()
    way.write(to, run_id="0" * 32, findings={}, everything=True)
    way.close()
    after = {span.name: span.end_time_ns for span in to.client.get_trace(trace_id).data.spans}

    assert (set(before), before["long work"]) == ({"a", "long work"}, None)
    assert after["long work"] > after["a"]


@pytest.mark.filterwarnings("ignore:The filesystem tracking backend:FutureWarning")
async def test_a_file_store_keeps_spans_as_artifacts(tmp_path, monkeypatch):
    """Where a store takes no spans, a trace is whole all the same."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    where = pin("in files", tracking_uri=(tmp_path / "mlruns").as_uri())

    async def agent(turn):
        with mlflow.start_span("inside"):
            return await answer(turn)

    played = await play(cases(2), agent, where=where)

    assert played.reasons == []
    assert [[span.name for span in t.data.spans] for t in played.traces] == [["my_agent", "inside"]] * 4


async def test_spans_that_the_store_refuses_cost_nobody_elses():
    """One trace with a token count that MLflow cannot add up stays whole, and so do the others of its batch."""

    async def agent(turn):
        with mlflow.start_span("model", span_type="CHAT_MODEL") as span:
            if turn.case.case_id == "case-1":
                span.set_attribute("mlflow.chat.tokenUsage", {"input_tokens": 3, "total_tokens": None})
            return await answer(turn)

    played = await play(cases(3), agent)

    assert played.reasons == []
    assert [[span.name for span in t.data.spans] for t in played.traces] == [["my_agent", "model"]] * 6
    others = [t for t in played.traces if t.info.trace_metadata["convsim.case_id"] != "case-1"]
    assert {t.info.tags.get("mlflow.trace.spansLocation") for t in others} == {"TRACKING_STORE"}


async def test_a_prompt_that_the_agent_loads_is_linked_to_its_trace():
    """Prompt versions that are loaded in a turn stand in its trace, as with MLflow's own exporter."""
    prompt = mlflow.genai.register_prompt(name=f"greeting-{time.time_ns()}", template="Hello {{ name }}")

    async def agent(turn):
        await asyncio.to_thread(mlflow.genai.load_prompt, f"prompts:/{prompt.name}/1")
        return await answer(turn)

    played = await play(cases(1), agent, settings={"max_turns": 1})

    assert prompt.name in played.traces[0].info.tags["mlflow.linkedPrompts"]
