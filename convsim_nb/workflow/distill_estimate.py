"""What distilling will take, before it is begun."""

import math
from typing import Any

from convsim_nb.adapters.prices import window_of
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.session import Session
from convsim_nb.engine.distill import WINDOW
from convsim_nb.engine.prompts import prompt
from convsim_nb.engine.window import fitted
from convsim_nb.workflow.estimate import ModelCalls, price_for, tokens
from convsim_nb.workflow.sessions import as_sessions

_SPLIT, _CASE = 60, 450
"""Tokens of a reply that splits, and of a case, as a strong model wrote them by hand."""
_GOALS, _AGAIN = 1.1, 0.25
"""Cases a session, and the share that is asked for a second time."""
_FRAME = 16
"""Tokens a message takes beside its text: number, role, punctuation."""


class DistillEstimate(ModelCalls):
    """Calls, tokens and cost of distilling."""

    sessions: int

    def __str__(self) -> str:
        return self.said(f"{self.sessions} sessions")


def estimate_distill(
    sessions: Any, *, model: object = None, split: object = "auto", check: bool = True
) -> DistillEstimate:
    """Say what `distill` will take with these sessions, from the length of their messages. No model is called.

    Raises:
        UsageError: sessions cannot be read from what was given.
    """
    found = [session for session in as_sessions(sessions) if session.user_messages]
    window = (window_of(model) if isinstance(model, str) else None) or WINDOW
    taken = [_session(session, window=window, split=split == "auto", check=check) for session in found]
    calls, read, written = (math.ceil(sum(column)) for column in zip(*taken, strict=True)) if taken else (0, 0, 0)
    usage = Usage(calls=calls, input_tokens=read, output_tokens=written)
    price = price_for(model)
    again = f", {_AGAIN:.0%} of them asked for twice" if check else ""
    cases = f"{_GOALS:g} cases a session" if split == "auto" else "one case a session"
    return DistillEstimate(
        sessions=len(found),
        calls=usage.calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cost=price(usage) if price else None,
        basis=f"Basis: {cases}{again}; a token is 4 letters.",
    )


def _session(session: Session, *, window: int, split: bool, check: bool) -> tuple[float, float, float]:
    """Calls, input tokens and output tokens, on average over sessions like this."""
    said = sum(tokens(text) + _FRAME for text in fitted(session.messages, tokens=window).texts)
    cases = _GOALS if split else 1.0
    again = cases * _AGAIN if check else 0.0
    request = tokens(prompt("distill").text) + said
    calls, read, written = cases + again, cases * request + again * (request + _CASE), (cases + again) * _CASE
    if split and len(session.user_messages) > 1:
        return calls + 1, read + tokens(prompt("split").text) + said, written + _SPLIT
    return calls, read, written
