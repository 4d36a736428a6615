"""How smoothly the live view draws: frames, the kernel's share, messages that are lost, memory of the page.

    python benchmarks/frames.py                  # 50 conversations, each at 20 tokens a second; 1,000 in the list

In a real JupyterLab and a headless Chromium, on a run that the engine plays: the frames' times are those between
two animation frames while the text streams in, the kernel's share is its processor time by the clock. Needs the
extra `browser` and a chromium; no network and no model.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.watching import SEEN, WATCH, tell
from tests.notebook import lab as labs

SETUP = """
%load_ext convsim_nb
import asyncio, json, time
import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat
WORDS = "I have found the order and will look into what became of its parcel now , so that you need not wait .".split()
async def streaming(messages):
    for word in WORDS * 2:
        await asyncio.sleep(1 / RATE)
        yield word + " "
chat = ScriptedChat(user=[f"Message {n}, please help me on." for n in range(500)])
def told(**found):
    print("told", json.dumps(found), "end")
"""
STREAM = """
cases = [{"goal": f"Find out what became of order {n}", "case_id": f"case-{n}"} for n in range(MANY)]
options = dict(user_model=chat, mlflow=False, max_turns=400, concurrency=MANY)
run = cs.simulate(cases, streaming, **options)
zero = time.monotonic(), time.process_time()
"""
SHARE = """
wall, cpu = time.monotonic() - zero[0], time.process_time() - zero[1]
run.pause()
while any(c.status == "running" for c in run.conversations):
    await asyncio.sleep(.05)
await asyncio.sleep(.3)
told(share=cpu / wall, messages=[len(c.messages) for c in run.conversations])
"""
LIST = """
many = [{"goal": f"Find out what became of order {n}", "case_id": f"case-{n}"} for n in range(LISTED)]
long = cs.simulate(many, ScriptedAgent(otherwise="It is on its way. " * 20), user_model=chat, mlflow=False,
                   max_turns=5, concurrency=200, progress=False).wait()
told(ended=long.state.ended)
"""
SCROLL = """async (node) => {
    const list = node.querySelector('.cs-list');
    for (let step = 0; step < 240; step++) {
        list.scrollTop += list.scrollHeight / 240;
        await new Promise((go) => requestAnimationFrame(go));
    }
    return list.children.length;
}"""
HEAP = "() => (window.gc?.(), performance.memory.usedJSHeapSize / 1e6)"


class Bench:
    """A notebook in a tab, and what its cells say."""

    def __init__(self, tab: labs.Tab) -> None:
        self.tab, self.page = tab, tab.page

    def cell(self, code: str, *, wait: bool = True) -> Any:
        """Run one more cell; with `wait`, give what it told."""
        self.tab.cell(code)
        if not wait:
            return None
        printed = self.page.locator(".jp-Cell").last.locator(".jp-OutputArea-output >> text=told").first
        printed.wait_for(timeout=240_000)
        return json.loads(printed.inner_text().partition("told ")[2].rpartition(" end")[0])

    def frames(self, name: str) -> None:
        """Say how long the frames took since `WATCH`."""
        tell(name, self.page.evaluate(SEEN))


def streaming(bench: Bench, seconds: float) -> None:
    """Fifty at once."""
    bench.cell(STREAM, wait=False)
    bench.page.wait_for_selector(".cs-streaming")
    heap = bench.page.evaluate(HEAP)
    bench.page.evaluate(WATCH)
    bench.page.wait_for_timeout(1000 * seconds)
    bench.frames("conversations that stream")
    grown = bench.page.evaluate(HEAP) - heap
    told = bench.cell(SHARE)
    seen = []
    for number in range(1, len(told["messages"]) + 1):
        bench.page.evaluate("(n) => document.querySelector(`.cs-square:nth-child(${n})`).click()", number)
        bench.page.wait_for_timeout(40)
        seen.append(bench.page.locator(".cs-log [data-place]").count())
    lost = sum(told["messages"]) - sum(seen)
    print(f"{'the kernel, engine and scripted agent too':<44} {100 * told['share']:.0f} % of a core")
    print(f"{'messages':<44} {sum(told['messages'])}, of which {lost} are missing in the page")
    print(f"{'memory of the page':<44} {grown:+.1f} MB in {seconds:.0f} s")
    bench.cell("run.stop(); run.wait(20); told()")


def listing(bench: Bench) -> None:
    """A thousand in the list."""
    bench.cell(LIST)
    before = bench.page.evaluate(HEAP)
    bench.cell("%convsim show long", wait=False)
    bench.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    bench.page.wait_for_timeout(2000)
    bench.page.evaluate(WATCH)
    rows = bench.page.locator(".cs-run").last.evaluate(SCROLL)
    bench.frames(f"scrolling {rows} conversations")
    print(f"{'memory of the page':<44} {bench.page.evaluate(HEAP) - before:+.1f} MB for {rows} conversations")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=50)
    parser.add_argument("--rate", type=float, default=20.0, help="tokens a second of each")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--listed", type=int, default=1000)
    chosen = parser.parse_args()
    numbers = f"MANY, RATE, LISTED = {chosen.conversations}, {chosen.rate}, {chosen.listed}\n"
    with labs.alone("--enable-precise-memory-info", "--js-flags=--expose-gc") as tab:
        bench = Bench(tab.open(tab.lab.write("frames.ipynb", numbers + SETUP)))
        bench.tab.run_all(wait=True)
        streaming(bench, chosen.seconds)
        listing(bench)


if __name__ == "__main__":
    main()
