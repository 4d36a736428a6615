"""A conversation as a test file that stands alone."""

import ast
import hashlib
import pprint
import re
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.secrets import masked
from convsim_nb.workflow.ended import refuse_unended_conversation
from convsim_nb.workflow.kept import case_from
from convsim_nb.workflow.report import write_private

if TYPE_CHECKING:
    from convsim_nb.workflow.run import Run

_FILE = Template('''\
"""$about

What the user said in conversation $key of run $run_id is said again, word for word.
$needs
"""
$imports
AGENT = $agent
"""Where the agent is found: `module:name`, a URL, or an MLflow model."""
JUDGE = $judge
"""Who says whether the goal is reached."""
CASE = $case


$mark
def test_$name():
    run = cs.simulate(
        [cs.TestCase(**CASE)],
        AGENT,
        user_model=JUDGE,
        goal_check="on_end",
        max_turns=len(CASE["script"]),
        script_then="end",
        progress=False,
    ).wait()

    (conversation,) = run.conversations
    assert conversation.verdict == "reached", run.failures()
$corrections''')
_CORRECTIONS = """\
    assert conversation.corrections == 0, [release.quote for release in conversation.released]
"""
_LONGEST_NAME = 60


def export_test(run: "Run", key: str, *, path: Path | None, agent: str | None, mlflow_test: bool) -> Path:
    """Write the file: see `Run.export_test`."""
    refuse_unended_conversation(run, key, before="run.export_test()")
    case = case_from(run, key, turn=1, fields={})
    if not case.script:
        raise UsageError(f"the user said nothing in {key}: there is nothing to say again")
    name = _word(run.conversation(key).case_id)
    text = _FILE.substitute(
        about=_one_line(f"The agent has to reach this goal: {case.goal.rstrip('.?! ')}."),
        key=_one_line(key),
        run_id=run.run_id,
        needs=_needs(mlflow_test=mlflow_test),
        imports="import os\n\n" + ("import mlflow\n\n" if mlflow_test else "") + "import convsim_nb as cs\n",
        agent=f'os.environ.get("CONVSIM_AGENT", {masked(agent or _own_agent(run, key))!r})',
        judge=f'os.environ.get("CONVSIM_JUDGE", {_judge(run)!r})',
        case=pprint.pformat(case.as_mapping(), width=110, sort_dicts=False),
        mark="@mlflow.test" if mlflow_test else "",
        name=name,
        corrections=_CORRECTIONS if case.withheld or case.facts else "",
    ).replace("\n\n\n\ndef", "\n\n\ndef")
    ast.parse(text)  # what was said may hold anything
    return write_private(path or Path(f"test_{name}.py"), text, what="the test")


def _own_agent(run: "Run", key: str) -> str:
    """The name that the run's agent was given by in this process.

    Raises:
        UsageError: it was given as an object, or the run was brought back.
    """
    asked = run.planned.asked if run.planned is not None and run.conversation(key).origin is None else None
    if not isinstance(asked, str):
        raise UsageError('the test has to find the agent by a name: give agent="module:name"')
    return asked.strip()


def _word(case_id: str) -> str:
    """A case's id as part of a function's and a file's name, whatever it holds."""
    word = re.sub(r"[^a-z0-9]+", "_", case_id.lower()).strip("_")
    return word if word and len(word) <= _LONGEST_NAME else f"{word[:_LONGEST_NAME]}_{_mark(case_id)}".strip("_")


def _mark(case_id: str) -> str:
    return hashlib.sha256(case_id.encode()).hexdigest()[:8]


def _judge(run: "Run") -> str:
    settings = run.state.settings
    return settings.judge_model if settings and ":/" in settings.judge_model else "openai:/gpt-5-mini"


def _needs(*, mlflow_test: bool) -> str:
    plugin = "run it with `pytest -p mlflow.pytest.plugin`" if mlflow_test else "run it with `pytest`"
    return f"CONVSIM_AGENT and CONVSIM_JUDGE name others; {plugin}."


def _one_line(text: str) -> str:
    """A text as it may stand in a docstring."""
    text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
