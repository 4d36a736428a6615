"""Where a recorded session turns to another goal: cue words and a new vocabulary, biased to one goal."""

from collections.abc import Sequence
from dataclasses import dataclass

from convsim_nb.demo.rules.goals import opens_with_verb
from convsim_nb.demo.rules.shapes import Sentence, read
from convsim_nb.demo.rules.transcript import Said, Transcript
from convsim_nb.demo.rules.voice import lowered
from convsim_nb.demo.rules.wishes import empty
from convsim_nb.demo.rules.words import count_words, sentences, stems

_TURN = 5.3
"""The score from which a user message opens another goal."""
# Weights of the signs of a turn. Fitted by logistic regression on public dialogues, people's and stitched ones, and
# set so that of a hundred sessions with one goal about five are cut: a cut too many is worse than one too few.
_FRESH, _TAKEN_UP, _UNHEARD, _REASKED, _GREETS, _WANTS, _AFTER_MUCH, _THANKED = 2.0, 1.5, 1.75, 1.6, 1.7, 1.4, 1.0, 0.5
_ANNOUNCED = 2.4
"""Of a message that says itself that it is another matter. Too rare in those dialogues to be fitted."""
_COHESION, _REFERS, _ANSWERS = -3.6, -1.4, -1.7
_AHEAD = 4
"""Messages ahead that are compared with what was said before."""
_HEAD = 10
"""First words of a message, among which it says that it is another matter."""
_MUCH = 40
"""Words of an agent's message that told a lot."""


def openings_of(talk: Transcript) -> list[Said]:
    """The user messages that open a goal: the first of all, and those that turn to another matter."""
    found = list(talk.user[:1])
    for said in talk.user[1:]:
        turn = _Turn(said, talk)
        if said.n > found[-1].n + 1 and turn.has_past and turn.score >= _TURN:
            found.append(said)
    return found


@dataclass(frozen=True)
class _Turn:
    """A user message, as the possible beginning of another matter."""

    said: Said
    talk: Transcript

    @property
    def earlier(self) -> tuple[Said, ...]:
        return tuple(other for other in self.talk.messages if other.n < self.said.n)

    @property
    def has_past(self) -> bool:
        """Whether the user has named a matter before."""
        users = [other for other in self.earlier if other.by_user]
        return any(not empty(other.text, self.talk.lexicon, self.talk.language) for other in users)

    @property
    def score(self) -> float:
        """How much the message looks like the beginning of another matter."""
        past, own = self._stems(self.earlier), self._stems((self.said,))
        if not own or (self._only_thanks() and not self._announced):
            return 0.0
        ahead = [other for other in self.talk.messages if other.n >= self.said.n][:_AHEAD]
        reply = self._stems([other for other in ahead[1:2] if not other.by_user])
        coming = self._stems(ahead)
        return (
            _FRESH * len(own - past) / len(own)
            + _TAKEN_UP * min(len((own - past) & reply), 3) / 3
            + _UNHEARD * (len(own) > 1 and not own & past)
            + _COHESION * len(coming & past) / len(coming)
            + self._manner
        )

    @property
    def _manner(self) -> float:
        """What the form of the message says, and of the message before it."""
        known, plain = self.talk.lexicon, self.said.text.replace("’", "'")
        before = self.talk.before(self.said)
        told = read(before.text) if before else ()
        asked_for = [other for other in self.earlier if other.by_user][-1:]
        return (
            _GREETS * known.has("user.greeting", (sentences(plain) or (plain,))[0][:24])
            + _WANTS * self._wants(plain)
            + _ANNOUNCED * self._announced
            + _REFERS * (not self._announced and self._refers(plain))
            + _ANSWERS * any(sentence.asks or sentence.offers for sentence in told)
            + _AFTER_MUCH * (before is not None and count_words(before.text) > _MUCH)
            + _THANKED * any(known.has("user.thanks", other.text) for other in asked_for)
            + _REASKED * self._asked_again()
        )

    def _wants(self, plain: str) -> bool:
        known = self.talk.lexicon
        return opens_with_verb(lowered(known.cut("lead", plain)), known) or known.has("user.asking", plain)

    @property
    def _announced(self) -> bool:
        """Whether the message says itself that it is another matter."""
        plain = self.said.text.replace("’", "'")
        head = " ".join(plain.split()[:_HEAD])
        return self.talk.lexicon.has("user.announces", head) or plain.rstrip(" .!?").endswith("btw")

    def _refers(self, plain: str) -> bool:
        known = self.talk.lexicon
        return known.has("user.refers", " ".join(plain.split()[:5])) or known.has("user.adds", plain)

    def _only_thanks(self) -> bool:
        known, plain = self.talk.lexicon, self.said.text.replace("’", "'")
        return known.has("user.thanks", plain) and not known.has("user.wanting", plain)

    def _asked_again(self) -> bool:
        """Whether the agent asks next what it had asked before, as it does when a matter begins anew."""
        later = [other for other in self.talk.messages if other.n > self.said.n]
        return any(
            sentence.stems and any(len(sentence.stems & old) * 2 >= len(sentence.stems | old) for old in self._asked)
            for sentence in _asking(later)[:2]
        )

    @property
    def _asked(self) -> list[frozenset[str]]:
        return [sentence.stems for sentence in _asking(self.earlier)]

    def _stems(self, messages: Sequence[Said]) -> frozenset[str]:
        return frozenset[str]().union(*(stems(said.text, self.talk.language) for said in messages))


def _asking(messages: Sequence[Said]) -> list[Sentence]:
    return [sentence for said in messages if not said.by_user for sentence in read(said.text) if sentence.asks]
