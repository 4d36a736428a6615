"""Makes the pictures of the live view: `python docs/images.py`, from the project's folder.

Each state, light and dark, wide and narrow, out of a real JupyterLab in which a real run plays: the built-in
cases, the built-in agent with its faults, and the rule-based stand-in for the model. Needs the extra `browser`,
a chromium, and Pillow, which matplotlib brings; no network.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.notebook import lab as labs

IMAGES = ROOT / "docs" / "images"
START = """
import logging, os, tempfile, mlflow
import convsim_nb as cs
from convsim_nb.demo import make_agent, record_sessions
%load_ext convsim_nb
logging.getLogger("mlflow").setLevel(logging.ERROR)
os.chdir(tempfile.mkdtemp())
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("harbor-support")
record_sessions(experiment="harbor-support")
cases = cs.distill(cs.search_sessions(experiment="harbor-support"), model="demo:/rules", progress=False)
agent_v1, agent_v2 = make_agent(1, latency=0.9), make_agent(2, latency=0.4)
"""
RUN = """
run = cs.simulate(cases, agent_v1, user_model="demo:/rules", max_turns=6, trials=2, concurrency=4, run_name="v1")
"""
SCORE = """
from convsim_nb.domain.score import Score
run.evaluate(["turns_to_goal", "tool_errors"])
run.scores = (*run.scores, *(Score(key=one.key, name="says_why", value="because" in reply.content, turn=turn)
              for one in run.conversations
              for turn, reply in enumerate((m for m in one.messages if m.source == "agent"), start=1)))
run.tell_hearers()
"""
COMPARE = """
v1, v2 = (cs.simulate(cases, make_agent(v), user_model="demo:/rules", max_turns=6, trials=2, mlflow=False,
                      run_name=f"v{v}", progress=False).wait() for v in (1, 2))
cs.compare(v1, v2)
"""
SIZES = {"wide": (1400, 960), "narrow": (700, 900)}


class Shots:
    """A tab in which the states are brought about, and pictures of the view."""

    def __init__(self, tab: labs.Tab) -> None:
        self.tab, self.page = tab, tab.page

    @property
    def view(self) -> Any:
        """The live view."""
        return self.page.locator(".cs-run, .cs-compare").last

    def take(self, name: str, of: Any = None) -> None:
        """The state in both themes and both widths."""
        for width, (x, y) in SIZES.items():
            self.page.set_viewport_size({"width": x, "height": y})
            for theme in ("light", "dark"):
                self.tab.theme(dark=theme == "dark")
                self.page.wait_for_timeout(350)
                shown = of or self.view
                shown.evaluate("(node) => node.scrollIntoView({ block: 'start' })")
                box = shown.bounding_box()
                clip = {**box, "height": min(box["height"], y - box["y"] - 40)}  # what is longer than the window is cut
                self.page.screenshot(path=IMAGES / f"{name}-{width}-{theme}.png", clip=clip)
        self.page.set_viewport_size({"width": SIZES["wide"][0], "height": SIZES["wide"][1]})
        self.tab.theme(dark=False)

    def cell(self, code: str) -> None:
        """Run one more cell."""
        self.tab.cell(code)

    def choose(self, number: int) -> None:
        """Click a square."""
        self.view.locator(f".cs-square:nth-child({number})").click()


def running(shots: Shots) -> None:
    """While the run plays: some reached, some not, some at work."""
    shots.page.wait_for_function("() => document.querySelectorAll('.cs-square.cs-reached').length >= 2")
    shots.cell("run.pause()")  # or the pictures would show different moments
    shots.page.wait_for_function("() => !document.querySelector('.cs-count.cs-running')")
    shots.take("running")


def taken_over(shots: Shots) -> None:
    """A person speaks for the simulated user."""
    shots.view.locator(".cs-row.cs-paused").last.click()
    shots.page.get_by_label("The next user message").fill("It is Saturday. Is the office open at all?")
    shots.take("taken-over")
    shots.page.get_by_label("The next user message").fill("")


def forking(shots: Shots) -> None:
    """A user message is changed, and another agent is to answer it."""
    shots.view.get_by_role("button", name="Actions on message 1", exact=True).click()
    shots.take("menu")
    shots.view.get_by_role("menuitem", name="Edit and fork").click()
    shots.view.locator(".cs-panel").get_by_label("Agent").fill("agent_v2")
    shots.take("forking")
    shots.view.locator(".cs-panel").get_by_role("button", name="Fork", exact=True).click()
    shots.page.wait_for_selector(".cs-square.cs-apart")
    shots.cell("run.set_concurrency(12); run.resume()")


def beside(shots: Shots) -> None:
    """A fork beside its origin: what both share, and where they part."""
    shots.page.wait_for_selector(".cs-square.cs-apart:is(.cs-reached, .cs-not_reached)")
    shots.view.locator(".cs-square.cs-apart").click()
    shots.view.get_by_label("Side by side with").select_option(index=1)
    shots.page.wait_for_selector(".cs-mark")
    shots.take("beside")


def ended(shots: Shots) -> None:
    """After the end: failures first, a label, a test case, the spans of a turn, and the form that is saved."""
    shots.page.wait_for_selector(".cs-run", state="detached", timeout=240_000)
    shots.take("saved", of=shots.page.locator(".jp-Cell").nth(1).locator(".jp-OutputArea"))
    shots.cell("%convsim show run")
    shots.page.wait_for_selector(".cs-run:not(.cs-unknown)")
    shots.view.locator(".cs-row.cs-not_reached").first.click()
    shots.take("ended")
    shots.view.get_by_role("button", name="Label", exact=True).click()
    shots.view.locator(".cs-panel").get_by_label("Not reached").check()
    shots.view.locator(".cs-panel").get_by_label("Note").fill("Says that it is booked, and books nothing")
    shots.take("label")
    shots.view.locator(".cs-panel").get_by_role("button", name="Label", exact=True).click()
    shots.view.get_by_role("button", name="Actions on message 2", exact=True).click()
    shots.view.get_by_role("menuitem", name="Trace").click()
    shots.page.wait_for_selector(".cs-span")
    shots.take("trace")
    shots.view.get_by_role("button", name="Close", exact=True).click()
    shots.view.get_by_role("button", name="Actions on message 1", exact=True).click()
    shots.view.get_by_role("menuitem", name="Make a test case of this").click()
    shots.page.wait_for_selector(".cs-yaml")
    shots.take("test-case")
    shots.view.get_by_role("button", name="Close", exact=True).click()


def scored(shots: Shots) -> None:
    """Scores on the turns and at the end; and, where it is narrow, the list."""
    shots.cell(SCORE)
    shots.page.wait_for_selector(".cs-scores")
    shots.take("scored")
    shots.page.set_viewport_size({"width": SIZES["narrow"][0], "height": SIZES["narrow"][1]})
    shots.view.get_by_role("button", name="Back to the list").click()
    for theme in ("light", "dark"):
        shots.tab.theme(dark=theme == "dark")
        shots.page.wait_for_timeout(350)
        shots.view.screenshot(path=IMAGES / f"list-narrow-{theme}.png")
    shots.page.set_viewport_size({"width": SIZES["wide"][0], "height": SIZES["wide"][1]})
    shots.tab.theme(dark=False)


def compared(shots: Shots) -> None:
    """Two versions: the cases that changed, and both transcripts of one."""
    shots.cell(COMPARE)
    shots.page.wait_for_selector(".cs-compare .cs-mark", timeout=240_000)
    shots.page.wait_for_timeout(1500)
    shots.take("compare")


def edited(shots: Shots) -> None:
    """Test cases in the grid: one edited, one to fix, and the session that one of them came from."""
    shots.cell("grid = cases.edit()")
    shots.page.wait_for_selector(".cs-cases:not(.cs-unknown) .cs-g-row")
    grid = shots.page.locator(".cs-cases").last
    row = grid.locator(".cs-g-row")
    row.nth(1).locator("[data-column=persona]").click()
    shots.page.keyboard.type("You run a small shop, are in a hurry, and know the terms by heart.")
    shots.page.keyboard.press("Enter")
    shots.page.keyboard.press("Control+Enter")
    grid.locator("textarea").wait_for()
    shots.page.keyboard.press("Escape")
    row.nth(0).locator("[data-column=withheld]").click()
    grid.get_by_role("button", name="Source", exact=True).click()
    grid.locator(".cs-g-source mark.cs-g-own").first.wait_for()
    shots.take("grid", of=grid)


def make_small() -> None:
    """With 256 colours, rare ones among them, a picture of a page looks the same, and takes half the room."""
    from PIL import Image

    for path in IMAGES.glob("*.png"):
        with Image.open(path) as picture:
            if picture.mode != "P":
                picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
                    path, optimize=True
                )


STATES: tuple[Callable[[Shots], None], ...] = (running, taken_over, forking, beside, ended, scored, compared, edited)


def main() -> None:
    """Make them all."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with labs.alone() as opened:
        opened.open(opened.lab.write("pictures.ipynb", START, RUN)).run_all(wait=True)
        shots = Shots(opened)
        shots.page.wait_for_selector(".cs-run:not(.cs-unknown)")
        for state in STATES:
            state(shots)
            sys.stderr.write(f"{state.__name__}\n")
    make_small()


if __name__ == "__main__":
    main()
