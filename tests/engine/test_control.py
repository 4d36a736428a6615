"""What a person does to a run while it plays: by the run's handle, as from a notebook."""

import asyncio
import time

import pytest

import convsim_nb as cs
from convsim_nb.testing import EventLog, ScriptedAgent, ScriptedChat

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)]
KEYS = [f"case-{n}/ScriptedAgent/1" for n in range(3)]
MESSAGES = tuple(f"message {n}" for n in range(1, 20))


def begin(log, agent=None, *, cases=CASES, **options):
    chat = ScriptedChat(user=MESSAGES, judge=({"reached": False},))
    options = {"mlflow": False, "journal": False, "progress": False, "sinks": [log], "max_turns": 4, **options}
    return cs.simulate(cases, agent or ScriptedAgent(), user_model=chat, **options)


def eventually(is_so, what):
    patience = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < patience, what
        time.sleep(0.005)


def waits(run, key):
    return lambda: key in run.state.by_key and run.state.by_key[key].status == "paused"


def user_messages(run, key):
    return [(m.source, m.content) for m in run.state.by_key[key].messages if m.role == "user"]


async def slow(messages):
    await asyncio.sleep(0.02)
    return f"reply {len(messages)}"


def test_a_paused_run_waits_and_goes_on():
    """Paused before its first message, nothing is said; resumed, it plays to its end."""
    log = EventLog()
    run = begin(log)
    run.pause()
    eventually(lambda: all(c.status in ("waiting", "paused", "ended") for c in run.conversations), "all wait")
    run.resume()
    run.wait(10)

    assert [c.stop for c in run.conversations] == ["max_turns"] * 3


def test_what_has_not_begun_does_not_begin_while_all_wait():
    """A pause gives places back, and yet asks no model for conversations that have not begun; one may be let go."""
    log, asked = EventLog(), []

    async def agent(messages):
        asked.append(messages)
        await asyncio.sleep(0.01)
        return f"reply {len(messages)}"

    run = begin(log, agent, concurrency=1, agent_name="ScriptedAgent")
    eventually(lambda: asked, "the first began")
    run.pause()
    eventually(waits(run, KEYS[0]), "the first waits")
    time.sleep(0.1)
    begun = [c.status for c in run.conversations]
    run.resume(KEYS[2])
    eventually(lambda: run.conversations[2].status == "ended", "the third plays alone")
    left = [c.status for c in run.conversations]
    run.pause()
    fork = run.fork(KEYS[0], 1, "I want a person")
    eventually(waits(run, fork), "the fork said what a person typed, was answered, and waits")
    said = user_messages(run, fork)
    run.resume()
    run.wait(10)

    assert begun == ["paused", "waiting", "waiting"]
    assert left == ["paused", "waiting", "ended"]
    assert said == [("operator", "I want a person")]
    assert [c.stop for c in run.conversations] == ["max_turns"] * 4


def test_one_conversation_waits_while_the_others_end():
    """A paused conversation gives its place to another: with one place, the rest still come to their end."""
    log = EventLog()
    run = begin(log, slow, concurrency=1, agent_name="ScriptedAgent")
    run.pause(KEYS[0])
    eventually(lambda: [c.status for c in run.conversations] == ["paused", "ended", "ended"], "the others end")
    run.resume(KEYS[0])
    run.wait(10)

    assert run.conversations[0].stop == "max_turns"
    assert log.kinds(KEYS[0]).count("conversation_paused") == log.kinds(KEYS[0]).count("conversation_resumed") == 1


def test_a_person_speaks_for_the_simulated_user():
    """`say` sends a person's message, then waits again; None lets the simulated user speak once."""
    log = EventLog()
    run = begin(log, slow, cases=CASES[:1], agent_name="ScriptedAgent")
    run.pause(KEYS[0])
    eventually(waits(run, KEYS[0]), "it waits")
    before = len(user_messages(run, KEYS[0]))
    run.say(KEYS[0], "I want a person")
    eventually(lambda: len(user_messages(run, KEYS[0])) == before + 1 and waits(run, KEYS[0])(), "it waits again")
    run.say(KEYS[0])
    eventually(lambda: len(user_messages(run, KEYS[0])) == before + 2 and waits(run, KEYS[0])(), "and again")
    run.resume(KEYS[0])
    run.wait(10)

    sources = [source for source, _ in user_messages(run, KEYS[0])]
    assert ("operator", "I want a person") in user_messages(run, KEYS[0])
    assert sources == ["simulated"] * before + ["operator"] + ["simulated"] * (3 - before)
    assert run.conversations[0].assisted
    assert run.summary.assisted == 1
    assert run.summary.rate is None


def test_one_conversation_is_stopped_and_the_others_go_on():
    """`run.stop(key)` ends that conversation alone, as cancelled."""
    log = EventLog()
    run = begin(log, slow, agent_name="ScriptedAgent")
    run.stop(KEYS[1])
    run.wait(10)

    assert [c.stop for c in run.conversations] == ["max_turns", "cancelled", "max_turns"]


def test_concurrency_can_be_changed_while_it_runs():
    """More places let waiting conversations in at once."""
    log = EventLog()
    inside = most = 0

    async def counting(messages):
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1
        return f"reply {len(messages)}"

    run = begin(log, counting, concurrency=1, agent_name="ScriptedAgent")
    eventually(lambda: len(run.conversations[0].messages) > 1, "it began")
    assert most == 1
    run.set_concurrency(3)
    run.wait(10)
    assert most == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda run: run.pause("nobody"), "has no conversation 'nobody': keys look like case-0/ScriptedAgent/1"),
        (lambda run: run.say(KEYS[0], "  "), "the text is empty"),
        (lambda run: run.set_concurrency(0), "concurrency=0: give a whole number above 0"),
        (lambda run: run.set_concurrency("x"), "concurrency='x': give a whole number above 0"),
    ],
)
def test_a_wrong_switch_is_refused(change, message):
    """One line names the value and what would fit; the run goes on."""
    run = begin(EventLog())
    with pytest.raises(cs.ConvsimError) as caught:
        change(run)
    run.wait(10)

    assert message in str(caught.value)
    assert run.conversations[0].stop == "max_turns"


def test_switches_do_nothing_after_the_end():
    """Every action may be made twice, and late: two views, a double click."""
    run = begin(EventLog()).wait(10)
    before = run.state.conversations
    for _ in range(2):
        run.stop()
        run.pause()
        run.resume(KEYS[0])

    assert run.state.conversations == before
