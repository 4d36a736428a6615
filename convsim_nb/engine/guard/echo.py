"""The agent's own message, said back to it."""

from convsim_nb.engine.guard.known import Known
from convsim_nb.engine.guard.text import folded, grams, is_unspaced, words
from convsim_nb.engine.ports import Finding, UserView

REASON = "That is the agent's own message, said back. Answer it in this person's words."
_WORDS, _CHARACTERS = 8, 14
"""From which length on: shorter messages are alike by chance."""
_LIKE = 1.6
"""How many times longer one of the two may be."""
_SAME = 0.6
"""The share of neighbouring words that both have."""


def echo(view: UserView, text: str, _known: Known) -> Finding | None:
    """Whether the text is a message of the agent's, or next to it."""
    own = words(text)
    if len(own) < (_CHARACTERS if is_unspaced(text) else _WORDS):
        return None
    pairs = grams(own, 2)
    for message in view.messages:
        if message.role != "assistant" or not len(text) / _LIKE / 2 < len(message.content) < len(text) * _LIKE * 2:
            continue
        heard = words(message.content)
        alike = len(own) / _LIKE <= len(heard) <= len(own) * _LIKE
        if alike and len(pairs & grams(heard, 2)) >= _SAME * len(pairs):
            return Finding("echo", REASON, found=" ".join(folded(message.content).split())[:60])
    return None
