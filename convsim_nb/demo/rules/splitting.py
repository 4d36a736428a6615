"""Where a recorded session turns to another goal: cue words and a new vocabulary, biased to one goal."""

from convsim_nb.demo.rules.shapes import read
from convsim_nb.demo.rules.transcript import Said, Transcript
from convsim_nb.demo.rules.wishes import empty
from convsim_nb.demo.rules.words import sentences, stems

_TURN = 1.0
"""The score from which a user message opens another goal."""


def ranges(talk: Transcript) -> list[tuple[int, int]]:
    """The message ranges of the goals: contiguous, and each but the first begun by a user message."""
    first = talk.messages[0].n
    starts = [first]
    for said in talk.user:
        if said.n > starts[-1] + 1 and turn_score(said, talk, since=starts[-1]) >= _TURN:
            starts.append(said.n)
    ends = [start - 1 for start in starts[1:]] + [talk.messages[-1].n]
    return list(zip(starts, ends, strict=True))


def turn_score(said: Said, talk: Transcript, *, since: int) -> float:
    """How much a user message looks like the beginning of another matter."""
    earlier = [other for other in talk.messages if since <= other.n < said.n]
    if not any(other.by_user and not empty(other.text, talk.lexicon, talk.language) for other in earlier):
        return 0.0
    plain = said.text.replace("’", "'")
    known = talk.lexicon
    own = stems(plain, talk.language)
    if len(own) < 2 or talk.corrects(said) or _answers(said, talk):
        return 0.0
    past = frozenset[str]().union(*(stems(other.text, talk.language) for other in earlier))
    fresh = len(own - past) / len(own)
    score = fresh * 0.6
    score += 0.35 if known.has("user.greeting", sentences(plain)[0][:24]) else 0.0
    score += 0.25 if known.has("user.next_matter", plain) else 0.0
    score += 0.15 if known.has("user.request", plain) else 0.0
    score += 0.2 if _closed(earlier[-1]) else 0.0
    score -= 0.4 if known.has("user.refers", plain) else 0.0
    return score


def _answers(said: Said, talk: Transcript) -> bool:
    return any(sentence.asks for sentence in talk.asked_before(said))


def _closed(before: Said) -> bool:
    return not before.by_user and any(sentence.closes for sentence in read(before.text))
