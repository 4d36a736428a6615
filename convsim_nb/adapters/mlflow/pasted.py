"""Histories that were pasted into one text: `User: ...`, `Assistant: ...`, and the newest message last."""

import re
from collections.abc import Sequence

from convsim_nb.adapters.mlflow.align import key_of
from convsim_nb.domain.session import Message
from convsim_nb.domain.transcript import fold
from convsim_nb.domain.wire import read_lines, role_named

_LABEL = re.compile(r"(?im)^[ \t>*#]*(user|human|customer|client|assistant|ai|bot|agent)[ \t*]*:[ \t*]*")


def unpasted(text: str, said: Sequence[Message]) -> tuple[Message, ...]:
    """The messages in a text that carries its own history; none where it is a message like any other.

    Users paste transcripts too, so the text must either repeat the conversation up to here, or, at
    its start, end on the agent's label: the cue to speak.
    """
    labels = list(_LABEL.finditer(text))
    if not labels:
        return ()
    ends = [*(label.start() for label in labels[1:]), len(text)]
    spoken = [(label[1], text[label.end() : end].strip()) for label, end in zip(labels, ends, strict=True)]
    cued = not spoken[-1][1] and role_named(spoken[-1][0]) == "assistant"
    messages = fold(read_lines([{"role": name, "content": words} for name, words in spoken if words]))
    if not messages or messages[-1].role != "user":
        return ()
    return messages if _repeats(messages[:-1], said) and (said or cued) else ()


def _repeats(history: Sequence[Message], said: Sequence[Message]) -> bool:
    """Whether the history is what was said last, or all of it."""
    told = [key_of(message) for message in history]
    return not said or (bool(told) and told == [key_of(message) for message in said][-len(told) :])
