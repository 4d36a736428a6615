"""Forks and repeats: new conversations, linked to their origin, outside rates."""

import pytest

import convsim_nb as cs
from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.state import RunState
from convsim_nb.testing import EventLog, ScriptedAgent, ScriptedChat

KEY = "index/agent/1"
LIVE = "The index is at 18,412 right now."
CASE = {
    "goal": "Get the level of the index",
    "case_id": "index",
    "withheld": [{"fact": "It is Saturday", "after": "the agent shows live prices"}],
}
FIRED = {"reached": False, "fired": [{"trigger": 0, "quote": LIVE}]}


def agent(messages):
    """Answers with the number of messages that it was given, but for the first time."""
    return LIVE if len(messages) == 1 else f"reply to {len(messages)}"


def chat():
    return ScriptedChat(user=("Index?", "But it is Saturday", "So?", "And?"), judge=(FIRED, {"reached": False}))


def played(tmp_path, **options):
    options = {"journal": tmp_path, "mlflow": False, "progress": False, "max_turns": 3, **options}
    return cs.simulate([CASE], agent, user_model=chat(), **options).wait(10)


def said(run, key):
    return [(m.source, m.content) for m in run.conversation(key).messages]


def test_a_fork_goes_on_from_a_turn(tmp_path):
    """What was said before the turn is its history; a person's text opens it, and what was known is known."""
    run = played(tmp_path)
    key = run.fork(KEY, 2, "Is the market not closed?")
    run.wait(10)

    assert key == f"{KEY}~1"
    assert said(run, key)[:4] == [
        ("recorded", "Index?"),
        ("recorded", LIVE),
        ("operator", "Is the market not closed?"),
        ("agent", "reply to 3"),
    ]
    fork = run.conversation(key)
    assert (fork.origin.key, fork.origin.turn, fork.stop, fork.assisted) == (KEY, 2, "max_turns", True)
    assert [(r.fact, r.turn) for r in fork.released] == [("It is Saturday", 0)]


def test_the_simulated_user_may_speak_in_a_fork(tmp_path):
    """Without a text it goes on by itself, and is told the released fact where it became known."""
    log = EventLog()
    model = chat()
    options = {"journal": tmp_path, "mlflow": False, "progress": False, "max_turns": 3, "sinks": [log]}
    run = cs.simulate([CASE], agent, user_model=model, **options).wait(10)
    model.requests.clear()
    key = run.fork(KEY, 2)
    run.wait(10)

    first = next(request for request in model.requests if request.reply_type.__name__ == "UserReply")
    assert "now_known" in first.messages[-1].content
    assert said(run, key)[2] == ("simulated", "But it is Saturday")


def test_forks_stand_outside_rates_and_come_back_from_the_journal(tmp_path):
    """The run's numbers are the same with and without them, and the journal tells them too."""
    run = played(tmp_path)
    before = run.summary
    run.fork(KEY, 1, "Hello?")
    run.wait(10)
    keys = run.again(KEY, times=2)
    run.wait(10)

    assert keys == (f"{KEY}~2", f"{KEY}~3")
    assert (run.summary.not_reached, run.summary.rate) == (before.not_reached, before.rate)
    assert run.summary.forked == 3
    assert RunState.replay(read_journal(run.folder)) == run.state


def test_a_fork_may_be_played_by_another_agent(tmp_path):
    """The same turn against another version; the fork says by whom it was played."""
    run = played(tmp_path)
    key = run.fork(KEY, 2, agent=ScriptedAgent(otherwise="Closed."))
    run.wait(10)

    assert run.conversation(key).agent == "ScriptedAgent"
    assert said(run, key)[3] == ("agent", "Closed.")


def test_a_run_that_was_brought_back_needs_its_agent(tmp_path):
    """One line says what to give."""
    earlier = cs.load_run(played(tmp_path).run_id, journal=tmp_path)

    with pytest.raises(cs.ConvsimError, match="was brought back without its agent: give agent="):
        earlier.fork(KEY, 2)


class Mended(ScriptedAgent):
    """A newer version, under a name of its own."""


def test_another_agent_given_to_a_run_that_was_brought_back_is_not_the_runs_own(tmp_path):
    """Its fork bears its name, the run's agent stays what it was, and has to be given for forks of its own."""
    options = {"user_model": "demo:/rules", "journal": tmp_path, "mlflow": False, "progress": False, "max_turns": 3}
    before = cs.simulate([{"goal": "Level of the index", "case_id": "index"}], agent, **options).wait(10)
    earlier = cs.load_run(before.run_id, journal=tmp_path)
    key = earlier.fork(KEY, 1, agent=Mended(otherwise="Mended."))
    earlier.wait(10)
    again = earlier.fork(key, 1)
    earlier.wait(10)
    with pytest.raises(cs.ConvsimError, match="was played by agent, which is not here any more: give agent="):
        earlier.fork(KEY, 1)
    own = earlier.fork(KEY, 1, agent=agent)
    earlier.wait(10)
    still = earlier.fork(KEY, 1)
    earlier.wait(10)

    assert [earlier.conversation(each).agent for each in (key, again, own, still)] == [
        *("Mended", "Mended"),
        *("agent", "agent"),
    ]
    assert said(earlier, key)[1] == ("agent", "Mended.")
    assert said(earlier, still)[1] == ("agent", LIVE)
    assert earlier.state.agent == before.state.agent
    assert RunState.replay(read_journal(earlier.folder)).agent == before.state.agent


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.fork(KEY, 4), "has no turn 4: it has 3"),
        (lambda run: run.fork(KEY, 0), "has no turn 0: it has 3"),
        (lambda run: run.fork("nobody", 1), "has no conversation 'nobody'"),
        (lambda run: run.fork(KEY, 1, " "), "the text is empty"),
        (lambda run: run.again(KEY, times=0), "times=0: give a whole number above 0"),
    ],
)
def test_a_wrong_fork_is_refused(call, message, tmp_path):
    """One line names the value and what there is; nothing is played."""
    run = played(tmp_path)
    with pytest.raises(cs.ConvsimError, match=message):
        call(run)

    assert len(run.conversations) == 1


SCRIPTED = {"goal": "Cancel", "case_id": "cancel", "script": ["One", "Two", "Three"]}


def test_a_fork_of_a_fork_goes_on_from_its_own_turn(tmp_path):
    """Its turns count from where it began; history, script and what was known come down the line."""
    options = {"journal": tmp_path, "mlflow": False, "progress": False, "max_turns": 3}
    run = cs.simulate([SCRIPTED], ScriptedAgent(), user_model=chat(), **options).wait(10)
    child = run.fork("cancel/ScriptedAgent/1", 2)
    run.wait(10)
    grandchild = run.fork(child, 2)
    run.wait(10)

    assert said(run, child)[2::2] == [("scripted", "Two"), ("scripted", "Three"), ("simulated", "And?")]
    assert [source for source, _ in said(run, grandchild)[:4]] == ["recorded"] * 4
    assert said(run, grandchild)[4] == ("scripted", "Three")


def test_a_fork_runs_again_as_it_was_begun(tmp_path):
    """With its history, a person's opening words and what was known; not from the case's beginning."""
    run = played(tmp_path)
    fork = run.fork(KEY, 2, "Is the market not closed?")
    run.wait(10)
    (again,) = run.again(fork)
    run.wait(10)

    assert said(run, again)[:4] == said(run, fork)[:4]
    assert [(r.fact, r.turn) for r in run.conversation(again).released] == [("It is Saturday", 0)]
    assert run.conversation(again).origin.how == "again"


def test_repeats_are_played_by_the_agent_that_their_name_says(tmp_path):
    """Another agent's fork is repeated by that agent, and a repeat may be given one of its own."""
    run = played(tmp_path)
    fork = run.fork(KEY, 2, agent=ScriptedAgent(otherwise="Closed."))
    run.wait(10)
    (same,) = run.again(fork)
    (other,) = run.again(KEY, agent=lambda messages: "Nothing.")
    run.wait(10)

    assert (run.conversation(same).agent, said(run, same)[3]) == ("ScriptedAgent", ("agent", "Closed."))
    assert said(run, other)[1] == ("agent", "Nothing.")
    run.others.clear()
    with pytest.raises(cs.ConvsimError, match="was played by ScriptedAgent, which is not here any more"):
        run.again(fork)
