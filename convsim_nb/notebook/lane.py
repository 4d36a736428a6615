"""A thread of its own for what may take long: the kernel's must go on hearing its page."""

import queue
import threading
from collections.abc import Callable

_IDLE = 30.0
"""Seconds without work after which the thread ends; the next one begins another."""


class Lane:
    """Does one thing after the other, on a thread that nobody waits for when the process ends."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, work: Callable[[], None]) -> None:
        """Do it when all before it is done; it must not raise."""
        with self._lock:
            self._waiting.put(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while True:
            try:
                work = self._waiting.get(timeout=_IDLE)
            except queue.Empty:
                with self._lock:
                    if not self._waiting.empty():
                        continue
                    self._thread = None
                    return
            work()
