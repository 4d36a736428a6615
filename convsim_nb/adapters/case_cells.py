"""Test cases as cells of text that a person edits: one text a field, read back without loss.

Lists of texts are an item a line; a line that is indented by two spaces goes on with the item before it.
What is withheld is the fact on a line of its own, and under it `after: ...` and, where it is no correction,
`kind: ...`. Tags are `name: value`, a line each. Context and expectations are YAML or JSON; expectations may
be a plain list, which stands for `guidelines`. What would not come back the same is written as JSON.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from convsim_nb.adapters.case_files import value_in, value_text
from convsim_nb.domain.case import Kind, TestCase, Withheld
from convsim_nb.domain.errors import CaseError
from convsim_nb.domain.session import whole

COLUMNS = (
    "goal",
    "persona",
    "simulation_guidelines",
    "withheld",
    "facts",
    "expectations",
    "script",
    "context",
    "tags",
)
"""The fields that have a cell, in their order."""
STATEMENTS = "guidelines"
"""Under which name expectations stand that are a plain list: scorers read statements from it."""
_KINDS: tuple[str, ...] = get_args(Kind)
_MARKED = re.compile(r"\s*(?:- )?(fact|after|kind)\s*:\s*(.*)", re.IGNORECASE)
_PLAIN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)? (?:(?!: )[\w ,.;:!?()'/%€$&*+-])+")
"""What needs no quotes in YAML: it begins with a word, goes on after a space, and has no sign of YAML's own."""
_NAME = re.compile(r"[a-z]+_[a-z_]+|[a-z]{5,}(?<!false)", re.IGNORECASE)
_JSON = (str, int, float, bool, type(None))


def cells_of(case: TestCase) -> dict[str, str]:
    """The texts of all cells, by field; what is empty is left out."""
    texts = {name: cell_text(name, getattr(case, name)) for name in COLUMNS}
    return {name: text for name, text in texts.items() if text}


def cell_text(column: str, value: Any) -> str:
    """A field's value as the text of its cell."""
    return _WRITERS.get(column, _lines_text)(value)


def cell_value(column: str, text: str) -> Any:
    """A field's value from the text of its cell, as far as the cell alone can tell.

    Raises:
        CaseError: it cannot be read; the line is for the person who typed it.
    """
    return _READERS.get(column, _lines)(whole(text).replace("\r\n", "\n").replace("\r", "\n"))


# --- texts and lists of texts --------------------------------------------------------


def _plain_text(value: str | None) -> str:
    return value or ""


def _goal(text: str) -> str:
    if not text.strip():
        raise CaseError("A goal is needed: say in one sentence what the user wants")
    return text.strip()


def _persona(text: str) -> str | None:
    return text.strip() or None


def _lines_text(items: Sequence[str]) -> str:
    return "\n".join(item.replace("\n", "\n  ") for item in items)


def _lines(text: str) -> tuple[str, ...]:
    if text.startswith((" ", "\t")):  # a block that was cut out of something
        text = "\n".join(line.strip() for line in text.split("\n"))
    items: list[str] = []
    for line in text.split("\n"):
        if items and line.startswith("  "):
            items[-1] += f"\n{line[2:]}"
        elif line.strip():
            items.append(line.lstrip())
    return tuple(item.strip() for item in items)


# --- what is withheld ----------------------------------------------------------------


def _withheld_text(entries: Sequence[Withheld]) -> str:
    text = "\n".join(line for entry in entries for line in _entry_lines(entry))
    return text if _comes_back(_withheld, text, tuple(entries)) else _json([dict(one) for one in entries])


def _entry_lines(entry: Withheld) -> list[str]:
    fact = f"fact: {entry.fact}" if _MARKED.match(entry.fact) else entry.fact
    kind = [] if entry.kind == "correction" else [f"  kind: {entry.kind}"]
    return [fact, f"  after: {entry.after}", *kind]


def _withheld(text: str) -> tuple[Withheld, ...]:
    entries = _json_list(text)
    if entries is None:
        entries = _entries(text)
    return tuple(_entry(number, entry) for number, entry in enumerate(entries, start=1))


def _entries(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for line in filter(str.strip, text.split("\n")):
        marked = _MARKED.fullmatch(line)
        name, said = (marked[1].lower(), marked[2].strip()) if marked else ("fact", line.strip())
        if name == "fact" or not found or name in found[-1]:
            found.append({})
        found[-1][name] = said
    return found


def _entry(number: int, entry: object) -> Withheld:
    if not isinstance(entry, Mapping) or not all(isinstance(each, str) for each in entry.values()):
        raise CaseError(f"Withheld {number}: write the fact, and under it `after: ...`")
    fact, after = str(entry.get("fact", "")).strip(), str(entry.get("after", "")).strip()
    if not fact:
        raise CaseError(f"Withheld {number} has no fact: write it on the line above `after: ...`")
    if not after:
        raise CaseError(f"Withheld {number} ({_short(fact)}): say under it what must happen first, `after: ...`")
    kind = re.sub(r"[\s-]+", "_", str(entry.get("kind") or "correction").strip().lower())
    if kind not in _KINDS:
        raise CaseError(f"Withheld {number}: kind {_short(kind)} is not known: one of {', '.join(_KINDS)}")
    return Withheld.model_validate({"fact": fact, "after": after, "kind": kind})


# --- names with values ---------------------------------------------------------------


def _tags_text(tags: Mapping[str, str]) -> str:
    text = "\n".join(f"{name}: {value}" for name, value in tags.items())
    return text if _comes_back(_tags, text, dict(tags)) else _json(dict(tags))


def _tags(text: str) -> dict[str, str]:
    if text.lstrip().startswith("{"):
        return _strings(_mapping("tags", text))
    found: dict[str, str] = {}
    for line in filter(str.strip, text.split("\n")):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise CaseError(f"Tag {_short(line.strip())}: write it as name: value")
        if name.strip() in found:
            raise CaseError(f"Tag {name.strip()} stands twice: leave one of them out")
        found[name.strip()] = value.strip()
    return found


def _strings(found: dict[str, Any]) -> dict[str, str]:
    wrong = next((name for name, value in found.items() if not isinstance(value, str)), None)
    if wrong is not None:
        raise CaseError(f"Tag {wrong} is no text: put it in quotes")
    return found


def _mapping_text(value: Mapping[str, Any]) -> str:
    if value and all(map(_is_plain, value.values())) and all(map(_NAME.fullmatch, value)):
        return "\n".join(f"{name}: {text}" for name, text in value.items())
    return _yaml(dict(value)) if value else ""


def _yaml(value: object) -> str:
    text = value_text(value)
    short = text.rstrip("\n")
    # Only a block may end with empty lines of its own.
    return short if "|" not in text or value_in(short, where="") == value else text


def _is_plain(text: object) -> bool:
    """Whether a text is surely the same in YAML without quotes: a thousand rows are shown at once, and YAML is slow."""
    return isinstance(text, str) and _PLAIN.fullmatch(text) is not None and not text.endswith((":", " "))


def _context(text: str) -> dict[str, Any]:
    return _mapping("context", text)


def _expectations_text(value: Mapping[str, Any]) -> str:
    statements = value.get(STATEMENTS) if len(value) == 1 else None
    if not isinstance(statements, list) or not statements or not all(isinstance(one, str) for one in statements):
        return _mapping_text(value)
    if all(map(_is_plain, statements)):
        return "\n".join(f"- {one}" for one in statements)
    return _yaml(statements)


def _expectations(text: str) -> dict[str, Any]:
    found = value_in(text, where="expectations") if text.strip() else {}
    if isinstance(found, str):  # a sentence a line, without the signs of a list
        found = [line.strip() for line in text.split("\n") if line.strip()]
    return _named("expectations", {STATEMENTS: found} if isinstance(found, list) else found)


def _mapping(column: str, text: str) -> dict[str, Any]:
    return _named(column, value_in(text, where=column) if text.strip() else {})


def _named(column: str, found: object) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise CaseError(f"{column.capitalize()}: write names with values, a line each, such as `plan: gold`")
    _refuse_foreign(found)
    return found


def _refuse_foreign(value: object, where: str = "") -> None:
    """What YAML knows and JSON does not, such as a date, is meant as a text more often than not."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                raise CaseError(f"The name {name!s} is no text: put it in quotes")
            _refuse_foreign(inner, where or name)
    elif isinstance(value, list):
        for inner in value:
            _refuse_foreign(inner, where)
    elif not isinstance(value, _JSON):
        raise CaseError(f"{where}: {value!s} is read as a {type(value).__name__}: put it in quotes")


# --- JSON, where nothing else comes back the same ------------------------------------


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _json_list(text: str) -> list[Any] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _comes_back(read: Callable[[str], object], text: str, value: object) -> bool:
    try:
        return read(text) == value
    except CaseError:
        return False


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")  # noqa: PLR2004


_WRITERS: dict[str, Callable[[Any], str]] = {
    "goal": _plain_text,
    "persona": _plain_text,
    "withheld": _withheld_text,
    "tags": _tags_text,
    "context": _mapping_text,
    "expectations": _expectations_text,
}
_READERS: dict[str, Callable[[str], Any]] = {
    "goal": _goal,
    "persona": _persona,
    "withheld": _withheld,
    "tags": _tags,
    "context": _context,
    "expectations": _expectations,
}
