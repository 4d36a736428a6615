"""Finding sessions: which are listed, in which order, and what is said where there are none."""

import time
from datetime import timedelta

import mlflow
import pytest

from convsim_nb.domain.errors import NotFoundError, UsageError
from convsim_nb.workflow.sessions import search_sessions
from tests.recorded import EXPERIMENT, record, recording

DAY = 86_400
ODD_NAMES = ("it's", "itzs", 'the "best"', 'it\'s "50%" off', "a_b", "axb")


@pytest.fixture(scope="module", autouse=True)
def _store(tmp_path_factory):
    with recording(tmp_path_factory.mktemp("store")):
        fill()
        yield


@mlflow.trace(name="agent")
def agent(message, outcome="fine"):
    mlflow.update_current_trace(tags={"outcome": outcome})
    return f"You said: {message}"


def fill():
    """Two sessions of today that overlap, one of ten days ago, and what must not be listed."""
    aged("old", 10 * DAY, "hello")
    aged("spread", 8 * DAY, "first")
    record("older", agent, {"message": "one"})
    record("newer", agent, {"message": "hi"})
    record("older", agent, {"message": "two", "outcome": "failed"})
    record("spread", agent, {"message": "second"})
    record("sim-4f2a", agent, {"message": "simulated"})
    record("theirs", agent, {"message": "simulated"}, metadata={"mlflow.simulation.goal": "A refund"})
    agent("outside of any session")
    with mlflow.tracing.context(session_id="newer", tags={"mlflow.trace.sourceScorer": "Safety"}):
        agent("Is this safe?")
    others()


def aged(session_id, seconds, text):
    """A turn that was recorded so many seconds ago."""
    with mlflow.tracing.context(session_id=session_id):
        start = time.time_ns() - int(seconds * 1e9)
        span = mlflow.start_span_no_context("agent", inputs={"message": text}, start_time_ns=start)
        span.end(outputs=f"You said: {text}", end_time_ns=start + 2_000_000_000)


def others():
    """Experiments that hold no session that would be listed."""
    try:
        for name in ("empty", "support-agent"):
            mlflow.create_experiment(name)
        mlflow.set_experiment("names")
        for name in ODD_NAMES:
            record(name, agent, {"message": name})
        mlflow.set_experiment("loose")
        agent("no session id")
        mlflow.set_experiment("simulations")
        record("sim-1", agent, {"message": "hi"})
        mlflow.set_experiment("unreadable")
        record("numbers", mlflow.trace(lambda rows: None, name="train"), {"rows": [1, 2]})
    finally:
        mlflow.set_experiment(EXPERIMENT)


def ids(**options):
    return [session.id for session in search_sessions(experiment=EXPERIMENT, **options)]


def error(kind=NotFoundError, **options):
    with pytest.raises(kind) as raised:
        search_sessions(**options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_newest_first_and_no_simulated_ones():
    """Listed by their newest trace; simulated sessions, a scorer's traces and loose traces are left out."""
    assert ids() == ["spread", "older", "newer", "old"]
    assert [m.content for m in search_sessions()[2].messages] == ["hi", "You said: hi"]


def test_simulated_sessions_when_asked_for():
    """Ours by the session's name, MLflow's by the trace's metadata, each marked."""
    sessions = search_sessions(simulated=True)

    assert [session.id for session in sessions if session.simulated] == ["theirs", "sim-4f2a"]
    assert sessions["theirs"].metadata["mlflow.simulation.goal"] == "A refund"


def test_the_newest_so_many():
    """`max_sessions` counts sessions, not traces, and each is still read whole."""
    sessions = search_sessions(max_sessions=2)

    assert [session.id for session in sessions] == ["spread", "older"]
    assert sessions["older"].user_messages == ("one", "two")


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("7d", ["spread", "older", "newer"]),
        ("9d", ["spread", "older", "newer"]),
        ("2w", ["spread", "older", "newer", "old"]),
        ("12h", ["spread", "older", "newer"]),
        (" 30 M ", ["spread", "older", "newer"]),
        (timedelta(days=11), ["spread", "older", "newer", "old"]),
    ],
)
def test_the_last_days(last, expected):
    """`last` takes days, hours, minutes, weeks and timedeltas."""
    assert ids(last=last) == expected


def test_a_session_that_began_before_the_time_asked_for_is_read_whole():
    """One trace in time is enough to find it; a conversation is never cut."""
    assert search_sessions(last="7d")["spread"].user_messages == ("first", "second")


def test_a_filter_finds_sessions_and_reads_them_whole():
    """`where` picks sessions by any of their traces."""
    (session,) = search_sessions(where="tags.outcome = 'failed'")

    assert session.id == "older"
    assert session.user_messages == ("one", "two")


def test_a_filter_and_a_time_together():
    """Both hold for one and the same trace."""
    assert ids(where="metadata.`mlflow.trace.session` LIKE 'o%'", last="7d") == ["older"]


def test_an_experiment_by_name_by_id_or_the_active_one():
    """Without a name it is MLflow's active experiment."""
    by_id = mlflow.get_experiment_by_name(EXPERIMENT).experiment_id

    assert ids() == [s.id for s in search_sessions(experiment=by_id)] == [s.id for s in search_sessions()]


def test_a_session_by_any_name():
    """Quotes and wildcards in a session's id are no way into the filter, and bring no other session's traces in."""
    sessions = search_sessions(experiment="names")

    assert [session.id for session in sessions] == list(reversed(ODD_NAMES))
    assert [session.user_messages for session in sessions] == [(name,) for name in reversed(ODD_NAMES)]


def test_no_such_experiment():
    """The name, and what it may have been meant to be."""
    assert "no experiment 'suport-agent' in sqlite:///" in error(experiment="suport-agent")
    assert error(experiment="suport-agent").endswith("did you mean 'support-agent'?")
    assert error(experiment="999").split(": ", 2)[-1].startswith("there are 'unreadable', 'simulations', ")


def test_no_traces_at_all():
    """An experiment without traces."""
    assert error(experiment="empty") == (
        "no sessions in experiment 'empty': it has no traces; record some, or name another experiment"
    )


def test_traces_without_a_session():
    """The traces are there; what is missing is the session's id, and where to set it."""
    assert error(experiment="loose") == (
        "no sessions in experiment 'loose': its traces (1) carry no session id; set one where they are made, with "
        "mlflow.update_current_trace(session_id=...)"
    )


def test_nothing_but_simulated_sessions():
    """They were left out, and how to have them."""
    assert error(experiment="simulations") == (
        "no sessions in experiment 'simulations': what there is (1) was made by a simulator; simulated=True reads it"
    )


def test_nothing_in_the_time_asked_for():
    """The newest session is older than that; its day is said."""
    message = error(where="metadata.`mlflow.trace.session` = 'old'", last="12h")

    assert message.startswith(
        "no sessions in experiment 'recorded' with where=\"metadata.`mlflow.trace.session` = 'old'\""
    )
    assert "last='12h': its newest recorded is of 20" in message
    assert message.endswith(" UTC; ask for longer")


def test_nothing_that_fits_the_filter():
    """There are traces, and none fits."""
    assert error(where="tags.outcome = 'none'").endswith("with where=\"tags.outcome = 'none'\": no trace fits")


def test_sessions_without_words():
    """Traces that hold no conversation are a problem named, not an empty session."""
    assert error(experiment="unreadable") == (
        "none of the sessions found can be read: session 'numbers' has no messages: nothing in its traces (1) reads as "
        "a user's or an agent's message"
    )


@pytest.mark.parametrize("last", ["seven days", "7", "-1d", "", "9999999999w"])
def test_a_time_span_that_is_none(last):
    """Said with the value and how it is written."""
    assert error(UsageError, last=last).startswith(f"last={last!r} ")


def test_a_filter_that_is_none():
    """MLflow's own complaint, in one line with the filter."""
    message = error(UsageError, where="outcome is failed")

    assert message.startswith("where='outcome is failed' is not a filter that MLflow can read: ")


def test_no_sessions_asked_for():
    """Zero sessions is a mistake."""
    assert error(UsageError, max_sessions=0) == "max_sessions=0: ask for at least 1"


def test_recorded_sessions_that_are_older_beside_simulated_ones_of_now():
    """Both are said: when the newest recorded one is of, and how many were passed over as a simulator's."""
    try:
        mlflow.set_experiment("older")
        aged("long-ago", 30 * DAY, "hello")
        record("sim-2", agent, {"message": "hi"})
    finally:
        mlflow.set_experiment(EXPERIMENT)
    message = error(experiment="older", last="7d")

    assert "last='7d': its newest recorded is of 20" in message
    assert message.endswith("ask for longer; within last='7d' are 1 by a simulator")
