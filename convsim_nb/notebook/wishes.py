"""What pages wish for: each wish once, one after the other, off the kernel's thread, and answered."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from convsim_nb.notebook.errands import Errands
from convsim_nb.notebook.live.desk import problem_of
from convsim_nb.notebook.live.protocol import sendable

Answer = dict[str, Any]
_REMEMBERED = 1000


class Wishes:
    """Takes `do` messages: `view`, `id`, `what` and `given`."""

    def __init__(
        self, do: Callable[[str, Mapping[str, Any]], Answer | None], *, tell: Callable[[Answer], None], name: str
    ) -> None:
        """`do` gets what is wanted and its arguments; what it raises is told to the page as one line."""
        self._do, self._tell = do, tell
        self._known: OrderedDict[str, None] = OrderedDict()
        self._errands = Errands(name)

    def take(self, wish: Mapping[str, Any]) -> None:
        """Take a wish on; one that is known already is left alone."""
        if wish["id"] in self._known:
            return
        self._known[wish["id"]] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self._errands.add(partial(self._answer, wish))

    def _answer(self, wish: Mapping[str, Any]) -> None:
        answer = {"to": wish["view"], "id": wish["id"]}
        try:
            result = self._do(wish["what"], wish["given"])
        except Exception as error:  # noqa: BLE001 - whatever fails, the person has to hear of it
            self._tell({"type": "refused", **answer, "problem": sendable(problem_of(error))})
        else:
            self._tell({"type": "done", **answer, "result": result or {}})
