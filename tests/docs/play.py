"""Runs the blocks of one page, in order and in one notebook's namespace: `python -m tests.docs.play PAGE`.

The working folder is one that `prepared.py` made. `openai:/...` is answered by the rule-based model on loopback.
Exits with 1 at the first block that fails, and says which.
"""

import os
import subprocess
import sys
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell

from tests.docs.blocks import ROOT, Block, blocks_of
from tests.docs.serving import serving

PRELUDE = """
import json, os, re
import mlflow
import convsim_nb as cs
from mymodule import my_agent
mlflow.set_experiment("support-agent")
get_ipython().run_line_magic("load_ext", "convsim_nb")
cases = cs.load_cases("cases.yaml")
sessions = cs.search_sessions(experiment="support-agent")
run, v1, v2 = cs.load_run("RUN"), cs.load_run("20261121-101500"), cs.load_run("RUN")
key = "closed-market/my_agent/1"
"""
GATES = {0, 3, 4}
"""How a gate exits that did its work."""


def main(page: str) -> int:
    """Run a page; gives the exit code."""
    sys.path.insert(0, str(Path.cwd()))
    shell = InteractiveShell.instance(colors="NoColor")
    with serving():
        for block in [Block(page, 0, "python", PRELUDE), *blocks_of(ROOT / page)]:
            if not block.reason and not _runs(block, shell):
                sys.stderr.write(f"{block.place}: this block fails:\n{block.code}\n")
                return 1
    return 0


def _runs(block: Block, shell: InteractiveShell) -> bool:
    if block.language == "python":
        return bool(shell.run_cell(block.code).success)
    return all(_exits_well(command) for command in (block.commands if block.language == "console" else ()))


def _exits_well(command: str) -> bool:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(command, shell=True, env={**os.environ, "PATH": path}, check=False)  # noqa: S602 - as readers do
    return done.returncode in (GATES if " gate " in command else {0})


if __name__ == "__main__":
    code = main(sys.argv[1])
    sys.stdout.flush()
    os._exit(code)  # whatever a page left playing
