"""Labels in MLflow: human feedback on the first trace of the session."""

import threading
import time

import mlflow
import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

pytestmark = pytest.mark.usefixtures("ambient")
KEY = "kettle/ScriptedAgent/1"


def played(folder, **options):
    """A run of one conversation of two turns."""
    given = {"user_model": ScriptedChat(user=("Refund!", "Well?")), "max_turns": 2, "progress": False, **options}
    return cs.simulate([{"goal": "Get a refund", "case_id": "kettle"}], ScriptedAgent(), journal=folder, **given)


def wait_for_labels():
    """They are sent on threads of their own."""
    deadline = time.monotonic() + 30
    while any(thread.name == "convsim-label" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)


def labels_of(trace_id):
    """The labels that count now."""
    known = mlflow.get_trace(trace_id).info.assessments
    labels = [one for one in known if one.name == "convsim/label" and one.valid]
    return [(one.value, one.rationale, str(one.source.source_type)) for one in labels]


def test_a_label_is_human_feedback_on_the_first_trace(tmp_path):
    """A second label takes its place, one that is taken back leaves none, and a run brought back adds no other."""
    run = played(tmp_path).wait(60)
    first, last = run.conversation(KEY).trace_ids
    seen = []
    for value, note in (("reached", ""), ("not_reached", "never said how much"), (None, "")):
        run.label(KEY, value, note=note)
        wait_for_labels()
        seen.append(labels_of(first))
    earlier = cs.load_run(run.run_id, journal=tmp_path)
    for value in ("reached", "simulator_fault"):
        earlier.label(KEY, value)
        wait_for_labels()

    assert seen == [[("reached", None, "HUMAN")], [("not_reached", "never said how much", "HUMAN")], []]
    assert (labels_of(first), labels_of(last)) == ([("simulator_fault", None, "HUMAN")], [])
    assert (run.problems, earlier.problems) == ((), ())


def test_a_label_given_while_the_run_plays_waits_for_its_traces(tmp_path):
    """Only the newest is sent, when the run has ended."""
    open_ = threading.Event()

    def agent(messages):
        open_.wait(20)
        return "It is done."

    slow = cs.simulate(
        [{"goal": "Get a refund", "case_id": "kettle"}],
        agent,
        user_model=ScriptedChat(user=("Refund!", "Well?")),
        max_turns=1,
        progress=False,
        journal=tmp_path,
    )
    while not slow.conversations[0].messages:
        time.sleep(0.01)
    key = slow.conversations[0].key
    slow.label(key, "reached")
    slow.label(key, "not_reached")
    open_.set()
    slow.wait(60)
    wait_for_labels()

    assert [value for value, *_ in labels_of(slow.conversation(key).trace_ids[0])] == ["not_reached"]


def test_a_store_that_fails_costs_no_label(tmp_path):
    """It is kept beside the run, and the run's problems say what MLflow lacks."""
    run = played(tmp_path, mlflow=False).wait(20)
    broken = run.conversation(KEY).messages[1].model_copy(update={"trace_id": "tr-gone"})
    told = run.conversation(KEY)
    run.state.by_key[KEY] = told.model_copy(update={"messages": (told.messages[0], broken, *told.messages[2:])})
    run.label(KEY, "reached")
    wait_for_labels()

    assert run.labels[KEY].value == "reached"
    assert "the label of kettle/ScriptedAgent/1 is not in MLflow" in run.problems[-1]


def test_labels_that_the_store_did_not_get_are_brought_by_a_push(tmp_path):
    """Those given while it was broken, or while nothing was written to MLflow; a second push brings none twice."""
    run = played(tmp_path, mlflow=False).wait(20)
    told = run.conversation(KEY)
    gone = told.messages[1].model_copy(update={"trace_id": "tr-gone"})
    run.state.by_key[KEY] = told.model_copy(update={"messages": (told.messages[0], gone, *told.messages[2:])})
    run.label(KEY, "simulator_fault", note="gave up")
    wait_for_labels()
    before = run.problems
    pushes = [cs.push(run), cs.push(run)]
    (first, *_) = mlflow.search_traces(
        filter_string=f"metadata.`convsim.run_id` = '{run.run_id}' AND tags.`mlflow.eval.requestId` = 'kettle#1#1'",
        return_type="list",
    )
    seen = labels_of(first.info.trace_id)
    run.label(KEY, None)
    cs.push(run)

    assert "is not in MLflow" in before[-1]
    assert run.problems == ()
    assert seen == [("simulator_fault", "gave up", "HUMAN")]
    assert [each.assessments_made for each in pushes][1] == 0
    assert labels_of(first.info.trace_id) == []
