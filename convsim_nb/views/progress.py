"""Live progress as text: one redrawn line on a terminal, now and then a plain line anywhere else."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

from convsim_nb.domain.conversation import Verdict
from convsim_nb.domain.events import (
    ConversationEnded,
    ConversationStarted,
    FactReleased,
    MessageSent,
    Noticed,
    RunEnded,
    RunEvent,
    RunStarted,
    SinkDropped,
    UsageReported,
)
from convsim_nb.domain.state import RunState
from convsim_nb.views.sentences import meter_words
from convsim_nb.views.tally import Tally, Underway
from convsim_nb.views.width import columns_of, cut, one_line, pad
from convsim_nb.views.words import SIGNS, STAND_IN, STOPS, clock_words, count, joined, seconds_words, stand_ins, word

_REDRAW = 0.1
"""Seconds between two drawings on a terminal."""
_SLOWEST = 60.0
"""Seconds between two status lines of a long job."""
_LONGEST = 200
"""Columns of a line where there is no terminal to tell."""
_ERASE = "\r\x1b[2K"
_TINTS: dict[Verdict, str] = {"reached": "\x1b[32m", "not_reached": "\x1b[31m", "void": "\x1b[33m"}
_ASCII = str.maketrans({"✓": "+", "✗": "x", "○": "o", "·": "-", "…": "~", "█": "#", "░": ".", "–": "-"})


@dataclass(frozen=True)
class Part:
    """A piece of the status line; where room is short, the pieces of least weight go first."""

    text: str
    weight: int


class TextProgress:
    """A sink that says on `stream` how a run goes: never on stdout, and never a carriage return into a log.

    It draws at most ten times a second on a terminal; elsewhere it writes a status line each `every`
    seconds (more seldom in a long job) and a line for each ended conversation, for up to `max_lines`
    that reached their goal and as many that did not.
    """

    name = "TextProgress"

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        state: RunState | None = None,
        every: float = 5.0,
        max_lines: int | None = None,
        columns: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write to `stream`, by default stderr; `state` is the run's fold, where a part of it was done before."""
        self._stream = sys.stderr if stream is None else stream
        self._state, self._every, self._columns, self._clock = state, every, columns, clock
        self._live = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._tinted = self._live and "NO_COLOR" not in os.environ
        self._max_lines = max_lines if max_lines is not None else (10_000 if self._live else 200)
        self._tally = Tally()
        self._zero = self._due = clock()
        self._waiting: list[str] = []
        self._listed = {True: 0, False: 0}
        self._noticed: set[str] = set()
        self._drawn = False

    def __call__(self, event: RunEvent) -> None:  # noqa: C901 - one arm an event
        """Take one event in."""
        match event:
            case MessageSent():
                self._tally.hear(event.key, event.message)
            case UsageReported():
                self._tally.spend(event)
            case ConversationStarted():
                self._tally.start(event)
            case ConversationEnded():
                self._ended(event, self._tally.end(event))
            case FactReleased():
                self._tally.corrections += event.fact_kind == "correction"
            case RunStarted():
                self._begin(event)
            case SinkDropped():
                self._say(one_line(f"{event.sink} hears no more of this run: {event.reason}"))
            case Noticed():
                self._notice(event)
            case RunEnded():
                self._finish(stopped=event.stopped)
                return
            case _:
                pass
        if self._clock() >= self._due:
            self._draw()

    def say(self, line: str) -> None:
        """Write a line of somebody else's at once."""
        self._say(one_line(line))
        if self._live:
            self._draw()

    # --- what is said ------------------------------------------------------------------

    def _begin(self, event: RunStarted) -> None:
        self._tally = Tally.begin(event, earlier=self._state)
        self._zero = self._due = self._clock()
        if not self._live:
            self._due += self._every
        done = f", {self._tally.done_before:,} done before" if self._tally.done_before else ""
        name = event.run_name or event.run_id
        self._say(one_line(f"{name}: {count(self._tally.total, 'conversation')} with {event.agent.name}{done}"))
        if played := stand_ins(event.settings):
            self._say(f"{joined(played)}: {STAND_IN}")

    def _ended(self, event: ConversationEnded, known: Underway) -> None:
        reached = event.verdict == "reached"
        self._listed[reached] += 1
        if self._listed[reached] <= self._max_lines:
            self._say(self._ended_line(event, known))
        elif self._listed[reached] == self._max_lines + 1:
            self._say(f"… more that {'reached' if reached else 'did not reach'} their goal are counted, not listed")

    def _notice(self, event: Noticed) -> None:
        """Said once a topic: what comes of it later stands in the run."""
        if event.topic not in self._noticed:
            self._noticed.add(event.topic)
            self._say(one_line(event.text))

    def _ended_line(self, event: ConversationEnded, known: Underway) -> str:
        wide = min(self._width(), 120)
        name = pad(cut(one_line(self._tally.labels[event.key]), columns=wide // 3), columns=wide // 3)
        facts = [STOPS[event.stop], count(known.turns, "turn"), seconds_words(event.at - known.started)]
        if event.detail and event.verdict != "reached":
            facts.append(one_line(event.detail))
        sign = pad(f"{SIGNS[event.verdict]} {word(event.verdict)}", columns=14)
        line = cut(f"{sign}{name}  {' · '.join(facts)}", columns=self._width())
        return line.replace(sign, f"{_TINTS[event.verdict]}{sign}\x1b[0m", 1) if self._tinted else line

    def _status(self) -> str:
        tally, elapsed = self._tally, self._clock() - self._zero
        left = tally.seconds_left(elapsed)
        parts = [
            Part(self._verdicts(), weight=8),
            Part(f"{len(tally.underway):,} running" if tally.underway else "", weight=5),
            Part(count(tally.corrections, "correction") if tally.corrections else "", weight=4),
            *(Part(piece, weight=2) for piece in meter_words(tally.spent)),
            Part(f"{tally.turns / elapsed:.1f} turns/s" if elapsed > 0 and tally.turns else "", weight=1),
            Part(clock_words(elapsed), weight=6),
            Part("" if left is None else f"about {clock_words(left)} left", weight=3),
        ]
        done = f"{tally.ended:,}/{tally.total:,}"
        first = f"{_bar(tally.ended, tally.total)} {done}" if self._live else f"{done} ended"
        return _fitted(first, parts, columns=self._width())

    def _verdicts(self) -> str:
        by_verdict = self._tally.by_verdict
        return ", ".join(f"{by_verdict[each]:,} {word(each)}" for each in _TINTS if by_verdict[each])

    # --- how it is written -------------------------------------------------------------

    def _say(self, line: str) -> None:
        """A line that stays; on a terminal it waits for the next drawing."""
        if self._live:
            self._waiting.append(line)
        else:
            self._write(line + "\n")

    def _draw(self) -> None:
        elapsed = self._clock() - self._zero
        self._due = self._clock() + (_REDRAW if self._live else min(max(self._every, elapsed / 12), _SLOWEST))
        if not self._live:
            self._write(self._status() + "\n")
            return
        self._write(self._lasting() + self._status())
        self._drawn = True

    def _finish(self, *, stopped: bool) -> None:
        """The status as it was at the end; what never ended is void."""
        self._tally.close()
        after = clock_words(self._clock() - self._zero)
        line = f"{'stopped' if stopped else 'ended'} after {after}: {self._verdicts() or 'no conversation'}"
        self._write((self._lasting() if self._live else "") + line + "\n")
        self._drawn = False

    def _lasting(self) -> str:
        """The status erased and the waiting lines in its place."""
        lines, self._waiting = self._waiting, []
        return (_ERASE if self._drawn else "") + "".join(f"{line}\n" for line in lines)

    def _write(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = text.translate(_ASCII).encode(encoding, "replace").decode(encoding)
        self._stream.write(text)
        self._stream.flush()

    def _width(self) -> int:
        if self._columns is not None:
            return self._columns
        return _terminal_columns(self._stream) if self._live else _LONGEST


def _terminal_columns(stream: TextIO) -> int:
    """One less than there are: some terminals break the line when its last column is filled."""
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, 20) - 1
    except (OSError, ValueError):  # a terminal that is none of the system's
        return 79


def _bar(done: int, total: int, cells: int = 12) -> str:
    full = done * cells // total if total else 0
    return "█" * full + "░" * (cells - full)


def _fitted(first: str, parts: list[Part], *, columns: int) -> str:
    kept = [part for part in parts if part.text]
    while kept and columns_of(_line(first, kept)) > columns:
        kept.remove(min(kept, key=lambda part: part.weight))
    return cut(_line(first, kept), columns=columns)


def _line(first: str, parts: list[Part]) -> str:
    return " · ".join([first, *(part.text for part in parts)])
