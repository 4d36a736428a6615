"""What a person makes of a run's conversations: labels, and test cases."""

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

KEY = "kettle/ScriptedAgent/1"
CASE = {
    "goal": "Get a refund",
    "case_id": "kettle",
    "persona": "Terse",
    "facts": ["Order A-1893"],
    "withheld": [{"fact": "Paid by card", "after": "asks how it was paid"}],
    "expectations": {"expected_response": "49 euros"},
}
ASKED = {"reached": False, "fired": [{"trigger": 0, "quote": "How did you pay?"}]}


def played(folder, **options):
    chat = ScriptedChat(user=("Refund!", "By card", "Well?"), judge=(ASKED, {"reached": False}))
    options = {"journal": folder, "mlflow": False, "progress": False, "max_turns": 3, **options}
    return cs.simulate([CASE], ScriptedAgent(otherwise="How did you pay?"), user_model=chat, **options).wait(20)


def test_a_label_stays_with_the_run_and_changes_no_rate(tmp_path):
    """The newest counts; it stands in the frame, and comes back with the run."""
    run = played(tmp_path)
    before = run.summary
    run.label(KEY, "reached")
    run.label(KEY, "simulator_fault", note=" gave up too early ")
    earlier = cs.load_run(run.run_id, journal=tmp_path)

    assert earlier.labels == run.labels
    assert (run.labels[KEY].value, run.labels[KEY].note) == ("simulator_fault", "gave up too early")
    assert run.to_frame()[["label", "note"]].to_numpy().tolist() == [["simulator_fault", "gave up too early"]]
    assert run.summary == before
    assert (run.folder / "labels.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_label_can_be_taken_back(tmp_path):
    """Then there is none, here and where the run is loaded."""
    run = played(tmp_path)
    run.label(KEY, "reached")
    run.label(KEY, None)
    assert (run.labels, cs.load_run(run.run_id, journal=tmp_path).labels) == ({}, {})


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        (KEY, "good", "label 'good': give one of reached, not_reached, simulator_fault"),
        ("nobody", "reached", "has no conversation 'nobody'"),
    ],
)
def test_a_wrong_label_is_refused(key, value, message, tmp_path):
    """One line names the value and what there is."""
    run = played(tmp_path)
    with pytest.raises(cs.ConvsimError, match=message):
        run.label(key, value)


def test_a_conversation_becomes_a_test_case(tmp_path):
    """Its user's words are the script, what was said before the turn is history, and what was known no secret."""
    run = played(tmp_path)
    whole, later = run.to_case(KEY), run.to_case(KEY, turn=2, goal="Get it by card")

    assert (whole.script, whole.history) == (("Refund!", "By card", "Well?"), ())
    assert (whole.goal, whole.persona, whole.expectations) == ("Get a refund", "Terse", CASE["expectations"])
    assert [one.fact for one in whole.withheld] == ["Paid by card"]
    assert (later.script, [m.content for m in later.history]) == (("By card", "Well?"), ["Refund!", "How did you pay?"])
    assert (later.goal, later.facts, later.withheld) == ("Get it by card", ("Order A-1893", "Paid by card"), ())
    assert len({whole.case_id, later.case_id, "kettle"}) == 3
    assert later.tags["from_conversation"] == KEY


def test_such_a_case_plays_the_same_words_again(tmp_path):
    """What was said is said again, word for word, after the same history."""
    run = played(tmp_path)
    case = run.to_case(KEY, turn=2)
    options = {"journal": tmp_path, "mlflow": False, "progress": False, "script_then": "end"}
    again = cs.simulate([case], ScriptedAgent(), user_model=ScriptedChat(), **options).wait(20)

    assert [(m.source, m.content) for m in again.conversations[0].messages if m.role == "user"] == [
        ("recorded", "Refund!"),
        ("scripted", "By card"),
        ("scripted", "Well?"),
    ]


def test_a_turn_that_is_not_there_makes_no_case(tmp_path):
    """One line says how many there are."""
    with pytest.raises(cs.ConvsimError, match="has no turn 4: it has 3"):
        played(tmp_path).to_case(KEY, turn=4)
