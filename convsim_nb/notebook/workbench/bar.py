"""The two parts of a workbench that are its own: the bar over its panes, and the shelf of its runs."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

import traitlets
from anywidget import AnyWidget

from convsim_nb.notebook.errands import Errands
from convsim_nb.notebook.page import STATIC, tell
from convsim_nb.notebook.wishes import Wishes


class Bench(Protocol):
    """What the parts show and ask."""

    def do(self, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Do what a page asks for, and give what it wants to know of it.

        Raises:
            ConvsimError: it cannot be done; the line is for the person.
        """
        ...

    def as_json(self) -> dict[str, Any]:
        """All that the parts show, as it stands."""
        ...

    def heard(self) -> None:
        """A page shows the workbench."""
        ...


class WorkbenchPart(AnyWidget):
    """The bar, or the shelf of runs. The whole state is sent at each change; nothing of it is in traits."""

    _esm = (STATIC / "workbench.js").read_text(encoding="utf-8")
    _css = (STATIC / "workbench.css").read_text(encoding="utf-8")
    part = traitlets.Unicode("bar").tag(sync=True)

    def __init__(self, bench: Bench, **traits: Any) -> None:
        """Show `bench`; what a page asks of it is done off the kernel's thread."""
        super().__init__(**traits)
        self._bench = bench
        self._seq = 0
        self._errands = Errands("convsim-workbench")
        self._wishes = Wishes(self._do, tell=partial(tell, self), name="convsim-workbench")
        self.on_msg(self._asked)

    def tell_all(self, state: dict[str, Any]) -> None:
        """Send the state to every page; on any thread."""
        self._seq += 1
        tell(self, {"type": "batch", "seq": self._seq, **state})

    def _asked(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """What a page wants; what is not known is left alone, for pages may be older than the kernel."""
        match content:
            case {"type": "hello", "view": str(view)}:
                self._bench.heard()
                self._errands.add(partial(self._answer, view))  # it may read the journals of earlier runs
            case {"type": "ping", "view": str(view)}:
                tell(self, {"type": "pong", "to": view})
            case {"type": "do", "view": str(), "id": str(), "what": str(), "given": dict()}:
                self._wishes.take(content)

    def _answer(self, view: str) -> None:
        tell(self, {"type": "state", "to": view, "seq": self._seq, **self._bench.as_json()})

    def _do(self, what: str, given: Mapping[str, Any]) -> dict[str, Any]:
        return self._bench.do(what, given)
