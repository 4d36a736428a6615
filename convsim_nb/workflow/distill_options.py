"""The options of `distill`: said once for Python, the magic, and work in the background."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from os import PathLike
from typing import Any, Literal, TypedDict

from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.ports import Chat

Split = Literal["auto", False]


class DistillOptions(TypedDict, total=False):
    """The keyword arguments of `distill`."""

    model: str | Chat | None
    """An MLflow model URI, demo:/rules, or any object that fits `Chat`."""
    split: Split
    """A case for each goal that a session held (auto), or one case a session (False)."""
    check: bool
    """Whether each case is checked against its session, and asked for once more where something is found."""
    llm_params: Mapping[str, Any] | None
    """What goes with every call of the model, such as {"temperature": 0}."""
    model_timeout: float | None
    """Seconds for one reply."""
    concurrency: int
    """Sessions at once."""
    max_cost: float | None
    """US dollars that it may take."""
    max_tokens: int | None
    """Tokens that it may take."""
    max_seconds: float | None
    """How long it may take."""
    window: int | None
    """Tokens of a session that the model can read; by default the model's own."""
    prompts: Mapping[str, str] | None
    """Prompts in the place of our own, by name (split, distill): prompts:/name@alias, or a text."""
    redact: Callable[[str], str] | None
    """A function of a text that takes out what must not leave memory."""
    journal: str | PathLike[str] | bool
    """The file that keeps what is done; True keeps it until all is done, False keeps nothing."""
    record: str | PathLike[str] | None
    """A file that keeps every reply of the model."""
    replay: str | PathLike[str] | None
    """Such a file: the model answers from it, with no key and no cost."""


DEFAULTS: DistillOptions = {
    "model": None,
    "split": "auto",
    "check": True,
    "llm_params": None,
    "model_timeout": 300.0,
    "concurrency": 20,
    "max_cost": None,
    "max_tokens": None,
    "max_seconds": None,
    "window": None,
    "prompts": None,
    "redact": None,
    "journal": True,
    "record": None,
    "replay": None,
}
_LIMITS = ("max_cost", "max_tokens", "max_seconds", "model_timeout", "window")


def checked(options: DistillOptions) -> DistillOptions:
    """All options, those that are not given at their defaults.

    Raises:
        UsageError: one is not known, or has a value that it cannot have.
    """
    for name in options:
        if name not in DEFAULTS:
            close = get_close_matches(name, DEFAULTS, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(DEFAULTS)}"
            raise UsageError(f"distill() has no option {name!r}: {hint}")
    every: DistillOptions = {**DEFAULTS, **options}
    given: Mapping[str, Any] = every
    if given["split"] not in (False, "auto"):
        raise UsageError(f"split={given['split']!r}: give 'auto' (a case for each goal) or False (one case a session)")
    if not isinstance(given["concurrency"], int) or given["concurrency"] < 1:
        raise UsageError(f"concurrency={given['concurrency']!r}: give a number above 0")
    for name in _LIMITS:
        if given[name] is not None and given[name] <= 0:
            raise UsageError(f"{name}={given[name]!r}: give a number above 0")
    return every
