"""The built-in way: sessions, agents, the rule-based model and its server."""

from importlib import import_module
from typing import Any

_HOMES = {
    "FAULTS": "agents",
    "astream_agent": "agents",
    "make_agent": "agents",
    "make_async_agent": "agents",
    "record_sessions": "record",
    "stand_in": "standing_in",
    "support_agent_v1": "agents",
    "support_agent_v2": "agents",
}


def __getattr__(name: str) -> Any:
    """Load a name of the package when it is first used, so that importing it stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
