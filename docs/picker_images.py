"""Makes the pictures of the picker: `python docs/picker_images.py`, from the project's folder.

Out of a real JupyterLab, with the built-in sessions and the rule-based stand-in for the model. They go to
`docs/images/`. Needs the extra `browser`, a chromium and Pillow; no network.
"""

import io
import sys
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs.images import IMAGES, Shots
from tests.notebook.lab import alone

COLOURS = 128
"""Enough for text on plain grounds; a picture is a third as large."""
START = """
import logging, os, tempfile, mlflow
import convsim_nb as cs
from convsim_nb.demo import record_sessions
logging.getLogger("mlflow").setLevel(logging.ERROR)
os.chdir(tempfile.mkdtemp())
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.set_experiment("harbor-support")
record_sessions(experiment="harbor-support")
doubted = ("hb-4130", "hb-4112", "hb-4101")
for trace in mlflow.search_traces(return_type="list", include_spans=False):
    if trace.info.trace_metadata["mlflow.trace.session"] in doubted:
        mlflow.log_feedback(trace_id=trace.info.trace_id, name="helpful", value=False)
"""
OPEN = 'picker = cs.SessionPicker("harbor-support", model="demo:/rules")\npicker'
PICKED = ("hb-4118", "hb-4101", "hb-4112", "hb-4130")


class Tour(Shots):
    """A picker in a tab."""

    @property
    def picker(self) -> Any:
        """The picker."""
        return self.page.locator(".cs-picker").last

    def keep(self, name: str, *, dark: bool = False) -> None:
        """The state as it stands, in few colours."""
        self.tab.theme(dark=dark)
        self.page.wait_for_timeout(400)
        taken = Image.open(io.BytesIO(self.picker.screenshot()))
        small = taken.convert("RGB").quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        small.save(IMAGES / f"picker-{name}.png", optimize=True)
        sys.stderr.write(f"{name}\n")

    def row(self, name: str) -> Any:
        """A row of the list."""
        return self.picker.locator(f"[data-id={name}]")


def main() -> None:
    """Make them all."""
    with alone() as shown:
        shown.page.set_viewport_size({"width": 1280, "height": 900})
        shown.open(shown.lab.write("picker.ipynb", START, OPEN)).run_all(wait=True)
        tour = Tour(shown)
        tour.row(PICKED[0]).wait_for()
        for name in PICKED:
            tour.row(name).click()
        tour.row(PICKED[1]).locator(".cs-read").click()
        tour.picker.locator(".cs-preview .cs-bubble").first.wait_for()
        for theme in ("light", "dark"):
            tour.keep(f"reading-{theme}", dark=theme == "dark")
        shown.page.keyboard.press("Escape")
        tour.picker.get_by_role("button", name="Distill 4 selected").click()
        tour.picker.get_by_text("About ").wait_for()
        tour.keep("estimate")
        tour.picker.get_by_role("button", name="Distill", exact=True).click()
        tour.picker.locator(".cs-words", has_text="distilled").wait_for()
        tour.keep("distilled")
        shown.page.set_viewport_size({"width": 470, "height": 820})
        tour.picker.get_by_role("button", name="Close", exact=True).click()
        tour.keep("narrow")


if __name__ == "__main__":
    main()
