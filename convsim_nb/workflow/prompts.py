"""Prompts in the place of our own: from MLflow's Prompt Registry, from a file, or as a text."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from convsim_nb.domain.errors import NotFoundError, StoreError, UsageError
from convsim_nb.engine.prompts import NAMES, Prompt, prompt

_PATH = re.compile(r"\S+\.(md|txt)|\S*[/\\]\S*")
"""What is taken for a file: no white space, and an ending or a folder."""
_SHORTEST = 200


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


def wordings(labels: Mapping[str, str]) -> dict[str, str]:
    """For the versions of prompts that a run keeps, what tells their wording: a hash of the text.

    A version whose text cannot be had, an old one of ours or one of a registry that is away, stands as it is.
    """
    return {name: _wording(name, label) for name, label in labels.items()}


def _wording(name: str, label: str) -> str:
    if name in NAMES and label == prompt(name).version:
        return _hashed(prompt(name).text)
    if not label.startswith("prompts:/"):
        return label
    from convsim_nb.adapters.mlflow.prompts import load

    try:
        return _hashed(load(name, label).text)
    except (NotFoundError, StoreError, UsageError):
        return label


def _hashed(text: str) -> str:
    return f"text:{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _resolved(name: str, value: Any) -> Prompt:
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"prompts[{name!r}] = {value!r}: give prompts:/name@alias, a file, or the prompt's text")
    if value.startswith("prompts:/"):
        from convsim_nb.adapters.mlflow.prompts import load

        return load(name, value)
    text = _read(name, value) if _PATH.fullmatch(value.strip()) else value
    if len(text) < _SHORTEST or not ("action" in text or "json" in text.lower()):
        raise UsageError(
            f"prompts[{name!r}] ({len(text)} characters) is no whole prompt, which takes the place of ours and names "
            f"the JSON of the reply: begin with cs.register_prompts(), whose {name!r} can be changed"
        )
    return Prompt(name=name, version=_hashed(text), text=text.strip())


def _read(name: str, path: str) -> str:
    try:
        return Path(path.strip()).read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(
            f"prompts[{name!r}] = {path!r} looks like a file, and cannot be read ({error}): "
            "give a file that is there, prompts:/name@alias, or the prompt's text"
        ) from None
