"""What is taken out of texts before they are kept or shown: secrets, and what the user says."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.secrets import without

Redact = Callable[[str], str]
"""A function of one's own that takes out of a text what must not be kept."""


@dataclass(frozen=True)
class Veil:
    """What is taken out of everything that a run keeps or shows: secrets, and what `redact` takes out."""

    secrets: tuple[str, ...] = ()
    redact: Redact | None = None

    def touches(self, text: str) -> bool:
        """Whether the text may have to be changed: a quick look."""
        return self.redact is not None or any(secret in text for secret in self.secrets)

    def text(self, text: str) -> str:
        """The text as it may be kept.

        Raises:
            UsageError: `redact` gave something that is no text.
        """
        text = without(text, self.secrets)
        return text if self.redact is None else redacted(text, self.redact)

    def value(self, value: Any) -> Any:
        """A JSON value with all of its texts as they may be kept; names of fields, and kinds, stay."""
        return through(value, self.text)


BARE = Veil()
"""Takes out nothing."""
_KEPT = ("role", "kind", "type", "id", "tool_call_id")
"""Names in messages whose values are no texts."""


def through(value: Any, change: Redact) -> Any:
    """A JSON value whose texts went through `change`; names of fields stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: part if name in _KEPT else through(part, change) for name, part in value.items()}
    return [through(part, change) for part in value] if isinstance(value, list) else value


def redacted(text: str, redact: Redact) -> str:
    """What `redact` makes of a text.

    Raises:
        UsageError: it is no text.
    """
    changed = redact(text)
    if not isinstance(changed, str):
        raise UsageError(f"redact gave {changed!r} for a text: give a function from text to text")
    return changed
