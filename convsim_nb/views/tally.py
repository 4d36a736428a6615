"""What a progress line counts, kept from events at a fraction of the fold's cost."""

from collections import Counter
from dataclasses import dataclass, field

from convsim_nb.domain.conversation import Spender, Stop, Usage, Verdict, conversation_key
from convsim_nb.domain.events import ConversationEnded, ConversationStarted, RunStarted, UsageReported
from convsim_nb.domain.session import Message
from convsim_nb.domain.state import RunState

_UNFINISHED: frozenset[Stop | None] = frozenset({None, "cancelled", "over_budget"})


@dataclass
class Underway:
    """A conversation that has not ended."""

    started: float
    """Seconds since the run's start."""
    turns: int = 0


@dataclass
class Tally:
    """A run in counts."""

    labels: dict[str, str] = field(default_factory=dict)
    """By key, of all conversations that there will be."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """By key, of those that ended."""
    underway: dict[str, Underway] = field(default_factory=dict)
    """By key, of those that run."""
    turns: int = 0
    """User messages sent, in all conversations."""
    corrections: int = 0
    spent: dict[Spender, Usage] = field(default_factory=dict)
    """What the model calls took, by who made them."""
    done_before: int = 0
    """Conversations that an earlier part of a resumed run brought to their end."""

    @classmethod
    def begin(cls, event: RunStarted, *, earlier: RunState | None) -> "Tally":
        """All conversations of the run, those that `earlier` holds the end of as ended."""
        trials = range(1, event.settings.trials + 1)
        labels = {
            conversation_key(case.case_id, event.agent.name, trial): _label(case.case_id, trial)
            for case in event.cases
            for trial in trials
        }
        done = [each for each in (earlier.conversations if earlier else ()) if each.stop not in _UNFINISHED]
        labels |= {each.key: _label(each.case_id, each.trial) for each in done}
        verdicts = {each.key: each.verdict for each in done if each.verdict}
        return cls(labels=labels, verdicts=verdicts, done_before=len(verdicts))

    def start(self, event: ConversationStarted) -> None:
        """An attempt begins; one before it counts no more."""
        self.labels[event.key] = _label(event.case_id, event.trial)
        self.verdicts.pop(event.key, None)
        self.underway[event.key] = Underway(started=event.at)

    def hear(self, key: str, message: Message) -> None:
        """A message was sent."""
        if message.role == "user" and message.source != "recorded":
            self.turns += 1
            if underway := self.underway.get(key):
                underway.turns += 1

    def spend(self, event: UsageReported) -> None:
        """A model call is done."""
        self.spent[event.spender] = self.spent.get(event.spender, Usage()) + event.usage

    def end(self, event: ConversationEnded) -> Underway:
        """A conversation ended: what was known of it."""
        self.labels.setdefault(event.key, event.key)
        self.verdicts[event.key] = event.verdict
        return self.underway.pop(event.key, None) or Underway(started=event.at)

    def close(self) -> None:
        """The run is over: what did not end is void."""
        self.verdicts |= dict.fromkeys(self.labels.keys() - self.verdicts.keys(), "void")
        self.underway.clear()

    @property
    def total(self) -> int:
        """How many conversations there are."""
        return len(self.labels)

    @property
    def ended(self) -> int:
        """How many of them ended."""
        return len(self.verdicts)

    @property
    def by_verdict(self) -> Counter[Verdict]:
        """How many ended with each verdict."""
        return Counter(self.verdicts.values())

    def seconds_left(self, elapsed: float) -> float | None:
        """A guess from the pace so far; None while too few have ended to guess from."""
        fresh = self.ended - self.done_before
        if fresh < min(3, self.total) or self.ended >= self.total:
            return None
        return elapsed / fresh * (self.total - self.ended)


def _label(case_id: str, trial: int) -> str:
    return case_id if trial == 1 else f"{case_id}, trial {trial}"
