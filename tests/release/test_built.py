"""What is released: the sdist, and the wheel that is built from it."""

import email
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

import convsim_nb

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with both: the wheel is made out of the sdist, as an index's users would make it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def tracked(*under):
    """The files of the repository, as git knows them."""
    listed = subprocess.run(["git", "ls-files", *under], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
    return {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    """Every file of the package, data and built JavaScript too; no source of the latter, no test."""
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {name for name in tracked("convsim_nb") if not name.startswith("convsim_nb/notebook/js/")}

    assert held == wanted
    assert {"convsim_nb/py.typed", "convsim_nb/notebook/static/run_view.js", "convsim_nb/demo/data/bank.json"} <= held


def test_its_metadata_are_those_of_the_project(wheel):
    """One version, said in one place; extras, license, the README as the page of an index, the command."""
    info = next(name.rpartition("/")[0] for name in wheel.namelist() if name.endswith("/METADATA"))
    told = email.message_from_bytes(wheel.read(f"{info}/METADATA"))

    assert told["Version"] == convsim_nb.__version__
    assert PROJECT["dynamic"] == ["version"]
    assert set(told.get_all("Provides-Extra")) == set(PROJECT["optional-dependencies"])
    assert told["Requires-Python"] == ">=3.11"
    assert told["License-Expression"] == "Apache-2.0"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()
    assert told.get_payload().lstrip().startswith("# convsim-nb")
    assert wheel.read(f"{info}/entry_points.txt").decode().split() == [
        "[console_scripts]",
        "convsim",
        "=",
        "convsim_nb.__main__:main",
    ]


def test_the_sdist_holds_what_the_tests_need(built):
    """Who packages it can test it: tests, notebooks, docs, and the words around them."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as opened:
        held = {name.partition("/")[2] for name in opened.getnames()}
    around = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "mkdocs.yml", "pyproject.toml"}

    assert around <= held
    assert tracked("tests", "notebooks", "docs") - held == set()
    assert not any("node_modules" in name or name.startswith(("build/", ".convsim")) for name in held)
