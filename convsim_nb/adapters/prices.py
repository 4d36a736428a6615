"""What tokens cost, from LiteLLM's table, which is read without importing LiteLLM."""

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from convsim_nb.domain.conversation import Usage

_TABLE = "model_prices_and_context_window_backup.json"


@dataclass(frozen=True)
class Price:
    """US dollars a token."""

    input: float
    output: float
    cached: float
    """For input tokens that were read from the provider's prompt cache."""

    def __call__(self, usage: Usage) -> float:
        """US dollars for a usage's tokens."""
        fresh = usage.input_tokens - usage.cached_tokens
        return fresh * self.input + usage.cached_tokens * self.cached + usage.output_tokens * self.output


def price_of(model: str) -> Price | None:
    """A model's price, by its name in LiteLLM's table (`gpt-4o`); None where it is not known."""
    row = _table().get(model, {})
    given, taken = row.get("input_cost_per_token"), row.get("output_cost_per_token")
    if given is None or taken is None:
        return None
    return Price(float(given), float(taken), float(row.get("cache_read_input_token_cost") or given))


def window_of(model: str) -> int | None:
    """How many tokens a model reads at once, by its URI or its name; None where that is not known."""
    provider, _, name = model.partition(":/")
    row = _table().get(name) or _table().get(f"{provider}/{name}") or _table().get(model) or {}
    most = row.get("max_input_tokens") or row.get("max_tokens")
    return int(most) if isinstance(most, int | float) and most > 0 else None


@cache
def _table() -> dict[str, Any]:
    litellm = importlib.util.find_spec("litellm")
    for folder in litellm.submodule_search_locations or () if litellm else ():
        path = Path(folder, _TABLE)
        if path.is_file():  # a LiteLLM that keeps its table elsewhere leaves prices unknown, not wrong
            return dict(json.loads(path.read_bytes()))
    return {}
