"""A reply type as JSON schema: for endpoints that take one, and for the prompt of those that do not."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from convsim_nb.engine.ports import ChatMessage

_NOISE = {"title", "default"}


@cache
def response_format(reply_type: type[BaseModel]) -> dict[str, Any]:
    """The `response_format` of a Chat Completions call; strict wherever the schema allows it."""
    schema = reply_type.model_json_schema()
    strict = not _is_open(schema)
    described = {"name": reply_type.__name__, "schema": _closed(schema) if strict else schema, "strict": strict}
    return {"type": "json_schema", "json_schema": described}


@cache
def schema_prompt(reply_type: type[BaseModel]) -> str:
    """The same, in words."""
    schema = json.dumps(_closed(reply_type.model_json_schema()), ensure_ascii=False)
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema:\n{schema}"


def with_schema(messages: tuple[ChatMessage, ...], reply_type: type[BaseModel]) -> tuple[ChatMessage, ...]:
    """The messages with the schema at the end of the system prompt, where it leaves prompt caches whole."""
    prompt = schema_prompt(reply_type)
    if messages and messages[0].role == "system":
        return (ChatMessage("system", f"{messages[0].content}\n\n{prompt}"), *messages[1:])
    return (ChatMessage("system", prompt), *messages)


def _is_open(node: object) -> bool:
    """True where an object may have keys that the schema does not name: strict mode refuses those."""
    if isinstance(node, Mapping):
        opens = node.get("type") == "object" and not node.get("properties")
        return opens or any(_is_open(child) for child in node.values())
    return isinstance(node, list) and any(_is_open(child) for child in node)


def _closed(node: Any, *, names: bool = False) -> Any:
    """The schema as strict mode wants it: every field required, no other allowed; `names` under `properties`."""
    if isinstance(node, list):
        return [_closed(child) for child in node]
    if not isinstance(node, dict):
        return node
    kept = node if names else {key: child for key, child in node.items() if key not in _NOISE}
    if "$ref" in kept and not names:
        return {"$ref": kept["$ref"]}  # strict mode refuses a description beside it
    closed = {key: _closed(child, names=key in ("properties", "$defs") and not names) for key, child in kept.items()}
    if "oneOf" in closed and not names:
        closed["anyOf"] = closed.pop("oneOf")
        closed.pop("discriminator", None)
    if closed.get("properties") and not names:
        closed |= {"required": list(closed["properties"]), "additionalProperties": False}
    return closed
