"""What an agent does to the other conversations is said once, where the run is read."""

import asyncio
import re
import threading
import time

import convsim_nb as cs
from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.state import RunState
from convsim_nb.testing import EventLog, ScriptedChat

CASES = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)]


def played(agent, tmp_path, **options):
    log = EventLog()
    given = {"user_model": ScriptedChat(), "mlflow": False, "progress": False, "max_turns": 2, "journal": tmp_path}
    return cs.simulate(CASES, agent, sinks=[log], **{**given, **options}).wait(30), log


def noticed(log):
    return [event.text for event in log.events if event.kind == "noticed"]


def test_an_agent_that_holds_the_loop_is_named_once(tmp_path):
    """The notice says for how long and what mends it, stands in `problems`, the summary and the journal."""

    async def blocking(messages):
        time.sleep(0.6)  # noqa: ASYNC251 - the fault itself
        return "ok"

    run, log = played(blocking, tmp_path)

    (said,) = noticed(log)
    assert re.match(r"agent blocking is async, but held the event loop for \d\.\d s", said)
    assert "agent_threads=True" in said
    assert run.problems == (said,)
    assert said in str(run)
    assert RunState.replay(read_journal(run.folder)) == run.state


def test_agent_threads_is_the_way_out(tmp_path):
    """The same agent on threads holds up nobody, and nothing is said."""

    async def blocking(messages):
        time.sleep(0.6)  # noqa: ASYNC251 - the fault itself
        return "ok"

    run, log = played(blocking, tmp_path, agent_threads=True, max_turns=1)

    assert (noticed(log), run.problems) == ([], ())


def test_calls_that_never_return_are_counted_and_named(tmp_path):
    """Each call that is left behind is told; `problems` says how many there are, and where the last one is."""
    over = threading.Event()

    def stuck(messages):
        over.wait(30)
        return "late"

    run, log = played(stuck, tmp_path, agent_timeout=0.2)
    over.set()

    assert len(noticed(log)) == 3
    assert noticed(log)[0].startswith("a call of the agent never returned and was left behind: convsim-agent-stuck-")
    assert run.problems[0].startswith("3 calls of the agent never returned and were left behind, the last of them: ")


def test_a_task_that_heeds_no_cancellation_is_named_too(tmp_path):
    """On the loop it is a task and no thread."""
    over = asyncio.Event()

    async def stubborn(messages):
        while not over.is_set():
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                if len(messages) > 5:
                    raise
        return "late"

    run, _ = played(stubborn, tmp_path, agent_timeout=0.2)
    over.set()

    assert run.problems[0].endswith("the last of them: a task on the event loop")
