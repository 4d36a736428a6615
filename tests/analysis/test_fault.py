"""Whose fault it was: void conversations are summed up, and each names the guard and the message."""

from inline_snapshot import snapshot

from convsim_nb.testing import ScriptedAgent, ScriptedChat
from tests.engine.conversations import play


async def test_void_conversations_are_summed_up_and_named():
    """By stop and guard first, then one by one, with the message that was stopped last."""
    lines = {"a": "As an AI I want it.", "b": "How can I help you?", "c": "So?", "d": "As an AI I want it."}

    def user(request):
        return next(lines[case] for case in lines if f'"goal {case}"' in request.messages[1].content)

    chat = ScriptedChat(user=user)
    run, _ = await play([{"goal": f"goal {k}", "case_id": k} for k in lines], ScriptedAgent(), chat, max_turns=1)

    summed, stopped, *named = run.problems
    assert summed == snapshot(
        "3 of 4 conversations are void and say nothing of the agent: "
        "simulator_broke by guard meta 2, simulator_broke by guard role 1"
    )
    assert stopped == snapshot("guards stopped 9 messages of the simulated user beside the 1 it sent: meta 6, role 3")
    told = "stopped the simulated user 3 times, last"
    assert [line.partition(".': ")[0].partition("?': ")[0] for line in named] == [
        f"a/ScriptedAgent/1 is void (simulator_broke): guard 'meta' {told} 'As an AI I want it",
        f"b/ScriptedAgent/1 is void (simulator_broke): guard 'role' {told} 'How can I help you",
        f"d/ScriptedAgent/1 is void (simulator_broke): guard 'meta' {told} 'As an AI I want it",
    ]


async def test_a_run_without_faults_has_none():
    """Nothing to say is said by nothing."""
    run, _ = await play([{"goal": "x"}], max_turns=1)

    assert run.problems == ()
