"""A thousand conversations with faults drawn from a seed: each ends with the right reason, and loses no turn.

`python -m tests.engine.test_faults` plays them and prints how many there were by fault and stop reason.
"""

import asyncio
import json
import random
import re
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest

from convsim_nb.adapters.journal import read_journal
from convsim_nb.domain.errors import ModelError
from convsim_nb.domain.state import RunState
from convsim_nb.testing import AgentDown, ScriptedChat
from tests.engine.conversations import play

TURNS = 4
"""The goal is reached in this turn where nothing goes wrong before."""

OUTCOMES = {
    "none": ("goal_reached", TURNS),
    "agent raises": ("agent_error", -1),
    "agent exits": ("agent_error", -1),
    "agent gives none": ("agent_error", -1),
    "agent gives rubbish": ("agent_error", -1),
    "agent is silent": ("agent_silent", 0),
    "agent hangs": ("agent_timeout", -1),
    "agent blocks the loop": ("goal_reached", TURNS),
    "agent says a lot": ("goal_reached", TURNS),
    "user model fails": ("model_error", -1),
    "user raises": ("model_error", -1),
    "user gives no json": ("model_error", -1),
    "user gives no json once": ("goal_reached", TURNS),
    "user says nothing": ("model_error", -1),
    "user hangs": ("model_error", -1),
    "user ends": ("user_ended", -1),
    "judge model fails": ("model_error", 0),
    "judge raises": ("model_error", 0),
    "judge invents a quote": ("model_error", 0),
    "judge gives no json": ("model_error", 0),
}
"""By fault: the stop reason, and how many replies of the agent stand in the end: all, or those before the
fault's turn (-1), or those up to it (0)."""


def plan_of(text):
    """The fault and its turn, read from a goal."""
    found = re.search(r"(?P<fault>[a-z ]+) in turn (?P<turn>\d+)", text)
    return found["fault"].strip(), int(found["turn"])


async def agent(messages):
    """An agent that fails as the opening message says."""
    fault, turn = plan_of(messages[0]["content"])
    now = sum(message["role"] == "user" for message in messages)
    if now == turn:
        match fault:
            case "agent raises":
                raise AgentDown("500")
            case "agent exits":
                raise SystemExit(3)
            case "agent gives none":
                return None
            case "agent gives rubbish":
                return object()
            case "agent is silent":
                return " \n"
            case "agent hangs":
                await asyncio.sleep(600)
            case "agent blocks the loop":
                time.sleep(0.01)  # noqa: ASYNC251 - the fault itself
            case "agent says a lot":
                return "a lot " * 50_000
    return f"It is done, part {now}."


class Faulty(ScriptedChat):
    """User and judge that fail as the goal says."""

    async def __call__(self, request):
        data = [json.loads(m.content) for m in request.messages if m.role == "user"]
        fault, turn = plan_of(data[0]["goal"])
        who = "user" if request.reply_type.__name__ == "UserReply" else "judge"
        now = next((d["judge_after_turn"] for d in data if "judge_after_turn" in d), None)
        now = now or 1 + sum("agent" in d for d in data)
        if fault.startswith(who) and now == turn:
            if "hangs" in fault:
                await asyncio.sleep(600)
            request = _Marked(request, again="not_accepted" in request.messages[-1].content)
            self.user = self.judge = lambda _: _fault(fault, request.again)
        else:
            self.user = lambda _: data[0]["goal"] if now == 1 else f"Go on, {now}."
            self.judge = lambda _: _verdict(data, now)
        return await super().__call__(getattr(request, "request", request))


class _Marked:
    def __init__(self, request, *, again):
        self.request, self.again = request, again


def _fault(fault, again):
    broken = "{" if "judge" in fault else {"action": "shout"}
    return {
        "model fails": ModelError("no credit left"),
        "raises": ValueError("a bug"),
        "gives no json": broken,
        "gives no json once": {"action": "say", "text": "Mended."} if again else broken,
        "says nothing": {"action": "say", "text": "  "},
        "ends": {"action": "end", "because": "tired"},
        "invents a quote": {"reached": True, "evidence": "You get a million."},
    }[fault.partition(" ")[2]]


def _verdict(data, now):
    said = [d["agent"] for d in data if "agent" in d]
    return {"reached": now >= TURNS, "evidence": said[-1][:60] if now >= TURNS else ""}


def expected(fault, turn):
    stop, kept = OUTCOMES[fault]
    return stop, kept if kept > 0 else turn + kept


async def played_with_faults(journal, seed=7, conversations=1000):
    """The run, and the fault and its turn of each of its conversations."""
    drawn = random.Random(seed)
    faults = [(drawn.choice(list(OUTCOMES)), drawn.randint(2, TURNS - 1)) for _ in range(conversations)]
    cases = [
        {"goal": f"{fault} in turn {turn}", "case_id": f"case-{number}"} for number, (fault, turn) in enumerate(faults)
    ]
    options = {"journal": journal, "concurrency": 100, "agent_timeout": 0.5, "model_timeout": 2}
    run, _ = await play(cases, agent, Faulty(), **options)
    return run, faults


@pytest.mark.parametrize("seed", [7])
async def test_a_thousand_conversations_with_faults(seed, tmp_path):
    """Whatever goes wrong in one is its own: the right stop, every finished turn kept, and the journal agrees."""
    run, faults = await played_with_faults(tmp_path, seed)

    found = [(c.stop, sum(m.role == "assistant" for m in c.messages)) for c in run.conversations]
    wrong = [
        (fault, turn, *got, conversation.detail)
        for (fault, turn), got, conversation in zip(faults, found, run.conversations, strict=True)
        if got != expected(fault, turn)
    ]
    assert wrong == []
    assert len(Counter(stop for stop, _ in found)) == len({stop for stop, _ in OUTCOMES.values()})
    assert RunState.replay(read_journal(run.folder)) == run.state


async def test_a_reader_that_fails_is_dropped_and_said_once():
    """A sink that raises hears no more; the run and the other sinks go on."""
    heard = []

    def broken(event):
        heard.append(event.kind)
        if len(heard) == 3:
            raise OSError(28, "No space left on device")

    cases = [{"goal": "none in turn 2"}]
    chat = ScriptedChat.happy()
    from convsim_nb import simulate_async

    options = {"mlflow": False, "journal": False, "progress": False}
    run = await simulate_async(cases, agent, user_model=chat, sinks=[broken], **options)

    assert len(heard) == 3
    assert run.conversations[0].stop == "goal_reached"
    assert run.problems == ("function stopped listening: OSError: [Errno 28] No space left on device",)


def counts(run, faults):
    """A line for each fault and the stop that it came to, with their number and the turns that were kept."""
    rows = Counter()
    turns = Counter()
    for (fault, _), conversation in zip(faults, run.conversations, strict=True):
        rows[fault, conversation.stop] += 1
        turns[fault, conversation.stop] += sum(message.role == "assistant" for message in conversation.messages)
    yield f"{'fault':<24} {'stop':<16} {'conversations':>13} {'turns kept':>10}"
    for (fault, stop), number in sorted(rows.items()):
        yield f"{fault:<24} {stop:<16} {number:>13,} {turns[fault, stop]:>10,}"
    yield f"{'all':<24} {'':<16} {rows.total():>13,} {turns.total():>10,}"


def main():
    with tempfile.TemporaryDirectory() as journal:
        run, faults = asyncio.run(played_with_faults(Path(journal)))
        print(*counts(run, faults), sep="\n")  # noqa: T201 - what it is for
        wrong = sum(
            (c.stop, sum(m.role == "assistant" for m in c.messages)) != expected(*fault)
            for fault, c in zip(faults, run.conversations, strict=True)
        )
        same = RunState.replay(read_journal(run.folder)) == run.state
        print(f"{wrong} with another stop or a lost turn; the journal tells the same: {same}")  # noqa: T201


if __name__ == "__main__":
    main()
