"""From the turns of a session to its messages, each once, although every turn repeats the history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from convsim_nb.adapters.mlflow.align import align, key_of
from convsim_nb.adapters.mlflow.pasted import unpasted
from convsim_nb.adapters.mlflow.turns import Turn
from convsim_nb.domain.session import Message
from convsim_nb.domain.transcript import merged


def stitch(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The messages of a session, from its turns in order of time."""
    seam = _Seam(told=any(turn.history for turn in turns))
    for turn in turns:
        seam.add(turn)
    return tuple(one.message for one in seam.said)


@dataclass
class _Said:
    """A message, and what is known of how it came here."""

    message: Message
    hearsay: bool = False
    """Only a history tells of it; a later history that skips it takes it back."""
    others: tuple[Message, ...] = ()
    """What other calls of the same turn replied: a later history says which of them the user saw."""


class _Seam:
    """What has been said so far."""

    def __init__(self, *, told: bool) -> None:
        self.said: list[_Said] = []
        self._last: Turn | None = None
        self._told = told  # whether any turn brings history along

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
        if not self.said:
            self.said = [_Said(message, hearsay=True) for message in history]
            return len(self.said)
        pairs = align([key_of(one.message) for one in self.said], [key_of(message) for message in history])
        if not pairs:  # a summary, or examples: not part of the conversation
            return None
        woven = self._head(history, *pairs[0])
        for (i, j), (next_i, next_j) in zip(pairs, [*pairs[1:], (len(self.said), len(history))], strict=True):
            woven.append(_settled(self.said[i], history[j]))
            after = len(woven)
            ours, theirs = self.said[i + 1 : next_i], history[j + 1 : next_j]
            closed = next_i < len(self.said)  # a history that goes on after the gap did skip what it lacks
            woven += [one for one in ours if not (closed and one.hearsay)]
            woven += [_Said(message, hearsay=True) for message in theirs]
        self.said = woven
        return after if not theirs else len(woven)

    def _head(self, history: Sequence[Message], i: int, j: int) -> list[_Said]:
        """What comes before the first message known to both: our own, or where we have none, theirs."""
        return self.said[:i] if i else [_Said(message, hearsay=True) for message in history[:j]]

    # --- the newest message ----------------------------------------------------------

    def _same_turn(self, turn: Turn, after: int | None) -> int | None:
        """The place of the user's message, where this trace is one more of the turn that it opened.

        A retry, a step in a loop of tool calls, two traces of one call: the user did not say it twice.
        """
        users = [place for place, one in enumerate(self.said) if one.message.role == "user"]
        if not users or turn.newest is None or key_of(self.said[users[-1]].message) != key_of(turn.newest):
            return None
        last = users[-1]
        if after is not None:
            return last if after == last else None
        alone = not turn.history and (self._told or last == len(self.said) - 1)
        return last if alone or turn.goes_on or self._overlaps(turn) else None

    def _overlaps(self, turn: Turn) -> bool:
        return self._last is not None and turn.started < self._last.ended

    def _again(self, turn: Turn, place: int) -> None:
        """The newer replies take the place of the older ones, which are kept in mind."""
        older = self.said[place + 1 :]
        if not turn.replies:
            return
        others = tuple(message for one in older for message in (one.message, *one.others) if message.content)
        spent = sum(one.message.seconds or 0 for one in older) if turn.goes_on else 0
        newer = [_Said(message, others=others) for message in turn.replies]
        newer[-1].message = newer[-1].message.model_copy(update={"seconds": turn.seconds + spent})
        self.said[place + 1 :] = newer

    def _go_on(self, turn: Turn) -> None:
        """A trace without a user's message: the answers of tools, sent to a server that keeps the history."""
        last = self.said[-1].message if self.said else None
        if last is not None and last.role == "assistant" and last.tool_calls and turn.replies:
            self.said.pop()
            waiting = tuple(call for call in last.tool_calls if call.result is None and call.error is None)
            if last.content:
                done = tuple(call for call in last.tool_calls if call not in waiting)
                self.said.append(_Said(last.model_copy(update={"tool_calls": done})))
            first = turn.replies[0]
            calls = merged(waiting if last.content else last.tool_calls, first.tool_calls)
            self.said.append(_Said(first.model_copy(update={"tool_calls": calls})))
            self.said += map(_Said, turn.replies[1:])
        else:
            self.said += map(_Said, turn.replies)


def _settled(one: _Said, told: Message) -> _Said:
    """A message that a later history tells of too: it settles which reply was seen, and knows of more calls."""
    message = one.message
    if key_of(message) != key_of(told):
        message = next((other for other in one.others if key_of(other) == key_of(told)), message)
    content = told.content if _wrapped(message, told) else message.content
    more = {"tool_calls": merged(message.tool_calls, told.tool_calls), "wire": message.wire or told.wire}
    return _Said(message.model_copy(update={**more, "content": content}), hearsay=one.hearsay, others=one.others)


def _wrapped(message: Message, told: Message) -> bool:
    """Whether the user's words went to the model inside a longer prompt, and the history has them bare."""
    ours, theirs = key_of(message).text, key_of(told).text
    return message.role == "user" and theirs != ours and theirs in ours and not ours.startswith(theirs)
