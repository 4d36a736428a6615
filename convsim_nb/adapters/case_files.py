"""Test cases in files: YAML as a person would write it, JSON, JSON lines, and CSV for spreadsheets."""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from convsim_nb.adapters.case_tables import as_csv, rows_in
from convsim_nb.adapters.yaml_words import plain_words
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import CaseError, NotFoundError, StoreError

_YAML = (".yaml", ".yml")
_JSONL = (".jsonl", ".ndjson")
_READ = (".yaml", ".yml", ".json", ".jsonl", ".csv")
_MOST = 1_000_000
"""Values in one file: a few lines of aliases can stand for more than any memory holds."""


def read_cases(path: Path) -> list[Mapping[str, Any]]:
    """The mappings in a file of test cases, unchecked.

    Raises:
        NotFoundError: no such file.
        CaseError: it is no text, no list of mappings, or cannot be parsed; the line is named.
    """
    text = _text(path)
    if path.suffix in _JSONL:
        return [_line(path, number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if path.suffix == ".csv":
        return rows_in(text, where=str(path))
    if path.suffix == ".json":
        return _mappings(str(path), _whole_json(text, str(path)))
    if path.suffix not in _YAML:
        raise CaseError(f"{path}: test cases are read from {', '.join(_READ)}, not from {path.suffix!r}")
    return cases_in(text, where=str(path))


def cases_in(text: str, *, where: str) -> list[Mapping[str, Any]]:
    """The mappings in YAML or JSON, unchecked; errors say `where` it stands.

    Raises:
        CaseError: it is no list of mappings, or cannot be parsed; the line is named.
    """
    return _mappings(where, _whole_json(text, where) if _is_json(text) else _parsed(where, text))


def write_cases(cases: Iterable[TestCase], path: Path) -> None:
    """Write test cases; the file's ending says how: .yaml, .yml, .json, .jsonl or .csv.

    Raises:
        StoreError: the file cannot be written, or its ending is not known.
    """
    rows = [case.as_mapping() for case in cases]
    if path.suffix in _YAML:
        text = _dumped(rows)
    elif path.suffix in _JSONL:
        text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    elif path.suffix == ".json":
        text = json.dumps(rows, ensure_ascii=False, indent=2)
    elif path.suffix == ".csv":
        text = as_csv(rows)
    else:
        raise StoreError(f"{path}: test cases are written to {', '.join(_READ)}, not to {path.suffix!r}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # For its owner alone where it is new: cases hold what people said.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StoreError(f"test cases cannot be written to {path}: {error}") from None


def value_in(text: str, *, where: str) -> object:
    """What one YAML or JSON text says, of any kind.

    Raises:
        CaseError: it cannot be parsed; the line is named.
    """
    return _whole_json(text, where) if _is_json(text) else _parsed(where, text, line=" line {}")


def value_text(value: object) -> str:
    """A list or a mapping as YAML, each text on one line or as a block."""
    return str(yaml.dump(value, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=sys.maxsize))


def as_yaml(cases: Iterable[TestCase]) -> str:
    """Test cases as a person would write them: long texts as blocks, and nothing that is empty."""
    return _dumped([case.as_mapping() for case in cases])


def _dumped(rows: list[dict[str, Any]]) -> str:
    return str(yaml.dump(rows, Dumper=_Readable, sort_keys=False, allow_unicode=True, width=100))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"no file {path} (looked in {Path.cwd()})") from None
    except IsADirectoryError:
        raise CaseError(f"{path} is a folder: name a file of test cases, {', '.join(_READ)}") from None
    except UnicodeDecodeError:
        raise CaseError(f"{path} is no text in UTF-8: test cases are read from {', '.join(_READ)}") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}") from None


def _parsed(where: str, text: str, *, line: str = ":{}") -> object:
    try:
        found: object = yaml.load(text, Loader=_Strict)  # noqa: S506 - a SafeLoader; JSON is YAML
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = line.format(mark.line + 1) if mark else ""
        broken = ":" if isinstance(error, yaml.composer.ComposerError) else " is not YAML:"
        raise CaseError(
            f"{where}{place}{broken} {plain_words(getattr(error, 'problem', None) or str(error))}"
        ) from None
    except RecursionError:
        raise CaseError(f"{where} is nested too deep: write it flatter") from None
    if _size(found, {}) > _MOST:
        raise CaseError(f"{where} holds over {_MOST:,} values once its aliases are written out: write fewer")
    return found


def _size(value: object, known: dict[int, int]) -> int:
    """How many values there are when every alias is written out; each is looked at once."""
    if not isinstance(value, list | dict):
        return 1
    if id(value) not in known:
        known[id(value)] = _MOST  # one that holds itself has no end
        inner = value if isinstance(value, list) else value.values()
        known[id(value)] = 1 + sum(_size(one, known) for one in inner)
    return known[id(value)]


def _mappings(where: str, found: object) -> list[Mapping[str, Any]]:
    if isinstance(found, Mapping):
        raise CaseError(f"{where} holds one mapping: write a list of test cases, each beginning with '- goal: ...'")
    if not isinstance(found, list) or not found:
        raise CaseError(f"{where} holds no test cases: write a list, each beginning with '- goal: ...'")
    for number, row in enumerate(found, start=1):
        if not isinstance(row, Mapping):
            raise CaseError(f"{where}: test case {number} is {row!r}: write a mapping with at least a goal")
    return found


def _is_json(text: str) -> bool:
    """Whether JSON can be read from it; YAML in one line begins alike."""
    if not text.lstrip().startswith(("[", "{")):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _whole_json(text: str, where: str) -> object:
    try:
        return _json(text, where)
    except CaseError:
        if _is_json(text):
            _parsed(where, text)  # a name stands twice in an object: YAML's reader knows the line
        raise


def _json(text: str, where: str) -> object:
    """Not by the reader of YAML, to which 1e-05 is a text."""
    try:
        found: object = json.loads(text, object_pairs_hook=partial(_once, where))
    except json.JSONDecodeError as error:
        raise CaseError(f"{where} is not JSON: {error}") from None
    except RecursionError:
        raise CaseError(f"{where} is nested too deep: write it flatter") from None
    return found


def _line(path: Path, number: int, line: str) -> Mapping[str, Any]:
    row = _json(line, f"{path}:{number}")
    if not isinstance(row, Mapping):
        raise CaseError(f"{path}:{number} is {row!r}: write a mapping with at least a goal")
    return row


def _once(where: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs: of two values under one name, JSON would keep the last and say nothing."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise CaseError(f"{where} has {twice!r} twice in one object: leave one of them out")
    return found


class _Strict(yaml.SafeLoader):
    """YAML in which no mapping has a key twice: the first would be dropped in silence."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value)) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                said = f"{key.value!r} stands twice in one mapping: leave one of them out"
                raise yaml.composer.ComposerError(None, None, said, key.start_mark)
            seen |= {name} if name else set()
        return node


class _Readable(yaml.SafeDumper):
    """Long texts as blocks, lists indented under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the base class calls it so
        super().increase_indent(flow, indentless=False)


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _block)
