"""One live kernel, of this environment: what the full lane proves for every version, in short."""

import sys
from pathlib import Path

from tests.notebook.kernels.conftest import SETUP
from tests.notebook.kernels.page import Page


def test_stop_and_interrupt_end_a_waiting_cell(tmp_path):
    """A Stop ends the cell well, an interrupt with KeyboardInterrupt, both at once and with what was done.

    `run.wait()` needs no `%load_ext`: a run loads what waits for it.
    """
    page = Page(Path(sys.executable), tmp_path)
    try:
        assert page.run(SETUP.replace("%load_ext convsim_nb", "")).status == "ok"
        stopped = page.run("run = cs.simulate(cases, agent, **options).wait()", then=Page.click_stop, after=0.3)
        magic = "%convsim run cases --agent agent --user-model $chat --max-turns 6 --no-mlflow -o run"
        page.run("%load_ext convsim_nb")
        interrupted = page.run(magic, then=Page.interrupt, after=0.3)
        widgets = page.ask("comm_info_request", {"target_name": "jupyter.widget"})["comms"]
        kept = page.run("print([c.stop for c in run.conversations])").text("stdout")
    finally:
        page.close()

    assert (stopped.status, interrupted.status, interrupted.reply["ename"]) == ("ok", "error", "KeyboardInterrupt")
    assert max(stopped.after, interrupted.after) < 1
    assert widgets == {}  # what is open would be saved with the notebook
    assert kept == "['cancelled', 'cancelled', 'cancelled']\n"
