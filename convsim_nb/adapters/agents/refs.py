"""Which agent it is: its name, the hash of its source, and the commit that the source stands in."""

import functools
import hashlib
import inspect
import subprocess
from pathlib import Path
from typing import Any

from convsim_nb.adapters.agents.endpoint import endpoint_name
from convsim_nb.adapters.agents.runnable import functions_of, kinds_of
from convsim_nb.domain.events import AgentRef

_DIGITS = 12
_GIT_SECONDS = 5


def agent_ref(agent: Any, *, name: str | None = None) -> AgentRef:
    """What a run keeps of an agent. Whatever cannot be known is left empty."""
    name = name or agent_name(agent)
    if isinstance(agent, str) or type(agent).__module__.partition(".")[0] == "mlflow":  # its source is not here
        return AgentRef(name=name, model_id=str(getattr(agent, "model_id", None) or ""))
    source = "".join(map(_source_of, functions_of(agent))) if kinds_of(agent) else _source_of(agent)
    digest = hashlib.sha256(source.encode()).hexdigest()[:_DIGITS] if source else ""
    return AgentRef(name=name, source_hash=digest, git_commit=_commit(agent))


def agent_name(agent: Any) -> str:
    """The name that an agent goes by where it is given none."""
    if isinstance(agent, str):
        return endpoint_name(agent)
    agent = _inner(agent)
    owner = getattr(agent, "__self__", None)
    if inspect.ismethod(agent) and owner is not None:
        kind = owner if inspect.isclass(owner) else type(owner)
        return f"{kind.__name__}.{agent.__name__}"
    own = getattr(agent, "__name__", None) or getattr(agent, "name", None) or type(agent).__name__
    return "lambda" if own == "<lambda>" else str(own)


def _inner(agent: Any) -> Any:
    while isinstance(agent, functools.partial):
        agent = agent.func
    return agent


def _written(agent: Any) -> Any:
    """What the agent's source is that of: the function under decorators, or the class of an object."""
    agent = inspect.unwrap(_inner(agent))
    if inspect.ismethod(agent):
        agent = agent.__self__
    return agent if inspect.isroutine(agent) or inspect.isclass(agent) else type(agent)


def _source_of(agent: Any) -> str:
    bound = repr(_bound(agent)) if isinstance(agent, functools.partial) else ""
    written = _written(agent)
    try:
        return inspect.getsource(written) + bound
    except (OSError, TypeError):  # made by exec, or a class of an interactive session
        methods = vars(written).values() if inspect.isclass(written) else (written,)
        codes = [code for method in methods if (code := getattr(method, "__code__", None))]
        return "".join(f"{code.co_code!r}{code.co_names}{_constants(code)}" for code in codes) + bound if codes else ""


def _constants(code: Any) -> list[Any]:
    """The constants, without what differs from process to process: addresses, and the order of sets."""
    constants: list[Any] = []
    for one in code.co_consts:
        if inspect.iscode(one):
            constants.append(_constants(one))
        else:
            constants.append(sorted(map(repr, one)) if isinstance(one, frozenset) else one)
    return constants


def _bound(agent: "functools.partial[Any]") -> list[Any]:
    """The arguments of a partial that have a value worth comparing: an object shows its address."""
    given = [*agent.args, *(part for pair in sorted(agent.keywords.items()) for part in pair)]
    return [value for value in given if value is None or isinstance(value, str | int | float | bool)]


def _commit(agent: Any) -> str:
    """The checked-out commit, where the agent's source file is one that git keeps."""
    try:
        file = Path(inspect.getsourcefile(_written(agent)) or "")
        if not file.is_file():
            return ""
        _git(file.parent, "ls-files", "--error-unmatch", file.name)
        return _git(file.parent, "rev-parse", "HEAD")
    except (OSError, TypeError, subprocess.SubprocessError):
        return ""


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
        ["git", *arguments],  # noqa: S607 - whichever git the user has
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        timeout=_GIT_SECONDS,
    )
    return done.stdout.strip()
