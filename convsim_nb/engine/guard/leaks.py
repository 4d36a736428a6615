"""A withheld fact, or what the agent was expected to bring, given away by the simulated user."""

import re

from convsim_nb.engine.guard.exact import dates
from convsim_nb.engine.guard.known import Known, Secret, begun
from convsim_nb.engine.guard.text import common, pairs, spaced, squashed, stem
from convsim_nb.engine.ports import Finding, UserView

REASON = (
    "It brings up something that this person has no cause to bring up yet. Say only what you were asked, "
    "what you want, and how you take the last answer."
)
"""Says not what was given away, nor that there is more to know: the reason must not tell the secret either."""
_FEW, _ENOUGH = 2, 2
"""Up to so few telling stems, neither known nor said yet, one gives the fact away; else so many do."""
_SHARE = 0.3
"""Of a long fact, so much of what is telling in it."""
_PAIR_SHARE = 0.4
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def leak(view: UserView, text: str, known: Known) -> Finding | None:
    """The secret that the text gives away, if it does."""
    for secret in known.secrets:
        if found := given_away(secret, view, text, known.language):
            return Finding("leak", REASON, found=f"{secret.place}: {', '.join(sorted(found))}")
    return None


def given_away(secret: Secret, view: UserView, text: str, language: str) -> frozenset[str]:
    """What of the secret stands in the text, if it is enough to give it away."""
    return _exactly(secret, view, text) or _in_stems(secret, view, text, language) or _in_pairs(secret, view, text)


def _exactly(secret: Secret, view: UserView, text: str) -> frozenset[str]:
    if not (secret.exact or secret.dates):
        return frozenset()
    found = {value for value in secret.exact if _holds(text, value)} | (secret.dates & dates(text))
    said = (message.content for message in view.messages) if found else ()
    for earlier in said:
        found -= {value for value in found if _holds(earlier, value)} | dates(earlier)
    return frozenset(found)


def _holds(text: str, value: str) -> bool:
    if any(map(str.isdigit, value)):
        return squashed(value) in squashed(text)
    return spaced(value) in spaced(text)


def _in_stems(secret: Secret, view: UserView, text: str, language: str) -> frozenset[str]:
    small, begins = common(language), secret.begins
    said = {word for word in _WORD.findall(spaced(text)) if word[:3] in begins and word not in small}
    hits = {stem(word, language) for word in said} & secret.stems
    if not hits:
        return frozenset()
    new = {one for one in secret.stems if not any(begun(one, spaced(m.content)) for m in view.messages)}
    needed = 1 if len(new) <= _FEW else max(_ENOUGH, round(len(new) * _SHARE))
    return frozenset(hits & new) if len(hits & new) >= needed else frozenset()


def _in_pairs(secret: Secret, view: UserView, text: str) -> frozenset[str]:
    if not secret.pairs or not (hits := pairs(text) & secret.pairs):
        return frozenset()
    said = frozenset[str]().union(*(pairs(message.content) for message in view.messages))
    new = secret.pairs - said
    needed = 1 if len(new) == 1 else max(_ENOUGH, round(len(new) * _PAIR_SHARE))
    return hits & new if len(hits & new) >= needed else frozenset()
