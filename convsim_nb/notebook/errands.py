"""What pages ask of a widget, done one after the other on a thread of its own, each wish once."""

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from convsim_nb.notebook.desk import problem_of
from convsim_nb.notebook.protocol import sendable

Answer = dict[str, Any]
_REMEMBERED = 1000
_IDLE = 30.0
"""Seconds without a wish after which the thread ends."""


class Errands:
    """Takes wishes on the kernel's thread and does them elsewhere: what is saved or read may take its time."""

    def __init__(
        self, do: Callable[[str, Mapping[str, Any]], Answer | None], *, tell: Callable[[Answer], None], name: str
    ) -> None:
        """`do` gets what is wanted and its arguments; what it raises is told to the page as one line."""
        self._do, self._tell, self._name = do, tell, name
        self._known: OrderedDict[str, None] = OrderedDict()
        self._waiting: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._busy = False

    def take(self, wish: Mapping[str, Any]) -> None:
        """Take on a `do` message: `view`, `id`, `what` and `given`."""
        if wish["id"] in self._known:
            return
        self._known[wish["id"]] = None
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        with self._starting:
            self._waiting.put(wish)
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                wish = self._waiting.get(timeout=_IDLE)
            except queue.Empty:
                with self._starting:
                    if self._waiting.empty():
                        self._busy = False
                        return
                continue
            self._answer(wish)

    def _answer(self, wish: Mapping[str, Any]) -> None:
        answer = {"to": wish["view"], "id": wish["id"]}
        try:
            result = self._do(wish["what"], wish["given"])
        except Exception as error:  # noqa: BLE001 - whatever fails, the person has to hear of it
            self._tell({"type": "refused", **answer, "problem": sendable(problem_of(error))})
        else:
            self._tell({"type": "done", **answer, "result": result or {}})
