"""What a person picks sessions from, and what was picked: kept in Python, whatever pages show it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from convsim_nb.domain.errors import NotFoundError
from convsim_nb.domain.preview import SessionPreview
from convsim_nb.domain.session import Session
from convsim_nb.notebook.errands import Errands
from convsim_nb.notebook.live.desk import problem_of
from convsim_nb.workflow.browse import SessionList
from convsim_nb.workflow.sessions import Sessions
from convsim_nb.workflow.shelves import Query, Shelf, StoreShelf

PAGE = 100
"""Sessions that are listed at first, and with each "load more"."""
_STEP = 100
"""So many sessions are told of at once while more of them are listed; in long lists more."""
SLOW_SECONDS = 10.0
"""Without a word from the store, after which the person is told."""
_REMEMBERED = 300
"""Sessions that were read whole and are kept: what is previewed and reckoned is mostly distilled next."""


@dataclass(frozen=True)
class Change:
    """What the pages have to hear; with nothing in it, that what stands around the list has changed."""

    rows: tuple[SessionPreview, ...] = ()
    """New, or known by more traces than before."""
    added: tuple[str, ...] = ()
    """Picked just now."""
    removed: tuple[str, ...] = ()
    """Picked no more."""
    outcomes: tuple[str, ...] = ()
    """Sessions whose distilling has gone on."""
    reset: bool = False
    """Another list begins: nothing that was shown stands."""


Hearer = Callable[[Change], None]


@dataclass(eq=False)
class Picking:
    """The list, and what is picked of it. Changes are told to `hearers`, in order, under one lock, from any thread."""

    shelf: Shelf
    query: Query
    hearers: list[Hearer] = field(default_factory=list)
    problem: str = ""
    """Why the list could not be read, or read on."""
    loading: bool = False
    slow: bool = False
    """The store was asked, and says nothing for a while."""
    place: str = ""
    """What the list is of: an experiment's name, as far as it is known."""
    lock: Any = field(default_factory=threading.RLock)
    _list: SessionList | None = None
    _picked: dict[str, None] = field(default_factory=dict)
    _whole: OrderedDict[str, Session] = field(default_factory=OrderedDict)
    _asked: int = 0
    """Which list is wanted: work for an earlier one is left."""
    _begun: int = 0
    _heard: int = 0
    """How often the store has answered."""
    _held: bool = False
    """The list is in the hands of a thread that waits for the store, perhaps for ever."""
    _idle: threading.Event = field(default_factory=threading.Event)
    _lister: Errands = field(default_factory=lambda: Errands("convsim-list"))

    def tell(self, change: Change) -> None:
        """Let everybody know."""
        with self.lock:
            for hear in self.hearers:
                hear(change)

    # --- the list --------------------------------------------------------------------

    @property
    def listed(self) -> Sequence[SessionPreview]:
        """All so far, the newest first."""
        return self._list if self._list is not None else ()

    @property
    def list(self) -> SessionList | None:
        """The list itself; None before the store has answered."""
        return self._list

    @property
    def slow_words(self) -> str:
        """What is said of a store that does not answer; empty where it does."""
        if not self.slow:
            return ""
        who = f"The store {self.shelf.uri}" if isinstance(self.shelf, StoreShelf) else "What is read"
        return f"{who} has not answered for {SLOW_SECONDS:.0f} seconds. It is still being asked."

    def ask(self, **changes: Any) -> None:
        """List anew, for a query that differs so; what was picked is let go. Returns at once."""
        with self.lock:
            self.query = replace(self.query, **changes)
            self._asked += 1
            self.place = changes.get("experiment") or self.place
            self._list, self._picked = None, {}
            self._whole.clear()
            if self.loading:  # perhaps for ever: nobody waits behind it
                self._lister = Errands("convsim-list")
            self._begin(PAGE, reset=True)

    def more(self, sessions: int | None = PAGE) -> None:
        """List so many more, or all; returns at once. While a list is being read nothing is added to it."""
        with self.lock:
            if not self.loading and not (self._list is not None and self._list.complete):
                self._begin(sessions)

    def halt(self) -> None:
        """Read on no further for now."""
        with self.lock:
            if self.loading:
                self._asked += 1
                if self.slow:
                    self._held, self._lister = True, Errands("convsim-list")
                self._rest("")

    def again(self) -> None:
        """Go on where the store failed, or keeps silent: what is listed stays. Returns at once."""
        with self.lock:
            if self._list is None:
                self.ask()
                return
            self.halt()
            self.more()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is being listed."""
        return self._idle.wait(timeout)

    def _begin(self, sessions: int | None, *, reset: bool = False) -> None:
        asked = self._asked
        self.problem, self.loading, self.slow = "", True, False
        self._idle.clear()
        self._begun += 1
        anew, self._held = self._held, False
        self._watch(self._begun, self._heard)
        self.tell(Change(reset=reset))
        self._lister.add(lambda: self._read_on(asked, sessions, anew=anew))

    def _watch(self, begun: int, heard: int) -> None:
        """Say so where the store has not said anything in a while."""

        def look() -> None:
            with self.lock:
                if begun == self._begun and self.loading and heard == self._heard:
                    self.slow = True
                    self.tell(Change())

        timer = threading.Timer(SLOW_SECONDS, look)
        timer.daemon = True
        timer.start()

    def _read_on(self, asked: int, sessions: int | None, *, anew: bool) -> None:
        """On the lister's thread; `anew`: by a list of its own, which comes to where the other one was."""
        problem = ""
        try:
            if anew and sessions is not None:
                sessions += len(self.listed)
            self._list_on(asked, sessions, None if anew else self._list)
        except Exception as error:  # noqa: BLE001 - whatever fails, the person has to hear of it
            problem = problem_of(error)
        with self.lock:
            if asked == self._asked:
                self._rest(problem)

    def _rest(self, problem: str) -> None:
        self.problem, self.loading, self.slow = problem, False, False
        self._idle.set()
        self.tell(Change())

    def _list_on(self, asked: int, sessions: int | None, current: SessionList | None) -> None:
        if current is None:
            current = self.shelf.list(self.query)
            with self.lock:
                if asked == self._asked:
                    self.place = current.place
        left = sessions
        while asked == self._asked and not current.complete and (left is None or left > 0):
            before = {each.id: each for each in self.listed}
            step = max(_STEP, len(current) // 4)
            current.more(step if left is None else min(left, step))
            left = None if left is None else left - step
            with self.lock:
                if asked == self._asked:
                    self._heard, self.slow = self._heard + 1, False
                    self._take(current, before)

    def _take(self, current: SessionList, before: Mapping[str, SessionPreview]) -> None:
        """Show what a list has come to; one that was begun anew, only once it has all that was shown before it."""
        if len(current) >= len(before) or current.complete:
            self._list = current
            self.tell(Change(rows=tuple(each for each in current if before.get(each.id) is not each)))

    # --- what is picked --------------------------------------------------------------

    @property
    def picked(self) -> tuple[str, ...]:
        """The ids, in the order of the list."""
        with self.lock:
            return tuple(each.id for each in self.listed if each.id in self._picked)

    def pick(self, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        """Take some in and others out; ids that are not listed are left alone."""
        with self.lock:
            known = {each.id for each in self.listed}
            added = tuple(each for each in dict.fromkeys(add) if each in known and each not in self._picked)
            removed = tuple(each for each in dict.fromkeys(remove) if each in self._picked)
            self._picked.update(dict.fromkeys(added))
            for each in removed:
                del self._picked[each]
            if added or removed:
                self.tell(Change(added=added, removed=removed))

    def pick_only(self, ids: Iterable[str]) -> None:
        """Pick these and no others.

        Raises:
            NotFoundError: an id that is not listed.
        """
        with self.lock:
            wanted = dict.fromkeys(ids)
            known = {each.id for each in self.listed}
            if missing := [each for each in wanted if each not in known]:
                raise NotFoundError(f"no session {missing[0]!r} among the {len(known)} listed so far")
            self.pick(wanted, [each for each in self._picked if each not in wanted])

    # --- reading ---------------------------------------------------------------------

    def open(self, session_id: str) -> Session:
        """One session whole; those that were read last are remembered.

        Raises:
            NotFoundError: it is not listed.
            UsageError: it holds no message.
            StoreError: the store did not answer.
        """
        current = self._list
        if current is None:
            raise NotFoundError(f"no session {session_id!r}: nothing is listed yet")
        with self.lock:
            known = self._whole.get(session_id)
        read = known or current.open(session_id)
        with self.lock:
            if current is self._list:
                self._whole[session_id] = read
                self._whole.move_to_end(session_id)
                if len(self._whole) > _REMEMBERED:
                    self._whole.popitem(last=False)
        return read

    def read(self, ids: Sequence[str]) -> Sessions:
        """Sessions of the list whole, in this order; raises as `SessionList.read` does."""
        return self._list.read(ids) if self._list is not None else Sessions()
