"""Notebooks that nobody looks at: executed by nbclient and papermill, with a kernel of this environment."""

import os
import subprocess
import sys
from itertools import groupby

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import v4

SETUP = """
%load_ext convsim_nb
import asyncio
import convsim_nb as cs
from convsim_nb.testing import ScriptedAgent, ScriptedChat
chat = ScriptedChat.happy(turns=2)
agent = ScriptedAgent(otherwise='**Done**, <script>alert(1)</script>')
async def slow(messages):
    await asyncio.sleep(0.2)
    return "Done."
"""
CELLS = [
    SETUP,
    "%%convsim cases\n- goal: Get a refund\n- goal: Complain",
    "%convsim run cases --agent agent --user-model $chat --no-mlflow -o v1",
    "run = cs.simulate(cases, agent, user_model=chat, mlflow=False)\nrun.wait()",
    "v1",
    "later = cs.simulate(cases, slow, user_model=chat, mlflow=False)",
    "later.wait();",
    "%convsim show v1",
]
FAILING = "%convsim run nix.yaml --agent agent --user-model $chat"


def notebook(*cells):
    """A notebook of code cells."""
    return v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])


def shown(cell):
    """The outputs of a cell: their kind, and the richest form or the stream's name."""
    rich = ("application/vnd.jupyter.widget-view+json", "text/html", "text/plain")
    every = [
        f"{one.output_type} {one.get('name') or next(kind for kind in rich if kind in one.data)}"
        for one in cell.outputs
    ]
    return [one for one, _ in groupby(every)]  # papermill keeps each write of a stream apart


def execute(book, folder):
    """Execute a notebook in a folder of its own."""
    return NotebookClient(book, timeout=60, resources={"metadata": {"path": str(folder)}}).execute()


def check(book):
    """Text while it went on, static HTML at the end, no widget, and nothing twice."""
    static = ["stream stderr", "display_data text/html"]
    assert [shown(cell) for cell in book.cells[1:5]] == [
        ["execute_result text/html"],
        static,
        static,
        ["execute_result text/html"],
    ]
    # What began in one cell and ended in another stands where it was waited for.
    assert shown(book.cells[6])[-1:] == ["display_data text/html"]
    assert shown(book.cells[7]) == ["execute_result text/html"]
    *progress, html = book.cells[2].outputs
    assert "ended after 0:0" in progress[-1].text
    assert "<strong>Done</strong>" in html.data["text/html"]
    assert "<script" not in html.data["text/html"]
    assert "2 of 2 conversations reached the goal" in html.data["text/plain"]
    assert "widgets" not in book.metadata


def test_nbclient_runs_a_notebook_plainly(tmp_path):
    """A run in a notebook without a page shows itself as text, then as bubbles that need no kernel."""
    book = execute(notebook(*CELLS), tmp_path)
    check(book)

    kept = {path.read_text() for path in tmp_path.glob(".convsim/runs/*/run.html")}
    assert kept == {book.cells[place].outputs[-1].data["text/html"] for place in (2, 3, 6)}


def test_a_failing_cell_fails_the_notebook_in_one_line(tmp_path):
    """What a job's log shows is our line, and no stack of ours."""
    with pytest.raises(CellExecutionError) as caught:
        execute(notebook(SETUP, FAILING, "1"), tmp_path)

    assert (caught.value.ename, caught.value.evalue.split(" (")[0]) == ("NotFoundError", "no file nix.yaml")
    *frame, line = str(caught.value).strip().splitlines()
    assert line.startswith("NotFoundError: no file nix.yaml")
    assert not any("convsim_nb" in each for each in frame)


@pytest.mark.full
def test_papermill_runs_a_notebook_plainly(tmp_path):
    """The same by papermill, which brings parameters into the magics' lines."""
    book = notebook(*CELLS)
    book.cells.insert(1, v4.new_code_cell("turns = 1", metadata={"tags": ["parameters"]}))
    book.cells[3].source += " --max-turns $turns"
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "in.ipynb")
    command = [sys.executable, "-m", "papermill", "in.ipynb", "out.ipynb", "-p", "turns", "3"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    made = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    made.cells = [
        cell for cell in made.cells if not {"parameters", "injected-parameters"} & {*cell.metadata.get("tags", ())}
    ]
    check(made)


DISTILL = """
%load_ext convsim_nb
import convsim_nb as cs
said = [
    cs.Message(role="user", content="Cancel my appointment on Friday"),
    cs.Message(role="assistant", content="Done."),
]
sessions = [cs.Session(id=f"s{n}", messages=said) for n in range(3)]
"""


def test_distilling_shows_its_progress_quietly_in_the_cell(tmp_path):
    """One line that is redrawn in place: nothing on stderr, which notebooks show in red."""
    book = execute(notebook(DISTILL, "cases = cs.distill(sessions, model='demo:/rules')"), tmp_path)

    (line,) = book.cells[1].outputs
    assert (line.output_type, line.data["text/plain"]) == (
        "display_data",
        "3/3 sessions distilled: 3 test cases, 2 problems",
    )
    assert "progress" not in line.data["text/html"]
