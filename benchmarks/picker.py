"""How quickly a list of sessions comes and scrolls: in a real JupyterLab and a headless Chromium.

    python benchmarks/sessions.py --store FILE.db   # makes a store of 10,000 sessions, once
    python benchmarks/picker.py --store FILE.db

Frames are the times between two animation frames while the list scrolls; the others are until the page has drawn
what was asked for. Needs the extra `browser` and a chromium; no network.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.notebook.lab import alone

CELL = """
import mlflow, convsim_nb as cs
mlflow.set_tracking_uri({uri!r})
mlflow.search_experiments()
picker = cs.SessionPicker("0")
picker
"""
WATCH = """() => new MutationObserver(() => {
    if (!window.viewAt && document.querySelector('.cs-picker')) window.viewAt = performance.now();
    if (!window.rowsAt && document.querySelector('.cs-session')) window.rowsAt = performance.now();
}).observe(document.body, { childList: true, subtree: true })"""
SCROLL = """() => new Promise((done) => {
    const list = document.querySelector('.cs-sessions');
    const gaps = [];
    let before = performance.now();
    const until = before + 4000;
    const step = (now) => {
        gaps.push(now - before);
        before = now;
        list.scrollTop += 173;
        if (list.scrollTop + list.clientHeight >= list.scrollHeight) list.scrollTop = 0;
        if (now < until) return requestAnimationFrame(step);
        gaps.sort((a, b) => a - b);
        const at = (share) => Math.round(gaps[Math.floor(share * (gaps.length - 1))]);
        done({ p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) });
    };
    requestAnimationFrame(step);
})"""
SET = """async ([selector, value]) => {
    const start = performance.now();
    const field = document.querySelector(selector);
    if (value === null) field.click();
    else { field.value = value; field.dispatchEvent(new Event('input', { bubbles: true })); }
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return Math.round(performance.now() - start);
}"""


def measure(page: Any) -> dict[str, Any]:
    """All figures, in milliseconds unless they say seconds."""
    page.wait_for_selector(".cs-session", timeout=120_000)
    found: dict[str, Any] = {"first_rows": round(page.evaluate("() => window.rowsAt - window.viewAt"))}
    start = time.monotonic()
    page.get_by_role("button", name="Load all").click()
    found["scrolling_while_loading"] = page.evaluate(SCROLL)
    page.wait_for_function("() => /sessions$/.test(document.querySelector('.cs-loaded').textContent)", timeout=300_000)
    found["all_loaded_seconds"] = round(time.monotonic() - start, 1)
    found["sessions"] = page.locator(".cs-loaded").inner_text()
    found["scrolling"] = page.evaluate(SCROLL)
    found["search"] = [page.evaluate(SET, [".cs-search", word]) for word in ("s-01", "s-0123", "part 1", "")]
    found["order"] = [page.evaluate(SET, ["[aria-label=Order]", order]) for order in ("turns", "text", "newest")]
    found["select_all"] = page.evaluate(SET, [".cs-all", None])
    return found


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="a store of benchmarks/sessions.py")
    options = parser.parse_args()
    uri = f"sqlite:///{options.store.resolve()}"
    with alone() as shown:
        shown.open(shown.lab.write("picker.ipynb", CELL.format(uri=uri)))
        shown.page.evaluate(WATCH)
        shown.run_all()
        print(json.dumps(measure(shown.page), indent=1))


if __name__ == "__main__":
    main()
