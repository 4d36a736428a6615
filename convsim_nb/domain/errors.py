"""What can go wrong, as a tree. Each message names the value and the next step, in one line.

```
ConvsimError
├── UsageError            the call itself is wrong; raised before any model is called
│   ├── CaseError         a test case that cannot be simulated
│   ├── AgentTypeError    something that is not an agent we can call
│   └── ModelNameError    a model that is not named, not known, or has no key
├── NotFoundError         no such experiment, session, run or file
├── StoreError            the tracking store or a file could not be read or written
├── ModelError            a language model gave no usable answer
└── AgentError            the agent under test failed: a value on its conversation, never raised to the caller
    ├── AgentTimeout      it took longer than `agent_timeout`
    └── AgentUnreachable  no connection, its key refused, 429, 502, 503, 504: its infrastructure, not its answer
```
None is a `ValueError`: pydantic would fold those into a report of several lines.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from convsim_nb.domain.secrets import masked

if TYPE_CHECKING:
    from convsim_nb.domain.conversation import Usage


class ConvsimError(Exception):
    """The root of all errors that convsim-nb raises on purpose. None of them shows a key."""

    def __str__(self) -> str:
        return masked(" ".join(super().__str__().split()))

    def _render_traceback_(self) -> list[str]:
        """What IPython prints for this error: one line instead of a stack."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(ConvsimError):
    """The call is wrong, and was refused before any model was called."""


class CaseError(UsageError):
    """A test case that cannot be simulated as it stands."""


class AgentTypeError(UsageError):
    """Something that is not an agent we know how to call."""


class ModelNameError(UsageError):
    """A model that was not named, whose scheme is not known, or whose key is missing."""


class NotFoundError(ConvsimError):
    """No experiment, session, run or file of that name."""


class StoreError(ConvsimError):
    """The tracking store, or a file, could not be read or written."""


UNRECORDED = "holds no reply to this request"
"""What a `ModelError` of a replay says, by which it is told from others."""

OWN_CHECK = "your goal_check"
"""With what the detail of a conversation begins that a caller's own goal function broke."""


class ModelError(ConvsimError):
    """A language model gave no usable answer, in all the tries it was given; `usage` says what they took."""

    def __init__(self, message: str, *, usage: "Usage | None" = None) -> None:
        super().__init__(message)
        self.usage = usage


class AgentError(ConvsimError):
    """The agent under test failed; `refs` says where its trace lies, if it has one."""

    def __init__(self, message: str, *, refs: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.refs: dict[str, Any] = dict(refs or {})


class AgentTimeout(AgentError):
    """The agent took longer than it was given."""


class AgentUnreachable(AgentError):
    """The agent's infrastructure refused: no connection, a key that is not taken, or 429, 502, 503, 504."""
