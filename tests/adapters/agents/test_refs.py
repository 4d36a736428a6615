"""What a run keeps of its agent."""

import functools
import subprocess
import sys
import types

import pytest

from convsim_nb.adapters.agents import agent_ref
from convsim_nb.domain.events import AgentRef

SOURCE = "def agent(messages):\n    return 'v1'\n"


def by_function(messages): ...
async def by_coroutine(messages): ...


class Shop:
    def __init__(self, stock=()):
        self.stock = stock

    def answer(self, messages): ...
    def __call__(self, messages): ...

    @classmethod
    def of_class(cls, messages): ...


@functools.wraps(by_function)
def decorated(*args, **kwargs): ...


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (by_function, "by_function"),
        (by_coroutine, "by_coroutine"),
        (Shop(), "Shop"),
        (Shop().answer, "Shop.answer"),
        (Shop.of_class, "Shop.of_class"),
        (functools.partial(by_function, 1), "by_function"),
        (lambda messages: None, "lambda"),
        ("http://ann:secret@localhost:8000/v1#support", "support@localhost:8000"),
    ],
)
def test_an_agent_goes_by_its_own_name(agent, name):
    """Unless it is given one."""
    assert agent_ref(agent).name == name
    assert agent_ref(agent, name="v1").name == "v1"


def imported(path, source):
    """A function from a file of that source."""
    path.write_text(source)
    module = types.ModuleType(path.stem)
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - as an import does
    return module.agent


def test_the_hash_is_of_the_source_and_nothing_else(tmp_path):
    """The same source is the same agent, wherever it lies; another source, or another argument, is another."""
    first, moved = (imported(tmp_path / name, SOURCE) for name in ("a.py", "b.py"))
    changed = imported(tmp_path / "c.py", SOURCE.replace("v1", "v2"))
    hashes = [agent_ref(agent).source_hash for agent in (first, moved, changed)]

    assert hashes[0] == hashes[1] != hashes[2]
    assert all(len(digest) == 12 and int(digest, 16) for digest in hashes)
    partials = [agent_ref(functools.partial(by_function, version)).source_hash for version in ("v1", "v1", "v2")]
    assert partials[0] == partials[1] != partials[2]
    assert agent_ref(functools.partial(by_function, object())) == agent_ref(functools.partial(by_function, object()))
    assert agent_ref(decorated).source_hash == agent_ref(by_function).source_hash
    assert agent_ref(Shop(["kettle"])).source_hash == agent_ref(Shop().answer).source_hash != ""


def test_a_function_without_source_is_hashed_by_its_code():
    """As in an interactive session: the same in another process, whatever the order of its sets."""
    code = (
        "from convsim_nb.adapters.agents import agent_ref\n"
        "scope = {}\n"
        'exec(\'def agent(messages):\\n    return [w for w in (lambda: messages)() if w in {"a", "b", "c"}]\', scope)\n'
        "print(agent_ref(scope['agent']).source_hash)\n"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(2)]

    assert len({run.stdout for run in runs}) == 1
    assert len(runs[0].stdout.strip()) == 12


def test_what_has_no_source_has_no_hash():
    """A built-in, and an address."""
    assert agent_ref(print) == AgentRef(name="print")
    assert agent_ref("http://localhost/v1#m") == AgentRef(name="m@localhost")


def test_the_commit_is_named_where_git_keeps_the_file(tmp_path):
    """A file that git does not keep says nothing of the commit."""
    kept = imported(tmp_path / "kept.py", SOURCE)
    assert agent_ref(kept).git_commit == ""
    git = functools.partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True, text=True)
    git(["git", "init", "-q"])
    git(["git", "add", "kept.py"])
    git(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "first"])

    commit = git(["git", "rev-parse", "HEAD"]).stdout.strip()
    assert len(commit) == 40
    assert agent_ref(kept).git_commit == commit
    assert agent_ref(imported(tmp_path / "loose.py", SOURCE)).git_commit == ""
