"""The shipped notebooks as jobs: under papermill with parameters, and under nbclient."""

import json
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from notebooks import regenerate
from tests.test_command import AGENT, CASES

SHIPPED = regenerate.notebooks()
TAGGED = {"05_your_own_agent", "06_jobs"}
"""Notebooks that say which of their names a job may set."""


def environment(folder):
    (folder / "tmp").mkdir(exist_ok=True)
    own = {"TMPDIR": str(folder / "tmp"), "IPYTHONDIR": str(folder / "ipython"), "MPLCONFIGDIR": str(folder / "tmp")}
    bare = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    return {**bare, **own, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def papermill(path, folder, /, **parameters):
    """Run a notebook as a scheduler would; gives the process and the notebook that it wrote."""
    given = [word for name, value in parameters.items() for word in ("-p", name, str(value))]
    command = [sys.executable, "-W", "ignore", "-m", "papermill", str(path), "out.ipynb", *given, "--no-progress-bar"]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, check=False)
    return done, nbformat.read(folder / "out.ipynb", as_version=4)


def printed(book, cell_id):
    """What a cell printed, by its id's end: papermill keeps ids."""
    (cell,) = [cell for cell in book.cells if cell.id == cell_id]
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.mark.full
@pytest.mark.timeout(170)
@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_a_notebook_runs_under_papermill(path, tmp_path):
    """A parameter goes in, no cell fails, and nothing lies beside it but what papermill writes."""
    done, book = papermill(path, tmp_path, model="demo:/rules")

    assert done.returncode == 0, done.stderr[-3000:]
    assert [cell.source for cell in book.cells if "injected-parameters" in cell.metadata.get("tags", ())] == [
        '# Parameters\nmodel = "demo:/rules"\n'
    ]
    assert done.stdout == ""
    assert {file.name for file in tmp_path.iterdir()} <= {"out.ipynb", "tmp", "ipython"}


@pytest.mark.full
@pytest.mark.timeout(170)
@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_a_notebook_runs_under_nbclient(path, tmp_path):
    """No front end, no widget, no key: every cell comes to its end."""
    book = nbformat.read(path, as_version=4)
    NotebookClient(book, timeout=150, resources={"metadata": {"path": tmp_path}}).execute(env=environment(tmp_path))

    assert [output for cell in book.cells for output in cell.get("outputs", ()) if output.output_type == "error"] == []


def test_a_job_says_which_names_it_takes():
    """One cell, tagged as papermill wants it, and before all code that uses the names."""
    for path in SHIPPED:
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        tagged = [place for place, cell in enumerate(cells) if "parameters" in cell.metadata.get("tags", ())]

        assert tagged == ([0] if path.stem in TAGGED else []), path.stem


@pytest.mark.full
@pytest.mark.timeout(170)
def test_the_job_takes_its_parameters_and_hands_back_json(tmp_path):
    """Other cases, another agent, a folder that lasts: tried again, the second job pays for nothing."""
    (tmp_path / "agents.py").write_text(AGENT)
    (tmp_path / "cases.yaml").write_text(CASES)
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.path.insert(0, {str(tmp_path)!r})")
    given = {"cases_file": tmp_path / "cases.yaml", "agent": "agents:answers", "folder": tmp_path / "kept", "trials": 1}
    (tmp_path / "kept").mkdir()
    jobs = next(path for path in SHIPPED if path.stem == "06_jobs")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{tmp_path}/mlflow.db"
    try:
        first, book = papermill(jobs, tmp_path, **given)
        second, again = papermill(jobs, tmp_path, **given)
    finally:
        del os.environ["MLFLOW_TRACKING_URI"]

    assert (first.returncode, second.returncode) == (0, 0), (first.stderr + second.stderr)[-3000:]
    found = json.loads(printed(book, "exit"))
    assert (found["outcome"], found["reach_rate"], found["void"]) == ("inconclusive", 1.0, 0)
    assert "the same run: True" in printed(again, "again")
    runs = [path.name for path in (tmp_path / "kept" / "runs").iterdir()]
    assert len(runs) == 3  # the job's own once, and each time a baseline
