"""Sessions that are longer than a model can read: the user's words stay whole, the agent's are cut."""

from collections.abc import Sequence
from dataclasses import dataclass

from convsim_nb.domain.session import Message

LETTERS_A_TOKEN = 3
"""Few, so that what is reckoned to fit does fit: other scripts than Latin take more tokens a letter."""
_LEAST = 160
"""Letters of an agent's message that are always left."""
_GAP = " [...] "


@dataclass(frozen=True)
class Fitted:
    """The texts of a session as they are sent, and how many letters of the agent's were left out."""

    texts: tuple[str, ...]
    left_out: int = 0


def fitted(messages: Sequence[Message], *, tokens: int) -> Fitted:
    """The texts of the messages, within about `tokens`; each agent message that is too long loses its middle."""
    texts = tuple(message.content for message in messages)
    room = tokens * LETTERS_A_TOKEN - sum(len(m.content) for m in messages if m.role == "user")
    agent = [len(message.content) for message in messages if message.role == "assistant"]
    if sum(agent) <= room:
        return Fitted(texts)
    most = max(_LEAST, _level(agent, room))
    kept = tuple(_cut(m.content, most) if m.role == "assistant" else m.content for m in messages)
    return Fitted(kept, left_out=sum(map(len, texts)) - sum(map(len, kept)))


def _level(lengths: Sequence[int], room: int) -> int:
    """The greatest length at which all texts, cut to it, fit into the room: short ones stay whole."""
    left = sorted(lengths)
    for place, length in enumerate(left):
        share = room // (len(left) - place)
        if length > share:
            return share
        room -= length
    return left[-1]


def _cut(text: str, most: int) -> str:
    """The text without its middle: what is shown comes first, and what is asked comes last."""
    if len(text) <= most:
        return text
    kept = most - len(_GAP)
    head = kept * 2 // 3
    return f"{text[:head]}{_GAP}{text[len(text) - (kept - head) :]}"
