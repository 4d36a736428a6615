"""Cells of test cases, for the two readers of their notation: Python's, and the browser's.

`python -m tests.notebook.grid_cells` writes them with what Python makes of them.
"""

import json
from pathlib import Path

from convsim_nb.adapters.case_cells import cell_text, cell_value
from convsim_nb.domain.case import Withheld
from convsim_nb.views.hidden import visible

FIXTURE = Path(__file__).with_suffix(".json")
LISTS = {
    "none": (),
    "two": ("Asks twice", "Gives up"),
    "over several lines": ("Says:\n\nHello\n  indented", "Then goes"),
    "with the signs of other notations": ("- a dash", "[1] a note", "fact: x", "a\ttab", '"quoted"'),
}
WITHHELD = {
    "none": (),
    "one": (Withheld(fact="It is Saturday", after="the agent says: open now (it cannot be)"),),
    "kinds": (Withheld(fact="a", after="b", kind="answer"), Withheld(fact="c", after="d", kind="follow_up")),
    "a fact that looks like a mark": (Withheld(fact="after: all, it was mine", after="kind: none"),),
    "over several lines": (Withheld(fact="one\ntwo", after="three"),),
    "like a list": (Withheld(fact="[1]", after="x"),),
}
TYPED = {
    "blank lines and spaces": "  one\n\n   two\n",
    "an item that goes on": "one\n  more\ntwo",
    "a block that was cut out": "\tone\n\ttwo",
    "windows": "one\r\ntwo",
}
TYPED_WITHHELD = {
    "as YAML has it": "- fact: It is Saturday\n  after: the agent says open\n  kind: answer",
    "without indents": "It is Saturday\nafter: the agent says open",
    "no trigger yet": "It is Saturday",
    "two facts": "One\n  after: x\nTwo\n  after: y",
    "a trigger alone": "after: x",
}
HIDDEN = [
    "plain",
    "turned \u202eround\u202c",
    "zero\u200bwidth",
    "bell\x07",
    "tags \U000e0048\U000e0069",
    "\u0634\u200f mark beside its script",
    "mark\u200f alone",
    "emoji \U0001f469\u200d\U0001f4bb joined",
    "half \ud83d pair",
]


def fixture():
    """What both sides have to agree on."""
    return {
        "lists": [
            {"name": name, "items": list(items), "text": cell_text("facts", items)} for name, items in LISTS.items()
        ],
        "withheld": [
            {"name": name, "entries": [dict(one) for one in entries], "text": cell_text("withheld", entries)}
            for name, entries in WITHHELD.items()
        ],
        "typed": [
            {"name": name, "text": text, "items": list(cell_value("facts", text))} for name, text in TYPED.items()
        ],
        "hidden": [{"text": text, "shown": visible(text)} for text in HIDDEN],
    }


def as_text():
    """The fixture as its file holds it."""
    return json.dumps(fixture(), indent=1) + "\n"


if __name__ == "__main__":
    FIXTURE.write_text(as_text(), encoding="utf-8")
