"""The closed market, twenty times against each version: the fault is found in one and never in the other."""

import convsim_nb as cs
from convsim_nb.demo.agents import make_agent
from convsim_nb.demo.sessions import built_in_sessions

SESSION = "hb-4101"
TRIALS = 20


def test_the_fault_is_released_in_every_trial_of_v1_and_in_none_of_v2():
    """The user learns that it is Saturday where a live level was shown, says so, and nowhere else."""
    session = next(row for row in built_in_sessions() if row["session_id"] == SESSION)
    cases = cs.distill([session], model="demo:/rules", progress=False)
    options = {"user_model": "demo:/rules", "mlflow": False, "journal": False, "progress": False, "trials": TRIALS}
    v1, v2 = (cs.simulate(cases, make_agent(version), **options).wait() for version in (1, 2))

    secret = cases[0].withheld[0].fact
    for conversation in v1.conversations:
        [release] = conversation.released
        assert (release.fact, release.turn) == (secret, 1)
        assert any(release.quote in message.content for message in conversation.messages if message.role == "assistant")
    assert (v1.summary.corrections, v2.summary.corrections) == (TRIALS, 0)
    assert [conversation.verdict for conversation in v2.conversations] == ["reached"] * TRIALS
    assert [c.rejections for c in (*v1.conversations, *v2.conversations)] == [()] * 2 * TRIALS
    said = [[m.content for m in c.messages if m.role == "user"] for c in (*v1.conversations, *v2.conversations)]
    assert not any("Saturday" in messages[0] for messages in said)
    assert not any("Saturday" in text for messages in said[TRIALS:] for text in messages)
