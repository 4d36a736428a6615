"""Prompts in the place of our own: from MLflow's Prompt Registry, or as a text."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.prompts import Prompt


def resolve_prompts(given: Mapping[str, str] | None, *, known: Sequence[str]) -> dict[str, Prompt]:
    """The prompts by their names; `prompts:/name@alias` is looked up in MLflow.

    Raises:
        UsageError: a name is not one of `known`, or what is given is no prompt.
        NotFoundError: the registry has no such prompt.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"prompts={given!r}: give a mapping, such as {{'{known[0]}': 'prompts:/mine@production'}}")
    for name in given:
        if name not in known:
            raise UsageError(f"prompts has {name!r}: there are {', '.join(known)}")
    return {name: _resolved(name, value) for name, value in given.items()}


def _resolved(name: str, value: Any) -> Prompt:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"prompts[{name!r}] = {value!r}: give prompts:/name@alias, or the prompt's text")
    if value.startswith("prompts:/"):
        from convsim_nb.adapters.mlflow.prompts import load

        return load(name, value)
    return Prompt(name=name, version=f"text:{hashlib.sha256(value.encode()).hexdigest()[:8]}", text=value.strip())
