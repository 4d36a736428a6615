"""How smoothly the grid of test cases draws: frames while 1,000 rows scroll, what an added row and an edit cost.

    python benchmarks/grid_frames.py             # 1,000 rows

In a real JupyterLab and a headless Chromium. The frames' times are those between two animation frames; what an edit
costs is the time of the page's own work from the key to the painted row. Needs the extra `browser` and a chromium; no
network and no model.
"""

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.watching import SEEN, WATCH, tell
from tests.notebook import lab as labs

SETUP = """
%load_ext convsim_nb
import convsim_nb as cs
WORDS = "the order that was sent on Tuesday has not come and nobody can say where it is so they want it found".split()
def text(n, words): return " ".join(WORDS[(n * 7 + k * 3) % len(WORDS)] for k in range(words)) + f" {n}"
cases = cs.CaseSet([
    {"case_id": f"case-{n}", "goal": f"Find out what became of order {n}: {text(n, 8)}", "persona": text(n, 9),
     "simulation_guidelines": [text(n + k, 6) for k in range(1 + n % 3)], "facts": [text(n + k, 5) for k in range(2)],
     "withheld": [{"fact": text(n, 9), "after": text(n, 10)}] if n % 2 else [],
     "expectations": {"guidelines": [text(n, 8)]}, "tags": {"team": "billing"}}
    for n in range(ROWS)
])
"""
SCROLL = """async (node) => {
    const list = node.querySelector('.cs-g-scroller');
    for (let step = 0; step < 300; step++) {
        list.scrollTop += 120;  // a strong turn of the wheel: 7,200 pixels a second
        await new Promise((go) => requestAnimationFrame(go));
    }
    return node.querySelectorAll('.cs-g-row').length;
}"""
COST = """async ([selector, key]) => {
    const node = document.querySelector(selector);
    const frame = () => new Promise((go) => requestAnimationFrame((now) => setTimeout(() => go(performance.now()), 0)));
    await frame();
    const begun = performance.now();
    if (key) node.querySelector('.cs-g-current').dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...key }));
    else [...node.querySelectorAll('button')].find((each) => each.textContent === 'Duplicate').click();
    return (await frame()) - begun;
}"""


def cost(name: str, took: list[float]) -> None:
    """Say what something costs in the page, from the key to the painted row."""
    print(f"{name:<44} {len(took):>5} times   median {median(took):.0f}  max {max(took):.0f} ms")


def measure(page: Any, rows: int) -> None:
    """Open, scroll, add, copy, undo."""
    grid = page.locator(".cs-cases").last
    processor = page.context.browser.new_browser_cdp_session()

    def spent() -> float:
        found = processor.send("SystemInfo.getProcessInfo")["processInfo"]
        return max(each["cpuTime"] for each in found if each["type"] == "renderer")

    page.evaluate(WATCH)
    before = spent()
    shown = grid.evaluate(SCROLL)
    used = 1000 * (spent() - before) / 300
    tell(f"scrolling {shown} rows down", page.evaluate(SEEN))
    print(f"{'processor time of the page':<44} {used:.1f} ms a frame")
    page.evaluate(WATCH)
    grid.evaluate("(node) => { node.querySelector('.cs-g-scroller').scrollTop = 0; }")
    grid.evaluate(SCROLL)
    tell(f"scrolling {shown} rows down again", page.evaluate(SEEN))
    grid.evaluate("(node) => { node.querySelector('.cs-g-scroller').scrollTop = 0; }")
    grid.locator(".cs-g-row >> nth=2").locator("[data-column=goal]").click()
    added = [page.evaluate(COST, [".cs-cases", {"key": "Enter", "ctrlKey": True}]) for _ in range(10) if _escaped(page)]
    cost("adding a row near the top", added)
    cost("duplicating a row", [page.evaluate(COST, [".cs-cases", None]) for _ in range(10)])
    cost("moving a row", [page.evaluate(COST, [".cs-cases", {"key": "ArrowDown", "altKey": True}]) for _ in range(10)])
    cost("going a row down", [page.evaluate(COST, [".cs-cases", {"key": "ArrowDown"}]) for _ in range(30)])
    page.evaluate(WATCH)
    page.keyboard.press("Control+a")
    page.keyboard.press("Escape")
    grid.get_by_label("Search the cases").press_sequentially("order 77", delay=60)
    page.wait_for_timeout(300)
    tell("searching as one types", page.evaluate(SEEN))
    print(f"{'rows at the end':<44} {page.locator('.cs-g-row').count()}, of {rows} at the start")


def _escaped(page: Any) -> bool:
    """Leave the editor that a new row opens, so that the next key is the grid's."""
    page.keyboard.press("Escape")
    page.wait_for_timeout(120)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000)
    chosen = parser.parse_args()
    with labs.alone() as tab:
        page = tab.page
        cells = (f"ROWS = {chosen.rows}\n" + SETUP, "grid = cs.CaseGrid(cases)\ngrid")
        tab.open(tab.lab.write("frames.ipynb", *cells))
        page.evaluate(WATCH)
        tab.run_all(wait=True)
        page.wait_for_selector(".cs-cases:not(.cs-unknown) .cs-g-row")
        page.wait_for_timeout(2500)
        seen = page.evaluate(SEEN)
        print(json.dumps({"longest frame while the grid opens, ms": round(max(seen))}))
        measure(page, chosen.rows)


if __name__ == "__main__":
    main()
