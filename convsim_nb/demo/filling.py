"""Filling the slots of a goal from a message: what is new, what is said again, what answers a question."""

import re
from typing import Any

from convsim_nb.demo.flows import FLOWS
from convsim_nb.demo.goal import Goal
from convsim_nb.demo.understanding import Heard

_DIGITS = {
    "account": (r"(?<!\d)\d{4}(?!\d)", "ACC-{}"),
    "card": (r"\d{4}(?!\d)", "{}"),
    "order": (r"(?<!\d)\d{5}(?!\d)", "ORD-{}"),
}
_FEW_WORDS = 10
_A_SENTENCE = 3
_LEAD = (
    r"it'?s|it is|its|sure|yes|ok|to|the|my|new|address|is|now|we moved|moved|here"
    r"|an|die|neue|anschrift|ist|es|la|nueva|dirección"
)


def changes_to(goal: Goal | None, heard: Heard) -> dict[str, Any]:
    """What a message says otherwise than a goal has it, by slot."""
    if goal is None:
        return {}
    changes = {}
    for slot, candidates in _taken(goal, heard).items():
        other = [value for value in candidates if value != goal.slots.get(slot)]
        if other:
            changes[slot] = other[0]
    return changes


def restates(goal: Goal, heard: Heard) -> bool:
    """True where a message says once more what a goal already has."""
    said = _taken(goal, heard)
    return bool(said) and all(goal.slots.get(slot) in candidates for slot, candidates in said.items())


def merged(goal: Goal, changes: dict[str, Any]) -> dict[str, Any]:
    """A goal's facts with the changes; a new account brings its own kind."""
    kept = {slot: value for slot, value in goal.slots.items() if slot != "kind" or "account" not in changes}
    return {**kept, **changes}


def given_for(slot: str, heard: Heard) -> Any:
    """What a message gives for a slot that was just asked for, said more loosely than elsewhere; None for nothing."""
    text, words = heard.text, len(heard.text.split())
    if slot in _DIGITS:
        pattern, form = _DIGITS[slot]
        found = re.findall(pattern, text)
        return form.format(found[-1]) if found else None
    match slot:
        case "target":
            named = heard.values.get("kind", heard.values.get("account", ()))
            return named[-1] if named else bare(text) if words <= _FEW_WORDS else None
        case "address":
            return bare(text) if re.search(r"\d", text) else None
        case "story" | "topic":
            return text if words >= _A_SENTENCE else None
        case _:
            return None


def bare(text: str) -> str:
    """An address or a name, without the words around it."""
    return re.sub(rf"^\W*(?:(?:{_LEAD})\b\W*)+", "", text, flags=re.IGNORECASE).strip(" .,!")


def _taken(goal: Goal, heard: Heard) -> dict[str, Any]:
    return {slot: some for slot, some in heard.candidates.items() if slot in FLOWS[goal.name].slots}
