"""How long the first word of an agent's reply takes to the screen.

    python benchmarks/first_token.py             # to the message that leaves for the browser
    python benchmarks/first_token.py --browser   # and to the text in the page, in a real JupyterLab and Chromium

Measured from the moment in which the agent yields its first piece of a reply. In the kernel: until the live view
hands the piece to the page's channel, with many conversations at once. In the browser: until the text stands in
the page, with a conversation on its own. Needs no network and no model.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from convsim_nb import simulate
from convsim_nb.domain.events import ConversationStarted, RunEvent
from convsim_nb.domain.state import RunState
from convsim_nb.notebook.live.stream import EventStream
from convsim_nb.testing import ScriptedChat

WORDS = ("Your", " refund", " of", " 34.90", " EUR", " is", " on", " its", " way", ".")
PAUSE = 0.02
"""Seconds between two words."""
GOAL_MS = 100
CHAT = ScriptedChat(user=[f"Message {n}" for n in range(50)])


class Clock:
    """When the agent yielded the first piece of each reply, by session and turn."""

    def __init__(self) -> None:
        self.yielded: dict[tuple[str, int], float] = {}

    def stamp(self, session: str, messages: list[Any]) -> None:
        self.yielded[session, (len(messages) + 1) // 2] = time.perf_counter()

    async def async_agent(self, messages: list[Any], mlflow_session_id: str) -> AsyncIterator[str]:
        await asyncio.sleep(0.05)
        self.stamp(mlflow_session_id, messages)
        for word in WORDS:
            yield word
            await asyncio.sleep(PAUSE)

    def plain_agent(self, messages: list[Any], mlflow_session_id: str) -> Iterator[str]:
        time.sleep(0.05)
        self.stamp(mlflow_session_id, messages)
        for word in WORDS:
            yield word
            time.sleep(PAUSE)


class View:
    """The kernel's end of a live view, with a clock where the page would be."""

    name = "view"

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self.left: dict[tuple[str, int], float] = {}
        self._state = RunState()
        self._stream = EventStream(self._state, self._send)

    def __call__(self, event: RunEvent) -> None:
        if isinstance(event, ConversationStarted):
            self.sessions[event.key] = event.session_id
        self._state.apply(event)
        self._stream.take(event)

    def _send(self, message: dict[str, Any]) -> None:
        json.dumps(message)
        now = time.perf_counter()
        for event in message.get("events", ()):
            if event["kind"] == "message_delta":
                self.left.setdefault((self.sessions[event["key"]], event["turn"]), now)


def in_kernel(kind: str, *, conversations: int, turns: int) -> list[float]:
    """Milliseconds from the first piece to the message that leaves, for every reply."""
    clock, view = Clock(), View()
    agent: Callable[..., Any] = clock.async_agent if kind == "async" else clock.plain_agent
    cases = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(conversations)]
    options = {"mlflow": False, "journal": False, "progress": False, "max_turns": turns, "concurrency": conversations}
    simulate(cases, agent, user_model=CHAT, sinks=[view], **options).wait()  # type: ignore[arg-type]
    return [1000 * (view.left[place] - at) for place, at in clock.yielded.items()]


def told(name: str, took: list[float]) -> None:
    high = quantiles(took, n=20, method="inclusive")[-1]
    verdict = "within" if high <= GOAL_MS else "OVER"
    print(f"{name:<44} {len(took):>5} {median(took):>8.1f} {high:>8.1f} {max(took):>8.1f}   {verdict} {GOAL_MS} ms")


# --- in a browser --------------------------------------------------------------------

CELL = """
import asyncio, json, time
import convsim_nb as cs
from convsim_nb.testing import ScriptedChat
stamps = {}
chat = ScriptedChat(user=[f"Message {n}" for n in range(50)])
async def agent(messages):
    await asyncio.sleep(.3)
    turn = (len(messages) + 1) // 2
    stamps[turn] = 1000 * time.time()
    for word in (f"mark-{turn}-", *" of the reply to come".split(" ")):
        yield word + " "
        await asyncio.sleep(.05)
run = cs.simulate([{"goal": "One"}], agent, user_model=chat, max_turns=TURNS, mlflow=False).wait()
with open("stamps.json", "w") as file:
    json.dump(stamps, file)
"""
WATCH = """() => {
  window.seen = {};
  const look = () => {
    for (const node of document.querySelectorAll('.cs-bubble'))
      for (const [, turn] of node.textContent.matchAll(/mark-(\\d+)-/g)) window.seen[turn] ??= Date.now();
  };
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true});
}"""


def in_browser(turns: int) -> list[float]:
    """Milliseconds from the first piece to its text in the page, for every reply of one conversation."""
    from tests.notebook import lab as labs

    with labs.alone() as tab:
        tab.open(tab.lab.write("first.ipynb", CELL.replace("TURNS", str(turns))))
        tab.page.evaluate(WATCH)
        tab.run_all(wait=True)
        seen = tab.page.evaluate("() => window.seen")
        stamps = json.loads((tab.lab.root / "stamps.json").read_text())
    return [seen[turn] - at for turn, at in stamps.items()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--browser", action="store_true", help="also in a real JupyterLab")
    chosen = parser.parse_args()
    print(f"{'first piece -> message to the page':<44} {'n':>5} {'p50 ms':>8} {'p95 ms':>8} {'max ms':>8}")
    for kind in ("async", "plain"):
        for conversations in (1, 40):
            took = in_kernel(kind, conversations=conversations, turns=10)
            told(f"{kind} generator, {conversations} conversations at once", took)
    if chosen.browser:
        told("async generator -> text in the page", in_browser(30))


if __name__ == "__main__":
    main()
