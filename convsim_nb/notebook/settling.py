"""What is done once a person has stopped changing things for a moment."""

import threading
from collections.abc import Callable


class Settling:
    """Does one thing when nothing has changed for so many seconds, on a thread of its own."""

    def __init__(self, do: Callable[[], None], *, seconds: float) -> None:
        self._do, self._seconds = do, seconds
        self._timer: threading.Timer | None = None

    def soon(self) -> None:
        """Something has changed: wait anew."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._seconds, self._do)
        self._timer.daemon = True
        self._timer.start()
