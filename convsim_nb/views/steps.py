"""Progress through a known number of steps, as text."""

import sys
import time
from typing import TextIO


class StepProgress:
    """`12/24 sessions distilled`: redrawn in place on a terminal, else a line now and then; on stderr."""

    def __init__(self, total: int, noun: str, *, stream: TextIO | None = None, every: float = 5.0) -> None:
        self._total, self._noun, self._every = total, noun, every
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._done, self._shown = 0, time.monotonic()

    def at(self, done: int) -> None:
        """So many steps are done."""
        if done == self._done:
            return
        self._done = done
        if self._live:
            self._stream.write(f"\r\x1b[2K{self._line}")
            self._stream.flush()
        elif time.monotonic() - self._shown >= self._every:
            self._shown = time.monotonic()
            self._stream.write(f"{self._line}\n")

    def close(self, done: int, outcome: str) -> None:
        """No more steps will be done; say what came of them."""
        self._done = done
        self._stream.write(f"{chr(13) + chr(27) + '[2K' if self._live else ''}{self._line}: {outcome}\n")
        self._stream.flush()

    @property
    def _line(self) -> str:
        return f"{self._done}/{self._total} {self._noun}"
