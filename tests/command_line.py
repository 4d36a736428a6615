"""The `convsim` command in the tests' own process: as it is called, without the seconds of starting one."""

import signal
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

import pytest

from convsim_nb.__main__ import main

AGENT = """
def answers(messages):
    return "Your refund of 34.90 EUR was sent today."

def acknowledges(messages):
    return "Ok, I am looking into it."
"""
CASES = """
- goal: Get a refund for the broken kettle
  case_id: kettle
- goal: Get a refund for the late parcel
  case_id: parcel
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with an agent and two cases in it; what the command changes of the process goes again."""
    (tmp_path / "agents.py").write_text(AGENT)
    (tmp_path / "cases.yaml").write_text(CASES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "agents", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)
    sys.modules.pop("agents", None)


def command(*arguments):
    """Its exit code, and what it wrote to stdout and stderr."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code
    return code, out.getvalue(), err.getvalue()


def played(*arguments, agent="agents:answers"):
    """The same of `convsim run cases.yaml`, with the built-in user and no MLflow."""
    return command("run", "cases.yaml", "--agent", agent, "--user-model", "demo:/rules", "--no-mlflow", *arguments)
