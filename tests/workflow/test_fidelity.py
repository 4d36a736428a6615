"""How alike simulated users are to the people: measured pair by pair, beside a control, with what to change."""

import pytest

import convsim_nb as cs
from convsim_nb.adapters.agents import RecordedAgent
from convsim_nb.domain.case import Quote, Source, Withheld
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Message, Session
from convsim_nb.testing import ScriptedAgent, ScriptedChat

OPTIONS = {"mlflow": False, "journal": False, "progress": False}
NAMES = ("Arden", "Brook", "Cliff", "Delta", "Ember", "Firth")


def session(name):
    """A person who says little at a time, in lower case, and objects to a fault."""
    said = [
        "hi, a table please",
        "What day?",
        "friday",
        f"Booked at {name} for Saturday.",
        "no, friday i said",
        f"Booked at {name} for Friday.",
        "thanks",
    ]
    roles = ("user", "assistant") * 4
    return Session(id=name, messages=[Message(role=r, content=c) for r, c in zip(roles, said, strict=False)])


def case(name):
    quotes = (
        Quote(field="withheld[0].fact", message=4, text="no, friday i said"),
        Quote(field="withheld[0].after", message=3, text=f"Booked at {name} for Saturday."),
    )
    return cs.TestCase(
        goal="Book a table for Friday",
        case_id=name,
        withheld=(Withheld(fact="Saturday was never asked for", after=f"{name} is booked for another day"),),
        source=Source(session_id=name, first=0, last=6, quotes=quotes),
    )


SESSIONS = [session(name) for name in NAMES]
CASES = cs.CaseSet([case(name) for name in NAMES], sessions=SESSIONS)
ALIKE = ScriptedChat(user=("hi, a table please", "friday", "no, friday i said", "thanks"))
WORDY = ScriptedChat(
    user=(
        "Good evening! I would like to book a table for Friday evening, near the window, for my family and friends.",
        "Friday evening is perfect, that suits my family and all of my friends very well indeed.",
        "That is perfectly fine with me and my family, so let us leave everything exactly as arranged.",
        "Splendid!",
    )
)


def test_a_round_trip_needs_no_agent_and_releases_facts_where_they_were_said():
    """The recorded agent's replies are played in order; the trigger's own words fire it, and no model judges."""
    told = cs.fidelity(CASES, user_model=ALIKE, max_turns=4, **OPTIONS)

    rows = {row.measure: row for row in told.rows}
    assert len(told.pairs) == len(NAMES)
    assert {name: row.difference for name, row in rows.items()} == {name: pytest.approx(0) for name in rows}
    assert rows["negative_after_fault"].player == 1.0
    assert not any(row.apart for row in told.rows)
    assert "Nothing is further apart than people are among themselves." in repr(told)
    assert {request.reply_type.__name__ for request in ALIKE.requests} == {"UserReply"}


def test_a_wordy_user_is_told_from_the_person_and_the_report_says_what_to_change():
    """Too long, with capitals, and no objection: each beyond what people differ, each with a remedy."""
    told = cs.fidelity(CASES, user_model=WORDY, max_turns=4, **OPTIONS)

    apart = {row.measure: row.difference > 0 for row in told.rows if row.apart}
    assert apart | {"words_a_message": True, "starts_lower": False, "negative_after_fault": False} == apart
    advice = "\n".join(told.advice)
    assert "writes longer messages (" in advice
    assert "give the cases a `style` with examples" in advice
    assert "takes faults too lightly" in advice


def test_every_measure_stands_beside_a_control_and_an_interval():
    """Halves of the sources against each other; people who are all alike differ by nothing."""
    frame = cs.fidelity(CASES, user_model=WORDY, max_turns=4, **OPTIONS).to_frame()

    assert list(frame.columns)[:8] == [
        "measure", "person", "simulated", "difference", "low", "high", "control", "apart",
    ]  # fmt: skip
    assert frame["control"].notna().all()
    assert ((frame["low"] <= frame["difference"] + 1e-9) | (frame["measure"] == "coverage")).all()
    assert "score" not in " ".join(frame["about"])


def test_a_run_is_compared_with_the_sessions_of_its_cases():
    """A finished run against any agent; by case too; a void conversation is left out and named."""
    chat = ScriptedChat(user=lambda request: "hi" if "Arden" not in str(request) else cs.ConvsimError("down"))
    run = cs.simulate(CASES, ScriptedAgent(), user_model=chat, judge_model=ScriptedChat(), max_turns=2, **OPTIONS)
    told = cs.fidelity(run.wait())

    assert len(told.pairs) == len(NAMES)
    by_case = told.to_frame(by_case=True)
    assert set(by_case["case_id"]) == set(NAMES)
    assert "<table" in told._repr_html_()


def test_what_cannot_be_compared_is_said():
    """Void conversations and strangers' sessions are named; with nothing left it is one line."""
    broken = ScriptedChat(user=(cs.ConvsimError("down"),))
    run = cs.simulate(CASES, ScriptedAgent(), user_model=broken, **OPTIONS).wait()

    with pytest.raises(UsageError, match=r"nothing can be compared: Arden/ScriptedAgent/1 is left out: it is .*void"):
        cs.fidelity(run)
    with pytest.raises(UsageError, match="give sessions="):
        cs.fidelity([{"goal": "x"}], user_model=broken)


def test_two_sessions_are_too_few_for_a_control_and_the_report_says_so():
    """No claim without something to hold it against."""
    told = cs.fidelity(CASES[:2], sessions=SESSIONS, user_model=ALIKE, max_turns=4, **OPTIONS)

    assert {row.control for row in told.rows} == {None}
    assert "Too few sessions to say how people differ." in repr(told)


def test_the_recorded_agent_passes_over_what_was_already_answered():
    """People say things in another order: the reply that fits is given, and then silence ends it."""
    chat = ScriptedChat(user=("hi, a table please, for friday", "thanks"))
    run = cs.simulate(
        CASES[:1],
        RecordedAgent(SESSIONS),
        user_model=chat,
        goal_check=lambda c: False,
        judge_model=ScriptedChat(),
        **OPTIONS,
    ).wait()

    said = [m.content for m in run.conversations[0].messages if m.role == "assistant"]
    assert said[0] in ("What day?", "Booked at Arden for Saturday.")
    assert run.conversations[0].stop == "agent_silent"
