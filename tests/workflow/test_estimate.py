"""What a run will take, said before it is begun."""

import pytest

import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat

SOURCE = {"session_id": "s", "first": 0, "last": 5}
CASES = [
    {"goal": "Get a refund", "case_id": "a", "source": SOURCE},
    {"goal": "Change my address", "case_id": "b"},
]


def test_turns_come_from_the_recorded_session():
    """A case is taken to be as long as its session, one without a session to take all turns; both are said."""
    found = cs.estimate(CASES, user_model="openai:/gpt-4o-mini", max_turns=6, trials=2)

    assert (found.conversations, found.turns, found.calls) == (4, 18, 36)
    assert "1 cases are taken to be as long as their recorded session, 1 to take max_turns=6" in found.basis
    assert 0 < found.cost < 0.1


def test_an_unknown_price_stays_unknown():
    """None, never a guess; the stand-in costs nothing."""
    assert cs.estimate(CASES, user_model="http://localhost:1/v1#mine").cost is None
    assert cs.estimate(CASES, user_model="demo:/rules").cost == 0


@pytest.mark.parametrize(("check", "calls"), [("every_turn", 18), ("on_end", 11), (lambda conversation: True, 9)])
def test_the_judge_is_counted_as_often_as_it_is_asked(check, calls):
    """Every turn, at the end alone, or never where a function decides."""
    assert cs.estimate(CASES, user_model="demo:/rules", max_turns=6, goal_check=check).calls == calls


async def test_calls_are_those_of_a_run_that_takes_all_its_turns():
    """The count is the one that a run makes whose goal is never reached."""
    chat = ScriptedChat(user=tuple(f"message {n}" for n in range(9)), judge=({"reached": False},))
    cases = CASES[1:]
    await cs.simulate_async(
        cases, ScriptedAgent(), user_model=chat, max_turns=4, mlflow=False, journal=False, progress=False
    )

    assert cs.estimate(cases, user_model="demo:/rules", max_turns=4).calls == len(chat.requests)
