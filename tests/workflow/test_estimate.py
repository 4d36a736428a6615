"""What a run will take, said before it is begun."""

import pytest

import convsim_nb as cs
from convsim_nb.domain.errors import ModelNameError
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


@pytest.mark.parametrize("option", ["user_model", "judge_model"])
@pytest.mark.parametrize(
    ("wrong", "said"),
    [("nope:/x", "no provider is named 'nope'"), ("gpt-5-mini", "did you mean"), ("demo:/x", "has one model")],
)
def test_a_model_that_simulate_refuses_is_refused(option, wrong, said):
    """An estimate of a run that can never begin is none; a key is not asked for."""
    with pytest.raises(ModelNameError, match=said):
        cs.estimate(CASES, **{"user_model": "openai:/gpt-4o-mini", option: wrong})


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


def _session(*said):
    roles = ("user", "assistant") * len(said)
    return cs.Session(
        id="s", messages=[cs.Message(role=role, content=text) for role, text in zip(roles, said, strict=False)]
    )


def test_distilling_is_reckoned_from_the_length_of_the_sessions():
    """A call to split where there is something to split, one and a bit a case; long sessions take more."""
    short, long = _session("hello", "hi", "a refund"), _session("hello", "x" * 40_000, "a refund")
    one = cs.estimate_distill([short] * 8, model="openai:/gpt-4o-mini")

    assert (one.sessions, one.calls) == (8, 19)
    assert cs.estimate_distill([short] * 8, split=False, check=False).calls == 8
    assert cs.estimate_distill([_session("hello", "hi")] * 8, check=False).calls == 9
    assert cs.estimate_distill([long] * 8).input_tokens > one.input_tokens + 8 * 2 * 10_000
    assert 0 < one.cost < 0.1
    assert cs.estimate_distill([short], model="http://h/v1#m").cost is None
    assert str(one).startswith("8 sessions, about 19 calls, ")


async def test_the_calls_reckoned_are_about_those_made(tmp_path, monkeypatch):
    """For sessions with one goal and nothing found, no more than the reserve for second goals and questions."""
    monkeypatch.chdir(tmp_path)
    reply = {"goal": {"text": "Get a refund", "message": 2, "quote": "a refund"}}
    chat = ScriptedChat(distill=(reply,))
    sessions = [_session("hello", "How can I help?", "a refund") for _ in range(8)]
    cs.distill(sessions, model=chat, progress=False)

    assert len(chat.requests) <= cs.estimate_distill(sessions).calls <= 1.3 * len(chat.requests)


def test_sessions_are_not_taken_for_cases():
    """The error names the right call."""
    with pytest.raises(cs.ConvsimError, match=r"estimate_distill\(sessions\)"):
        cs.estimate(cs.load_sessions([_session("hello", "hi")]))
