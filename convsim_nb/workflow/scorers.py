"""From what a person gives as scorers to what can be called: names, functions, MLflow's objects and classes."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from convsim_nb.analysis.scorers import SCORERS, Scorer
from convsim_nb.domain.errors import ModelNameError, UsageError
from convsim_nb.domain.score import name_fault
from convsim_nb.workflow.models import resolve_model
from convsim_nb.workflow.ungrounded import ungrounded_specifics

if TYPE_CHECKING:
    from convsim_nb.workflow.stored import Stored

OWN: Mapping[str, Scorer] = {**SCORERS, ungrounded_specifics.__name__: ungrounded_specifics}
"""Ours, which need no model."""
_MLFLOWS_OWN = re.compile(r"(databricks|gpt-oss-120b)$|(databricks|endpoints|gateway):/")
"""Models that MLflow's scorers ask by ways of its own, whose settings only MLflow knows."""
_NAMING = {
    True: "give it another name, such as @scorer(name='polite')",
    False: "define it under another name, such as def polite(conversation): ...",
}


@dataclass
class Chosen:
    """Scorers by their kind."""

    own: list[tuple[str, Scorer]] = field(default_factory=list)
    """Functions of a conversation, by name."""
    theirs: list[Any] = field(default_factory=list)
    """Scorers of MLflow's."""


def chosen(scorers: Any, *, model: str | None, place: "Stored | None") -> Chosen:
    """The scorers that are meant; `model` is for MLflow's that are given by name.

    Raises:
        UsageError: one is not known, two have the same name, or one has a name that cannot be.
        ModelNameError: the model of one is none that MLflow's scorers take, or has no key.
    """
    if isinstance(scorers, str) or not isinstance(scorers, Iterable):
        raise UsageError(f"scorers={scorers!r}: give a list, such as [{next(iter(OWN))!r}]")
    found, names = Chosen(), set()
    for each in scorers:
        one = _by_name(each, model, place) if isinstance(each, str) else each
        name = _add(one, found, model)
        if OWN.get(name) is not one and (fault := name_fault(name)):
            raise UsageError(f"{fault}; {_NAMING[_is_mlflows(one)]}")
        if name in names:
            raise UsageError(f"two scorers are named {name!r}: give one of them another name")
        names.add(name)
    return found


def check_scorers(scorers: Any, *, experiment: str | None = None, stored: bool = True) -> None:
    """Look scorers up before anything is played: names also in the experiment, if the run is `stored` there.

    Raises:
        UsageError: one is not known, two have the same name, or one has a name that cannot be.
        ModelNameError: the model of one is none that MLflow's scorers take, or has no key.
    """
    if isinstance(scorers, str) or not isinstance(scorers, Iterable):
        raise UsageError(f"scorers={scorers!r}: give a list, such as [{next(iter(OWN))!r}]")
    every = list(scorers)
    known = [each for each in every if not (isinstance(each, str) and _is_registered(each, experiment, stored))]
    chosen(known, model=None, place=None)


def _is_registered(name: str, experiment: str | None, stored: bool) -> bool:  # noqa: FBT001 - asked here alone
    if name in OWN or not stored:
        return False
    from convsim_nb.adapters.mlflow.scorers import named_scorer, registered_in

    return named_scorer(name) is None and registered_in(experiment, name)


def _add(one: Any, found: Chosen, model: str | None) -> str:
    if _is_mlflows(one):
        made = _made(one, model) if isinstance(one, type) else one
        _check_model(made)
        found.theirs.append(made)
        return str(made.name)
    if not callable(one):
        raise UsageError(f"{one!r} is no scorer: give a name, a function of a conversation, or a scorer of MLflow's")
    name = getattr(one, "__name__", type(one).__name__)
    found.own.append((name, one))
    return str(name)


def _is_mlflows(one: Any) -> bool:
    if "mlflow.genai.scorers.base" not in sys.modules:
        return False
    from convsim_nb.adapters.mlflow.scorers import is_scorer

    return is_scorer(one)


def _by_name(name: str, model: str | None, place: "Stored | None") -> Any:
    if name in OWN:
        return OWN[name]
    from convsim_nb.adapters.mlflow.scorers import named_scorer, registered_scorer

    found = named_scorer(name)
    if found is not None:
        return _made(found, model)
    if place is not None and (registered := registered_scorer(name, place.destination)) is not None:
        return registered
    raise UsageError(_unknown(name))


def _unknown(name: str) -> str:
    from convsim_nb.adapters.mlflow.scorers import builtin_names

    close = get_close_matches(name, [*OWN, *builtin_names()], n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"ours are {', '.join(OWN)}; or give a function, or MLflow's"
    return f"no scorer {name!r}: {hint}"


def _made(kind: Callable[..., Any], model: str | None) -> Any:
    """One of MLflow's built-in scorers, of the class that was named."""
    try:
        return kind(model=model) if model and "model" in getattr(kind, "model_fields", {}) else kind()
    except (TypeError, ValueError):  # pydantic's is a ValueError
        raise UsageError(f"{kind.__name__} needs arguments: give the scorer itself, {kind.__name__}(...)") from None


def _check_model(scorer: Any) -> None:
    from convsim_nb.adapters.mlflow.scorers import judge_model

    model = judge_model(scorer)
    if model is None or _MLFLOWS_OWN.match(model):
        return
    if re.match(r"https?://|demo:/", model):
        raise ModelNameError(
            f"{scorer.name} asks {model}, which MLflow's scorers do not take: name it as MLflow does, "
            "such as openai:/gpt-5-mini, with OPENAI_BASE_URL for an address"
        )
    resolve_model(model, param=f"the model of {scorer.name}")
