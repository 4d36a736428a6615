"""Listing sessions: page by page, without spans, and read whole where one is opened."""

import mlflow
import pytest
from inline_snapshot import snapshot

import convsim_nb as cs
from convsim_nb.domain.errors import NotFoundError, UsageError
from tests.recorded import EXPERIMENT, record, recording


@pytest.fixture(scope="module", autouse=True)
def _store(tmp_path_factory):
    with recording(tmp_path_factory.mktemp("store")):
        for number in range(6):
            record(f"s{number}", agent, {"message": f"question {number}"})
        record("s1", agent, {"message": "again"})
        record("sim-1", agent, {"message": "simulated"})
        with pytest.raises(ValueError, match="broken"):
            record("s2", agent, {"message": "break"})
        judged = mlflow.search_traces(return_type="list", filter_string="metadata.`mlflow.trace.session` = 's3'")
        mlflow.log_feedback(trace_id=judged[0].info.trace_id, name="helpful", value=False)
        mlflow.log_feedback(trace_id=judged[0].info.trace_id, name="polite", value=0.9)
        yield


@mlflow.trace(name="agent")
def agent(message):
    if message == "break":
        raise ValueError("broken")
    return f"You said: {message}"


def listed(sessions=100, **options):
    return cs.list_sessions(experiment=EXPERIMENT, sessions=sessions, **options)


def test_a_page_is_as_long_as_asked_for_and_the_next_goes_on():
    """Pages come newest first, one after the other; the list says whether there is more, and what it left out."""
    some = listed(2)

    assert [each.id for each in some] == ["s2", "s1"]
    assert (
        repr(some).splitlines()[0]
        == f"2 sessions in {EXPERIMENT} so far: more() lists further back, 1 simulated left out"
    )
    assert [each.id for each in some.more(2)] == ["s2", "s1", "s5", "s4"]
    assert not some.complete
    assert [each.id for each in some.more()] == ["s2", "s1", "s5", "s4", "s3", "s0"]
    assert some.complete
    assert repr(some).splitlines()[0] == f"6 sessions in {EXPERIMENT}, 1 simulated left out"


def test_what_a_list_says_of_a_session():
    """Turns, the first question, the last answer, errors, and assessments that say no: without reading a span."""
    found = {each.id: each for each in listed()}

    assert {name: (s.traces, s.errors, s.bad) for name, s in found.items()} == snapshot(
        {
            "s2": (2, 1, ()),
            "s1": (2, 0, ()),
            "s5": (1, 0, ()),
            "s4": (1, 0, ()),
            "s3": (1, 0, ("helpful=False",)),
            "s0": (1, 0, ()),
        }
    )
    assert "question 1" in found["s1"].first_said
    assert "again" in found["s1"].last_answer
    assert found["s1"].began < found["s1"].last


def test_simulated_sessions_are_listed_when_asked_for():
    """They are marked as such."""
    assert [each.id for each in listed(simulated=True) if each.simulated] == ["sim-1"]


def test_what_is_opened_is_read_whole():
    """Ids of the list give sessions with every message, in the order asked for; an id that is not there is named."""
    some = listed()
    read = some.read(["s0", "s1"])

    assert [session.user_messages for session in read] == [("question 0",), ("question 1", "again")]
    assert some.open("s4").user_messages == ("question 4",)
    with pytest.raises(NotFoundError, match="no session 'zzz' among these 6"):
        some.read(["zzz"])
    with pytest.raises(UsageError, match="no id was given"):
        some.read([])


def test_a_list_shows_itself_and_is_a_frame():
    """In a notebook a table with marks; in pandas a row a session."""
    some = listed()

    assert "! helpful=False" in some._repr_html_()
    assert "! 1 error" in some._repr_html_()
    assert list(some.to_frame()["id"]) == [each.id for each in some]


def test_a_filter_a_time_and_an_experiment_that_are_none():
    """Each is one line that names it."""
    with pytest.raises(UsageError, match="where='nonsense ='"):
        listed(where="nonsense =")
    with pytest.raises(UsageError, match="last='soon'"):
        listed(last="soon")
    with pytest.raises(NotFoundError, match="no experiment 'nowhere'"):
        cs.list_sessions(experiment="nowhere")
    with pytest.raises(UsageError, match=r"more\(0\)"):
        listed(0)


SHAPES = {
    "responses": (
        {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Where is my parcel?"}]}]},
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "In Ulm."}]}]},
    ),
    "question": ({"question": "Is it open on Sunday?"}, {"answer": "No.", "sources": ["a"]}),
    "gemini": (
        {"contents": [{"role": "user", "parts": [{"text": "Translate cat"}]}]},
        {"candidates": [{"content": {"role": "model", "parts": [{"text": "Katze"}]}}]},
    ),
    "langgraph": ({"messages": [["user", "Make it 5 please"]]}, {"messages": [{"type": "ai", "content": "It is 5."}]}),
    "keys": ({"x": {"y": [1, 2]}, "session": "abc"}, {"z": 3}),
    "json": ({"message": '{"refund": 5}'}, "Done."),
}


def test_a_list_shows_the_words_that_a_session_holds():
    """Whatever the application wraps them in; what is no conversation stays as MLflow shows it."""
    experiment = mlflow.set_experiment("shapes")
    for name, (inputs, outputs) in SHAPES.items():
        with mlflow.tracing.context(session_id=name), mlflow.start_span("agent") as span:
            span.set_inputs(inputs)
            span.set_outputs(outputs)
    shown = {each.id: (each.first_said, each.last_answer) for each in cs.list_sessions(experiment="shapes")}
    read = {each.id: each.user_messages for each in cs.search_sessions(experiment="shapes")}

    assert shown == {
        "responses": ("Where is my parcel?", "In Ulm."),
        "question": ("Is it open on Sunday?", "No."),
        "gemini": ("Translate cat", "Katze"),
        "langgraph": ("Make it 5 please", "It is 5."),
        "keys": ('{"x": {"y": [1, 2]}, "session": "abc"}', '{"z": 3}'),
        "json": ('{"refund": 5}', "Done."),
    }
    assert {name: said for name, (said, _) in shown.items() if name != "keys"} == {
        name: said for name, (said,) in ((name, said) for name, said in read.items() if name != "keys")
    }
    assert read["keys"] == ()
    mlflow.delete_experiment(experiment.experiment_id)
    for look in (cs.list_sessions, cs.search_sessions):
        with pytest.raises(NotFoundError, match="experiment 'shapes' was deleted: restore it, or name another"):
            look(experiment="shapes")
    mlflow.set_experiment(EXPERIMENT)
