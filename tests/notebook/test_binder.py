"""What repo2docker reads, and MLflow's UI behind Jupyter, as Binder has it."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from tornado.web import HTTPError

from tests.notebook.lab import missing

ROOT = Path(__file__).parents[2]
BINDER = ROOT / "binder"
CONFIG = "jupyter_server_config.py"
HOST = "hub.mybinder.example"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """The settings of the `mlflow` entry, with an empty folder for temporary files."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings = SimpleNamespace(ServerProxy=SimpleNamespace())
    exec(compile((BINDER / CONFIG).read_text(), CONFIG, "exec"), {"c": settings})  # noqa: S102 - as Jupyter reads it
    return settings.ServerProxy.servers["mlflow"]


def store(folder, name, *, age=0.0):
    """A store such as a quickstart leaves."""
    path = folder / name / "mlflow.db"
    path.parent.mkdir()
    path.touch()
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_repo2docker_installs_this_checkout_and_its_python_fits():
    """`.` is local, so the whole repository is there first; the README's links open the notebooks that are there."""
    wanted = [line for line in (BINDER / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    version = re.fullmatch(r"python-(\d+\.\d+)\n", (BINDER / "runtime.txt").read_text())
    opened = re.findall(r"mybinder\.org/v2/gh/\S+?urlpath=lab/tree/([^)\s]+)", (ROOT / "README.md").read_text())

    assert wanted[0] == "."
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
    assert {ROOT / path for path in opened} == set((ROOT / "notebooks").glob("*.ipynb"))
    assert os.access(BINDER / "postBuild", os.X_OK)


def test_the_newest_store_is_shown(server, tmp_path):
    """Who ran the quickstart twice sees the second time."""
    store(tmp_path, "convsim-zz", age=60)
    newest = store(tmp_path, "convsim-aa")

    assert f"sqlite:///{newest}" in server["command"](port=1234)
    assert "1234" in server["command"](port=1234)


def test_without_a_store_the_page_says_what_to_do(server):
    """A click before the quickstart has run is no crash."""
    with pytest.raises(HTTPError, match="run the quickstart first"):
        server["command"](port=1234)


@pytest.mark.full
def test_mlflow_answers_behind_a_foreign_name(tmp_path):
    """Under the hub's host name, as on Binder, the page comes and its API gives what is in the store."""
    if find_spec("jupyter_server_proxy") is None:
        missing("jupyter-server-proxy")
    fill = "import mlflow, sys; mlflow.set_tracking_uri(sys.argv[1]); mlflow.set_experiment('harbor')"
    path = tmp_path / "convsim-x" / "mlflow.db"
    path.parent.mkdir()
    subprocess.run([sys.executable, "-c", fill, f"sqlite:///{path}"], check=True, cwd=tmp_path)

    with jupyter(tmp_path) as url:
        page = ask(f"{url}/mlflow/")
        found = json.loads(ask(f"{url}/mlflow/ajax-api/2.0/mlflow/experiments/search", {"max_results": 10}))

    assert b"<title>MLflow</title>" in page
    assert "harbor" in [experiment["name"] for experiment in found["experiments"]]


@contextlib.contextmanager
def jupyter(folder):
    """A Jupyter server with what `postBuild` puts in place; its address."""
    env = {**os.environ, "NB_PYTHON_PREFIX": str(folder / "prefix"), "TMPDIR": str(folder)}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    env |= {"JUPYTER_CONFIG_DIR": str(folder / "config"), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    env |= {"JUPYTER_CONFIG_PATH": str(folder / "prefix" / "etc" / "jupyter")}
    subprocess.run([BINDER / "postBuild"], check=True, cwd=ROOT, env=env)
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--ServerApp.allow_remote_access=True"]
    command = [sys.executable, "-m", "jupyter_server", *options, "--IdentityProvider.token=t"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, f"--ServerApp.root_dir={folder}"], env=env, stdout=log, stderr=log)
    try:
        yield address(folder / "log", process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def address(log, process):
    """Where the server listens, once it does."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return found[0]
        time.sleep(0.2)
    pytest.fail(log.read_text()[-2000:])


def ask(url, body=None):
    """A page, or the answer of an API, asked for as a browser on the hub asks."""
    headers = {"Authorization": "token t", "Host": HOST, "Content-Type": "application/json"}
    if body is not None:
        headers["Origin"] = f"https://{HOST}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=120) as reply:  # noqa: S310 - loopback
        return reply.read()
