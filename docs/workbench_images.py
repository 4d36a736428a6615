"""Makes the pictures of the workbench: `python docs/workbench_images.py`, from the project's folder.

The states of the guided tour, out of a real JupyterLab, with the built-in sessions, agents and the rule-based
stand-in for the model. They go to `docs/images/`, and those that `notebooks/02_workbench.ipynb` shows go into it,
as attachments. Needs the extra `browser`, a chromium and Pillow; no network.
"""

import argparse
import base64
import io
import sys
from pathlib import Path
from typing import Any

import nbformat
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.images import IMAGES, Shots
from tests.notebook.lab import alone

NOTEBOOK = ROOT / "notebooks" / "02_workbench.ipynb"
COLOURS = 128
"""Enough for text on plain grounds; a picture is a third as large."""
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
agent_v1, agent_v2 = make_agent(1, latency=2.5), make_agent(2, latency=0.2)


def support(messages):
    return agent_v1(messages)
"""
MENDED = """
def support(messages):
    return agent_v2(messages)
"""
OPEN = "%convsim --agent support --experiment harbor-support --user-model demo:/rules --max-turns 4 -o bench"
PICKED = ("hb-4101", "hb-4103", "hb-4107", "hb-4110", "hb-4117", "hb-4123", "hb-4125", "hb-4129")
SIZES = {"wide": (1480, 940), "narrow": (760, 900)}


class Tour(Shots):
    """A workbench in a tab."""

    @property
    def bench(self) -> Any:
        """The workbench."""
        return self.page.locator(".convsim-workbench").last

    def keep(self, name: str, *, size: str = "wide", dark: bool = False) -> None:
        """The state as it stands, in few colours."""
        self.tab.theme(dark=dark)
        self.page.wait_for_timeout(400)
        self.bench.evaluate("(node) => node.scrollIntoView({ block: 'start' })")
        box = self.bench.bounding_box()
        height = min(box["height"], SIZES[size][1] - box["y"] - 40)
        taken = Image.open(io.BytesIO(self.page.screenshot(clip={**box, "height": height})))
        small = taken.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        small.save(IMAGES / f"workbench-{name}.png", optimize=True)
        sys.stderr.write(f"{name}\n")

    def button(self, name: str) -> Any:
        """A button of the workbench."""
        return self.bench.get_by_role("button", name=name, exact=True)

    def size(self, name: str) -> None:
        """Make the window as wide as that."""
        self.page.set_viewport_size(dict(zip(("width", "height"), SIZES[name], strict=True)))

    def run(self) -> None:
        """Press Run."""
        self.button("Run").click()
        self.page.wait_for_selector(".convsim-workbench .cs-run .cs-bubble")

    def wait(self) -> None:
        """Wait for the end."""
        self.page.wait_for_function("() => !document.querySelector('.cs-wb-run[aria-disabled]')", timeout=120_000)


def tour(shots: Tour) -> None:
    """From the sessions to the comparison of two versions."""
    shots.size("wide")
    shots.page.wait_for_function("() => document.querySelectorAll('.cs-picker [role=option]').length > 5")
    shots.cell(f"bench.picker.selected = {PICKED}")
    shots.page.wait_for_timeout(800)
    shots.keep("picked")
    shots.cell("bench.picker.distill()")
    shots.page.wait_for_function("() => document.querySelectorAll('.cs-g-body [role=row]').length >= 8")
    shots.page.wait_for_timeout(800)
    shots.keep("cases")
    shots.run()
    shots.page.wait_for_function("() => document.querySelectorAll('.cs-square.cs-reached').length >= 1")
    for dark in (False, True):
        shots.keep(f"running-{'dark' if dark else 'light'}", dark=dark)
    shots.wait()
    shots.bench.locator(".cs-wb-chip").first.click()
    shots.keep("ended")
    shots.cell(MENDED)
    shots.page.wait_for_timeout(1000)
    shots.run()
    shots.wait()
    shots.button("Compare").click()
    shots.bench.get_by_text("reached the goal in").first.wait_for()
    shots.keep("compared")
    shots.button("Back to the run").click()
    shots.size("narrow")
    shots.bench.get_by_role("navigation", name="Steps").get_by_role("button", name="Cases").click()
    shots.keep("narrow-light", size="narrow")
    shots.keep("narrow-dark", size="narrow", dark=True)


def attach() -> None:
    """Put the pictures that the notebook shows into it."""
    book = nbformat.read(NOTEBOOK, as_version=4)
    for cell in book.cells:
        named = [
            path.name for path in sorted(IMAGES.glob("workbench-*.png")) if f"attachment:{path.name}" in cell.source
        ]
        if named:
            coded = {name: base64.b64encode((IMAGES / name).read_bytes()).decode() for name in named}
            cell["attachments"] = {name: {"image/png": code} for name, code in coded.items()}
    nbformat.write(book, NOTEBOOK)


def main() -> None:
    """Make them all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attach", action="store_true", help="only put the pictures that are there into the notebook")
    if not parser.parse_args().attach:
        with alone() as opened:
            opened.open(opened.lab.write("tour.ipynb", START, OPEN)).run_all(wait=True)
            shots = Tour(opened)
            shots.page.wait_for_selector(".cs-wb-bar:not(.cs-unknown)")
            tour(shots)
    if NOTEBOOK.exists():
        attach()


if __name__ == "__main__":
    main()
