"""Talking to an agent by hand, without a notebook."""

import asyncio
import threading
import time
import warnings

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import AgentError, AgentTypeError, UsageError

with warnings.catch_warnings(action="ignore"):  # MLflow warns of its own type hints, and swallows what that raises
    import mlflow.pyfunc.context


def echo(messages):
    yield "You said "
    yield messages[-1]["content"]


def begun(agent, **options):
    return cs.chat(agent, **{"mlflow": False, **options})


def test_what_is_said_is_answered_and_kept():
    """Each message once, the person's own marked as such; the agent hears the whole talk."""
    given = []

    def agent(messages, city):
        given.append(messages)
        return f"{len(messages)} in {city}"

    talk = begun(agent, context={"city": "Rome"})

    assert [talk.say("hello"), talk.say("again")] == ["1 in Rome", "3 in Rome"]
    assert [(m.role, m.source, m.content) for m in talk.messages] == [
        ("user", "operator", "hello"),
        ("assistant", "agent", "1 in Rome"),
        ("user", "operator", "again"),
        ("assistant", "agent", "3 in Rome"),
    ]
    assert given[1][:2] == [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "1 in Rome"}]
    assert str(talk).splitlines()[1:] == ["you: hello", "agent: 1 in Rome", "you: again", "agent: 3 in Rome"]


def test_a_talk_becomes_a_session_and_a_test_case():
    """All that was said, or the first messages as a history and the rest as a script; the case can be played."""
    talk = begun(echo, agent_name="v1")
    for text in ("hello", "again", "bye"):
        talk.say(text)
    session = talk.to_session()
    case = talk.to_case(goal="Say goodbye", persona="You are brief")
    later = talk.to_case(goal="Say goodbye", history=2)

    assert (session.id, session.messages, session.metadata) == (talk.session_id, talk.messages, {"agent": "v1"})
    assert (case.script, case.history, case.persona) == (("hello", "again", "bye"), (), "You are brief")
    assert (later.script, later.history) == (("again", "bye"), talk.messages[:2])
    assert case.source.session_id == talk.session_id
    run = cs.simulate(
        [later],
        echo,
        user=None,
        user_model="demo:/rules",
        script_then="end",
        mlflow=False,
        journal=False,
        progress=False,
    )
    said = [m.content for m in run.wait().conversations[0].messages]
    assert said == ["hello", "You said hello", "again", "You said again", "bye", "You said bye"]


def test_a_turn_is_a_trace_of_the_talks_session(tmp_path):
    """`search_sessions` finds the talk as any recorded session, and a tool that the agent traced with it."""

    @mlflow.trace(span_type="TOOL")
    def look_up(order):
        return {"state": "sent"}

    def agent(messages):
        look_up(7)
        return "It was sent."

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlflow.db")
    try:
        talk = cs.chat(agent, experiment="0")
        talk.say("Where is it?")
        talk.say("And now?")
        talk.close()
        (found,) = cs.search_sessions(experiment="0")
        traces = mlflow.search_traces(locations=["0"], return_type="list")
    finally:
        mlflow.set_tracking_uri(before)

    assert talk.problem == ""
    assert (found.id, found.simulated) == (talk.session_id, False)
    assert [m.content for m in found.messages] == ["Where is it?", "It was sent.", "And now?", "It was sent."]
    assert found.messages[1].tool_calls[0].result == {"state": "sent"}
    assert talk.to_session().trace_ids == tuple(t.info.trace_id for t in reversed(traces))
    assert {t.info.trace_metadata["convsim.said_by"] for t in traces} == {"operator"}
    assert [span.name for span in traces[0].data.spans] == ["agent", "look_up"]


def test_a_store_that_fails_costs_the_traces_and_not_the_talk(tmp_path):
    """The talk goes on, and says once what is wrong."""
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri("http://127.0.0.1:1")
    try:
        talk = cs.chat(echo)
        assert [talk.say("hello"), talk.say("again")] == ["You said hello", "You said again"]
    finally:
        mlflow.set_tracking_uri(before)
    assert "not traced: the tracking store http://127.0.0.1:1 failed" in str(talk)


def test_a_failure_takes_back_what_was_said():
    """So that it can be said again; the next one is answered."""
    faults = iter([ValueError("no such order"), None])

    def agent(messages):
        if error := next(faults):
            raise error
        return f"{len(messages)} heard"

    talk = begun(agent)
    with pytest.raises(AgentError, match="ValueError: no such order"):
        talk.say("hello")

    assert (talk.messages, talk.problem) == ((), "ValueError: no such order")
    assert (talk.say("hello"), talk.problem) == ("1 heard", "")


def test_stop_keeps_what_was_streamed_and_takes_back_the_rest():
    """Whoever waits goes on at once."""
    started = threading.Event()

    async def agent(messages):
        if messages[-1]["content"] == "stream":
            yield "I was just about to"
        started.set()
        await asyncio.sleep(20)

    talk = begun(agent)
    for text, left in (("wait", ""), ("stream", "I was just about to")):
        started.clear()
        timer = threading.Thread(target=lambda: (started.wait(10), talk.stop()))
        timer.start()
        began = time.monotonic()
        assert talk.say(text) == left
        assert time.monotonic() - began < 5
        timer.join()

    assert [m.content for m in talk.messages] == ["stream", "I was just about to"]


def test_what_cannot_be_said_is_refused():
    """Nothing at all, and a second thing before the first is answered."""
    go = threading.Event()
    talk = begun(lambda messages: go.wait(10) and "done")
    with pytest.raises(UsageError, match="there is nothing to say"):
        talk.say("  ")
    with pytest.raises(UsageError, match="None cannot be said: give some text"):
        talk.say(None)
    with pytest.raises(UsageError, match="nothing was said yet"):
        talk.to_session()
    turn = talk.begin("hello")
    with pytest.raises(UsageError, match="is still answering"):
        talk.say("and?")
    go.set()

    assert turn.result(10) == "done"
    with pytest.raises(UsageError, match="history=5: the talk has 2 messages"):
        talk.to_case(goal="g", history=5)
    with pytest.raises(AgentTypeError, match="takes no 'city'"):
        cs.chat(echo, context={"city": "Rome"})
