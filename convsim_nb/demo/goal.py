"""What the support agent is busy with: a goal of the customer's, and the clerk who sees to it."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from convsim_nb.demo.bank import Row
from convsim_nb.demo.phrases import Voice
from convsim_nb.demo.tools import Toolbox


@dataclass
class Goal:
    """One thing that the customer wants, with the facts for it by slot."""

    name: str
    slots: dict[str, Any] = field(default_factory=dict)
    corrected: bool = False
    """The customer has put it right once: no fault shows in it any more."""
    confirmed: bool = False
    said: str = ""
    """What was answered last."""
    asked: int = 0
    """How often the same fact was asked for in vain."""


@dataclass(frozen=True)
class Answer:
    """A goal is seen to; `offer` is what a yes to it starts."""

    text: str
    offer: Goal | None = None


@dataclass(frozen=True)
class Ask:
    """A fact is missing, or does not fit."""

    slot: str
    text: str


class Stuck(Exception):
    """A tool refused: the goal goes no further than `step`."""

    def __init__(self, step: Answer | Ask) -> None:
        super().__init__()
        self.step = step


@dataclass
class Clerk:
    """The tools and the voice for one turn, with the faults that this version has."""

    tools: Toolbox
    voice: Voice
    faults: frozenset[str]

    @property
    def today(self) -> date:
        return self.tools.bank.today

    def say(self, key: str, **values: Any) -> str:
        return self.voice.say(key, **values)

    def faulty(self, fault: str, goal: Goal) -> bool:
        return fault in self.faults and not goal.corrected

    def do(self, tool: str, **arguments: Any) -> Row:
        """Call a tool.

        Raises:
            Stuck: it refused; the step asks again for an unknown id, and else says why.
        """
        result = self.tools.call(tool, **arguments)
        if "error" not in result:
            return result
        if result["error"] == "unknown":
            slot = _slot_of(result["id"])
            raise Stuck(Ask(slot, self.say(f"unknown.{slot}", **result)))
        key = "refused.cancelled_order" if result.get("status") == "cancelled" else f"refused.{result['error']}"
        raise Stuck(Answer(self.say(key, **result)))

    def account(self, goal: Goal) -> str:
        """The account of a goal: the customer's account of the kind that was named, else the one given."""
        found = self.do("find_account", account=goal.slots["account"])
        kind = goal.slots.get("kind", found["kind"])
        if kind == "other":
            kind = next((other for other in found["all"] if other != found["kind"]), found["kind"])
        if kind not in found["all"]:
            kind = found["kind"]
        goal.slots |= {"kind": kind, "account": found["all"][kind]}
        return str(found["all"][kind])


def _slot_of(identifier: str) -> str:
    return {"ACC": "account", "ORD": "order"}.get(identifier[:3], "card")
