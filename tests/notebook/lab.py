"""A real JupyterLab and a real browser: one server and one Chromium a test session, one tab a test.

Import the fixtures in a `conftest.py`: `from tests.notebook.lab import chromium, lab, tab  # noqa: F401`.
"""

import contextlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_QUIET = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "apputils-extension/themes": {"adaptive-theme": False},
}
_START_SECONDS = 60
_APPS = {"lab": "LabApp", "notebook": "JupyterNotebookApp"}


def missing(what):
    """Skip where a tool is not installed; in CI that is a failure, or nothing would be tested."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing: the full lane needs it")
    pytest.skip(f"{what} is not installed")


@dataclass
class Lab:
    """A JupyterLab server of its own, with nothing of the user's settings."""

    url: str
    token: str
    root: Path
    log: Path
    app: str = "lab"

    def write(self, name, *cells):
        """Put a notebook of code cells where the server finds it."""
        body = [
            {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
            for n, cell in enumerate(cells)
        ]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": body}
        (self.root / name).write_text(json.dumps(notebook), encoding="utf-8")
        return name

    def read(self, name):
        """A saved notebook, parsed."""
        return json.loads((self.root / name).read_text(encoding="utf-8"))

    def api(self, path, method="GET"):
        """Ask the server's REST interface."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method, headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - loopback
            return json.loads(reply.read() or b"null")


@dataclass
class Tab:
    """A browser tab on the lab."""

    page: object
    lab: Lab
    errors: list

    def open(self, name, *, reset=True):
        """Show a notebook alone; `reset` forgets what was open before."""
        place = "notebooks" if self.lab.app == "notebook" else "doc/tree"
        self.page.goto(f"{self.lab.url}/{place}/{name}?token={self.lab.token}{'&reset' if reset else ''}")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function("() => window.jupyterapp?.shell.currentWidget?.sessionContext?.isReady")
        return self

    def command(self, name, **arguments):
        """Run a command of JupyterLab, and wait for it."""
        self.page.evaluate("([name, args]) => window.jupyterapp.commands.execute(name, args)", [name, arguments])

    def run_all(self, *, wait=False):
        """Run all cells: return at once, or when they are done."""
        self.page.wait_for_function("() => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel")
        go = "() => { window.done = window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        self.page.evaluate(go)
        if wait:
            self.page.evaluate("() => window.done")

    def cell(self, code):
        """Run one more cell at the end of the notebook."""
        go = """async (code) => {
            const { content } = window.jupyterapp.shell.currentWidget;
            content.activeCellIndex = content.widgets.length - 1;
            await window.jupyterapp.commands.execute('notebook:insert-cell-below');
            content.activeCell.model.sharedModel.setSource(code);
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }"""
        self.page.evaluate(go, code)

    def save(self):
        """Save the notebook."""
        self.command("docmanager:save")

    def theme(self, *, dark):
        """Change between the light and the dark theme."""
        self.command("apputils:change-theme", theme=f"JupyterLab {'Dark' if dark else 'Light'}")
        self.page.wait_for_selector(f"body[data-jp-theme-light='{'false' if dark else 'true'}']", state="attached")


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A running JupyterLab."""
    yield from _served(tmp_path_factory.mktemp("lab"), "lab")


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory):
    """A running Notebook 7."""
    yield from _served(tmp_path_factory.mktemp("notebook"), "notebook")


def _served(home, app):
    module = {"lab": "jupyterlab", "notebook": "notebook"}[app]
    if importlib.util.find_spec(module) is None:
        missing(module)
    with _running(home, app) as server:
        yield server


@contextlib.contextmanager
def _running(home, app):
    token = secrets.token_hex(16)
    process = _start(home, token, app)
    try:
        yield Lab(_address(home, process), token, home / "notebooks", home / "server.log", app)
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextlib.contextmanager
def alone(*flags):
    """A tab on a JupyterLab and in a browser of its own, for what is no test: pictures, benchmarks."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=[*FLAGS, *flags])
        with contextlib.closing(browser), _running(Path(home), "lab") as server:
            page = browser.new_context(viewport={"width": 1400, "height": 960}).new_page()
            page.set_default_timeout(60_000)
            yield Tab(page, server, [])


def chromium_path():
    """Where a browser is installed, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def chromium():
    """A headless browser."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright")
    path = chromium_path()
    if path is None:
        missing("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


FAILED = pytest.StashKey()
"""Set by the `conftest.py` on a test that failed."""


@pytest.fixture
def tab(chromium, request):
    """A fresh tab; at the end of the test its kernels are shut down. What a failed test saw is kept as a picture.

    Of JupyterLab, or of the server whose fixture is given: `indirect=True`, `["notebook7"]`.
    """
    lab = request.getfixturevalue(getattr(request, "param", "lab"))
    context = chromium.new_context(viewport={"width": 1200, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield Tab(page, lab, errors)
    if request.node.stash.get(FAILED, False):
        picture = lab.root.parent / f"{re.sub('[^a-z0-9]+', '-', request.node.name.lower())}.png"
        page.screenshot(path=picture)
        sys.stderr.write(f"what the test saw: {picture}\n")
    context.close()
    for session in lab.api("sessions"):
        with contextlib.suppress(urllib.error.HTTPError):
            lab.api(f"sessions/{session['id']}", method="DELETE")


def _start(home, token, app="lab"):
    settings = home / "settings"
    for name, values in _QUIET.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    (home / "notebooks").mkdir()
    folders = {
        name: str(home / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR")
    }
    workspaces = {"JUPYTERLAB_SETTINGS_DIR": str(settings), "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces")}
    command = [
        *(sys.executable, "-m", "jupyterlab" if app == "lab" else "notebook"),
        *("--no-browser", "--allow-root", "--ip=127.0.0.1"),
        *("--ServerApp.port=0", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={home / 'notebooks'}"),
        *(f"--IdentityProvider.token={token}", f"--{_APPS[app]}.expose_app_in_browser=True"),
    ]
    with (home / "server.log").open("wb") as log:
        return subprocess.Popen(command, env={**os.environ, **folders, **workspaces}, stdout=log, stderr=log)


def _address(home, process):
    """Where the server listens, once it answers."""
    log = home / "server.log"
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/(?:lab|tree)", log.read_text(encoding="utf-8", errors="replace"))
        if found:
            return f"http://127.0.0.1:{found[1]}"
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
