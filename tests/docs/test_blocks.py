"""Every code block of README and docs does what it says: run page by page, against stand-ins on loopback."""

import ast
import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

from tests.docs.blocks import ROOT, blocks_of, pages

PAGES = [str(path.relative_to(ROOT)) for path in pages()]
MOST_NOT_RUN = 0.25
"""Share of the blocks with code that may say that they are not run."""
LANGUAGES = {"python", "console", "yaml", "json", "text", "html", "mermaid", ""}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A folder with sessions, cases, runs and an agent, as the pages speak of them."""
    folder = tmp_path_factory.mktemp("prepared")
    command = [sys.executable, "-m", "tests.docs.prepared", folder]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def environment(folder):
    """MLflow's store in the folder, and this repository on the path."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "IPYTHONDIR": f"{folder}/.ipython"}
    return {**os.environ, **quiet, **store, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}


@pytest.mark.full
@pytest.mark.timeout(320)  # the README plays some three hundred conversations
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(b.language == "python" for b in blocks_of(ROOT / page))]
)
def test_the_blocks_of_a_page_run(page, prepared, tmp_path):
    """In their order and in one namespace, as a reader would who begins at the top; commands of ours too."""
    folder = shutil.copytree(prepared, tmp_path / "page")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.docs.play", page],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", PAGES)
def test_every_block_can_be_read(page):
    """Python compiles, magics included; YAML and JSON parse; no other language is meant by a misspelt one."""
    for block in blocks_of(ROOT / page):
        assert block.language in LANGUAGES, block.place
        if block.language == "python":
            compiled = TransformerManager().transform_cell(block.code)
            compile(compiled, block.place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        elif block.language == "yaml":
            assert yaml.safe_load(block.code), block.place
        elif block.language == "json":
            assert json.loads(block.code), block.place


def test_hardly_a_block_is_not_run():
    """A block that is not run gives its reason where readers see it; such blocks stay the exception."""
    with_code = [
        b for page in PAGES for b in blocks_of(ROOT / page) if b.language in ("python", "console") and not b.hidden
    ]
    not_run = [block for block in with_code if block.reason]
    sys.stdout.write("".join(f"{block.place} is not run: {block.reason}\n" for block in not_run))

    assert len(with_code) > 30
    assert len(not_run) <= MOST_NOT_RUN * len(with_code)
