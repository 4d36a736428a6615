"""The JavaScript's own tools, installed from the lock file, for tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.notebook.lab import missing

ROOT = Path(__file__).parents[2]
JS = ROOT / "convsim_nb" / "notebook" / "js"
STATIC = ROOT / "convsim_nb" / "notebook" / "static"


def run(*command, cwd):
    """Run a command; what it said is the failure."""
    if shutil.which(command[0]) is None:
        missing(command[0])
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """A copy of the sources with their tools, installed from the lock file."""
    js = tmp_path_factory.mktemp("js") / "js"
    shutil.copytree(JS, js, ignore=shutil.ignore_patterns("node_modules"))
    (js.parent / "static").mkdir()
    run("npm", "ci", "--ignore-scripts", cwd=js)
    return js
