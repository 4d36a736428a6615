"""Kernels of every version that we wait on, one a version and worker."""

import fcntl
from collections.abc import Iterator

import pytest

from tests.notebook.kernels.make_envs import VERSIONS, folder, python_with
from tests.notebook.kernels.page import Page

SETUP = """
%load_ext convsim_nb
import asyncio, convsim_nb as cs
from convsim_nb.testing import ScriptedChat
async def agent(messages):
    await asyncio.sleep(1)
    return "Not yet."
cases = [{"goal": f"Goal {n}", "case_id": f"case-{n}"} for n in range(3)]
chat = ScriptedChat(user=[f"Please {n}" for n in range(9)])
options = {"user_model": chat, "max_turns": 6, "mlflow": False}
"""
"""A run of six seconds: six turns of one."""


@pytest.fixture(scope="session", params=VERSIONS)
def python(request):
    """The Python of the environment with one version of ipykernel."""
    folder().mkdir(parents=True, exist_ok=True)
    with (folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return python_with(request.param)


@pytest.fixture(scope="session")
def page(python, tmp_path_factory) -> Iterator[Page]:
    """A page on a kernel of that version, with a run's parts at hand."""
    page = Page(python, tmp_path_factory.mktemp("notebook"))
    assert page.run(SETUP).status == "ok"
    yield page
    page.close()
