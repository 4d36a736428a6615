"""From the turns of a session to its messages, each once, although every turn repeats the history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from convsim_nb.adapters.mlflow.align import Key, align, key_of
from convsim_nb.adapters.mlflow.pasted import unpasted
from convsim_nb.adapters.mlflow.turns import Turn
from convsim_nb.domain.session import Message
from convsim_nb.domain.transcript import merged


def stitch(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The messages of a session, from its turns in order of time."""
    seam = _Seam(longest=max((len(turn.history) for turn in turns), default=0))
    for turn in turns:
        seam.add(turn)
    return tuple(one.message for one in seam.said)


@dataclass(frozen=True)
class _Said:
    """A message, and what is known of how it came here."""

    message: Message
    hearsay: bool = False
    """Only a history tells of it; a later history that skips it takes it back."""
    others: tuple[Message, ...] = ()
    """What other calls of the same turn replied: a later history says which of them the user saw."""

    @cached_property
    def key(self) -> Key:
        return key_of(self.message)


class _Seam:
    """What has been said so far."""

    def __init__(self, *, longest: int) -> None:
        self.said: list[_Said] = []
        self._last: Turn | None = None
        self._longest = longest  # of the histories that the turns bring along

    def add(self, turn: Turn) -> None:
        turn = self._unpasted(turn)
        after = self._weave(turn.history)
        if turn.newest is None:
            self._go_on(turn)
        elif (place := self._same_turn(turn, after)) is not None:
            self._again(turn, place)
        else:
            self.said += [_Said(turn.newest), *map(_Said, turn.replies)]
        self._last = turn

    def _unpasted(self, turn: Turn) -> Turn:
        if turn.newest is None or turn.history:
            return turn
        messages = unpasted(turn.newest.content, [one.message for one in self.said])
        if not messages:
            return turn
        newest = messages[-1].model_copy(update={"trace_id": turn.trace_id})
        return replace(turn, history=messages[:-1], newest=newest)

    # --- the history -----------------------------------------------------------------

    def _weave(self, history: Sequence[Message]) -> int | None:
        """Settle what was said against a history; the place after the last message that it knows.

        None where the history tells nothing of what was said.
        """
        told = [_Said(message, hearsay=True) for message in history]
        pairs = align([one.key for one in self.said], [one.key for one in told])
        if not self.said:
            self.said = told
            return len(told)
        if not pairs:  # a summary, or examples: not part of the conversation
            return None
        # What comes before the first message known to both: our own, or where we have none, theirs.
        woven = self.said[: pairs[0][0]] or told[: pairs[0][1]]
        for (i, j), (next_i, next_j) in zip(pairs, [*pairs[1:], (len(self.said), len(told))], strict=True):
            woven.append(_settled(self.said[i], told[j]))
            after = len(woven)
            closed = next_i < len(self.said)  # a history that goes on after the gap did skip what it lacks
            woven += [one for one in self.said[i + 1 : next_i] if not (closed and one.hearsay)]
            woven += told[j + 1 : next_j]
        untold = pairs[-1][1] + 1 == len(told)
        self.said = woven
        return after if untold else len(woven)

    # --- the newest message ----------------------------------------------------------

    def _same_turn(self, turn: Turn, after: int | None) -> int | None:
        """The place of the user's message, where this trace is one more of the turn that it opened.

        A retry, a step in a loop of tool calls, two traces of one call: the user did not say it twice.
        """
        last = max((place for place, one in enumerate(self.said) if one.message.role == "user"), default=None)
        if last is None or turn.newest is None or self.said[last].key != key_of(turn.newest):
            return None
        if after is not None:
            return last if after == last or self._repeats(turn) else None
        alone = not turn.history and (self._longest > 0 or last == len(self.said) - 1)
        return last if alone or turn.goes_on or self._overlaps(turn) else None

    def _repeats(self, turn: Turn) -> bool:
        """Whether this is the last turn's list once more. A window may come to look so; it does not grow any more."""
        if self._last is None or len(turn.history) == self._longest:
            return False
        return list(map(key_of, turn.history)) == list(map(key_of, self._last.history))

    def _overlaps(self, turn: Turn) -> bool:
        return self._last is not None and turn.started < self._last.ended

    def _again(self, turn: Turn, place: int) -> None:
        """The newer replies take the place of the older ones, which are kept in mind."""
        older = self.said[place + 1 :]
        if not turn.replies:
            return
        others = tuple(message for one in older for message in (one.message, *one.others) if message.content)
        spent = sum(one.message.seconds or 0 for one in older) if turn.goes_on else 0
        *replies, last = turn.replies
        replies.append(last.model_copy(update={"seconds": turn.seconds + spent}))
        self.said[place + 1 :] = [_Said(message, others=others) for message in replies]

    def _go_on(self, turn: Turn) -> None:
        """A trace without a user's message: the answers of tools, sent to a server that keeps the history."""
        replies = list(turn.replies)
        last = self.said[-1].message if self.said else None
        if last is not None and last.role == "assistant" and replies:
            waiting = tuple(call for call in last.tool_calls if call.result is None and call.error is None)
            done = tuple(call for call in last.tool_calls if call not in waiting)
            first = merged(waiting if last.content else last.tool_calls, replies[0].tool_calls)
            replies[0] = replies[0].model_copy(update={"tool_calls": first})
            self.said[-1:] = [_Said(last.model_copy(update={"tool_calls": done}))] if last.content else []
        self.said += map(_Said, replies)


def _settled(one: _Said, told: _Said) -> _Said:
    """A message that a later history tells of too: it settles which reply was seen, and knows of more calls."""
    seen = next((other for other in one.others if key_of(other) == told.key), None) if one.key != told.key else None
    wrapped = _wrapped(one, told)
    if not (seen or wrapped or told.message.tool_calls or told.message.wire):
        return one
    message = seen or one.message
    more = {
        "content": told.message.content if wrapped else message.content,
        "tool_calls": merged(message.tool_calls, told.message.tool_calls),
        "wire": message.wire or told.message.wire,
    }
    return _Said(message.model_copy(update=more), hearsay=one.hearsay, others=one.others)


def _wrapped(one: _Said, told: _Said) -> bool:
    """Whether the user's words went to the model inside a longer prompt, and the history has them bare."""
    ours, theirs = one.key.text, told.key.text
    return one.message.role == "user" and theirs != ours and theirs in ours and not ours.startswith(theirs)
