"""Pages that show a widget: what they load, and how they are spoken to."""

from pathlib import Path
from typing import Any, Final

from anywidget import AnyWidget

STATIC: Final = Path(__file__).parent / "static"
"""The built JavaScript and styles of every widget."""


def tell(widget: AnyWidget, message: dict[str, Any]) -> None:
    """Send a message to every view of a widget; may be called on any thread."""
    widget.send(message)
    # ipykernel 7.4 has a comm's messages handled where the comm was used last. That may be the subshell
    # of a page that has been reloaded since, and all that the new page says would be lost. Without this
    # a page's own choice holds, which also is heard while a cell keeps the kernel busy.
    comm: Any = widget.comm
    if hasattr(comm, "_reply_subshell_id"):
        del comm._reply_subshell_id  # noqa: SLF001 - there is no public way
