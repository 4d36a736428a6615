"""The fold: what a run's events come to."""

from convsim_nb.domain.events import EVENT
from convsim_nb.domain.state import RunState
from convsim_nb.testing import AgentDown, ScriptedAgent, ScriptedChat
from tests.engine.conversations import play

CASES = [
    {"goal": "Get a refund", "case_id": "a", "withheld": [{"fact": "It was a gift", "after": "the agent says done"}]},
    {"goal": "Fail", "case_id": "b"},
]
JUDGE = ({"reached": False, "fired": [{"trigger": 0, "quote": "It is done."}]}, {"reached": True, "evidence": "done"})


async def test_events_survive_json_and_replay_to_an_equal_state():
    """What the journal holds is enough: every event comes back from its JSON, and the fold is the same."""
    chat = ScriptedChat(user=("Refund", "It was a gift"), judge=JUDGE)
    run, log = await play(CASES, ScriptedAgent({"fail": AgentDown("500")}), chat, trials=2)

    again = [EVENT.validate_json(event.model_dump_json()) for event in log.events]
    assert again == log.events
    assert RunState.replay(again) == run.state
    assert run.state.ended


async def test_usage_adds_up_by_who_spent_it():
    """Every model call is in the conversation's usage, and the run's is the sum over conversations."""
    chat = ScriptedChat.happy()
    run, _ = await play(CASES[1:], chat=chat, trials=3)

    assert run.state.usage["user"].calls + run.state.usage["judge"].calls == len(chat.requests)
    assert run.state.usage["judge"].input_tokens == 30
