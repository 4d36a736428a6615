"""What the workbench's Run plays with: said as text, looked up among the notebook's names at each run."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from convsim_nb.adapters.agents import agent_ref
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.events import AgentRef
from convsim_nb.notebook.live.desk import is_agent
from convsim_nb.notebook.magics.words import Names
from convsim_nb.views.hidden import visible
from convsim_nb.workflow.options import DEFAULTS, SimulateOptions, field_lines

Kind = Literal["text", "number", "flag"]


@dataclass(frozen=True)
class Field:
    """One setting that a person can change in the workbench."""

    name: str
    """The argument of `simulate`."""
    label: str
    kind: Kind = "text"
    empty: str = ""
    """What stands in the empty field."""


FIELDS = (
    Field("agent", "Agent", empty="my_agent"),
    Field("user_model", "User model", empty="openai:/gpt-5-mini"),
    Field("judge_model", "Judge model", empty="the user’s"),
    Field("max_turns", "Max turns", "number"),
    Field("trials", "Trials", "number"),
    Field("concurrency", "At once", "number"),
    Field("max_cost", "Max cost, USD", "number", "no limit"),
    Field("max_tokens", "Max tokens", "number", "no limit"),
    Field("max_seconds", "Max seconds", "number", "no limit"),
    Field("mlflow", "Write to MLflow", "flag"),
)
_NAMED = {field.name: field for field in FIELDS}
_ABOUT = {
    "agent": "The agent under test: a name of this notebook, looked up anew at each run, or what simulate takes.",
    **field_lines(SimulateOptions),
}
_SECRET = re.compile(r"://[^/\s]*@|[?&=]|\bsk-|[A-Za-z0-9]{24,}")
"""What no name of an agent or a model needs, and a key or an address with a key has."""
_OURS = ("progress", "run_key")
"""The workbench shows runs itself, and begins a new one each time."""


class Settings:
    """The arguments of the next run."""

    def __init__(self, names: dict[str, Any], given: Mapping[str, Any]) -> None:
        """`names` are the notebook's, live; `given` is what Python passed.

        Raises:
            UsageError: an option belongs to single runs.
        """
        self._names = names
        self._objects: dict[str, Any] = {}
        self.said: dict[str, str] = {}
        """By field, what stands in it."""
        self.typed: dict[str, str] = {}
        """Of these, what a person typed."""
        self.others: dict[str, Any] = {}
        """Options that have no field."""
        self._ref: tuple[Any, AgentRef] | None = None
        self.take(given)

    def take(self, given: Mapping[str, Any]) -> None:
        """Have what Python passed: what it names, in place of what stood there."""
        for name, value in given.items():
            if name in _OURS:
                raise UsageError(f"{name}={value!r}: leave it out: a workbench plays many runs, and shows them itself")
            if name not in _NAMED and value is not None:
                self.others[name] = value
            elif value is not None:
                self.said[name] = self._words(name, value)
                self.typed.pop(name, None)

    def put(self, name: str, text: str) -> None:
        """A person typed into a field.

        Raises:
            UsageError: there is no such field.
        """
        if name not in _NAMED:
            raise UsageError(f"this kernel does not know the setting {name!r}: reload the page")
        self.said[name] = self.typed[name] = text.strip()

    def bring_back(self, typed: Mapping[str, str]) -> None:
        """Have what was typed in an earlier kernel, where Python passed nothing."""
        for name in _NAMED:
            if name in typed and name not in self.said:
                self.put(name, typed[name])

    @property
    def to_keep(self) -> dict[str, str]:
        """What may be kept on disk of what was typed: nothing that could be a key."""
        return {name: word for name, word in self.typed.items() if not _SECRET.search(word)}

    # --- looked up -------------------------------------------------------------------

    def agent(self) -> Any:
        """The agent as the notebook has it now.

        Raises:
            UsageError: none is named, or the name means nothing.
        """
        if not self.said.get("agent"):
            raise UsageError("there is no agent: name one in the settings, such as my_agent")
        found = self._object("agent")
        if isinstance(found, str) and found.isidentifier():
            raise UsageError(f"agent {found!r}: the notebook has no such name: define it in a cell, and run again")
        return found

    def options(self) -> SimulateOptions:
        """The options of `simulate`; those that are left empty are left out.

        Raises:
            UsageError: a name means nothing, or a number is none.
        """
        found = {field.name: self._value(field) for field in FIELDS if field.name != "agent"}
        return cast("SimulateOptions", {**{k: v for k, v in found.items() if v is not None}, **self.others})

    def ref(self) -> AgentRef:
        """Name and source hash of the agent as it is now.

        Raises:
            UsageError: it cannot be looked up.
        """
        found = self.agent()
        if self._ref is None or self._ref[0] is not found:
            self._ref = (found, agent_ref(found, name=self.others.get("agent_name")))
        return self._ref[1]

    def as_json(self) -> dict[str, Any]:
        """The fields as a page shows them."""
        fields = [
            {
                "name": field.name,
                "label": field.label,
                "kind": field.kind,
                "value": visible(self.said.get(field.name, _default(field))),
                "empty": field.empty,
                "about": _ABOUT.get(field.name, ""),
            }
            for field in FIELDS
        ]
        others = [visible(f"{name}={_short(value)}") for name, value in self.others.items()]
        agents = sorted(name for name, value in self._names.items() if is_agent(name, value))
        return {"fields": fields, "others": others, "agents": agents}

    def _words(self, name: str, value: Any) -> str:
        """What stands for a value in its field: a name of the notebook where it has one, so that it is found again."""
        if isinstance(value, str | bool | int | float):
            return str(value)
        self._objects.pop(name, None)
        if word := _name_of(value, self._names):
            return word
        self._objects[name] = value
        return _short(value)

    def _object(self, name: str) -> Any:
        word = self.said[name]
        if name in self._objects and word == _short(self._objects[name]):
            return self._objects[name]
        return Names(self._names, {}).object(word)

    def _value(self, field: Field) -> Any:
        word = self.said.get(field.name, "")
        if not word:
            return None
        match field.kind:
            case "flag":
                return word.lower() in ("true", "1", "on", "yes")
            case "number":
                return _number(field, word)
        return self._object(field.name)


def _number(field: Field, word: str) -> int | float:
    for read in (int, float):
        try:
            return read(word)
        except ValueError:
            continue
    raise UsageError(f"{field.label}: {word!r}: give a number above 0, or leave it empty")


def _default(field: Field) -> str:
    default = cast("Mapping[str, Any]", DEFAULTS).get(field.name)
    return "" if default is None else str(default)


def _name_of(value: Any, names: Mapping[str, Any]) -> str:
    """The name that a notebook has for an object, its own first; empty where it has none."""
    own = getattr(value, "__name__", "")
    if own and names.get(own) is value:
        return str(own)
    return next((name for name, known in names.items() if known is value and not name.startswith("_")), "")


def _short(value: Any) -> str:
    own = getattr(value, "__name__", None)
    return (
        str(own)
        if own
        else f"{type(value).__name__} object"
        if not isinstance(value, str | int | float)
        else str(value)
    )
