"""A case read again out of the session it came from, to take one field of it."""

from concurrent.futures import Future

from convsim_nb.adapters.prices import window_of
from convsim_nb.domain.case import Source, TestCase, root_of
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.session import Session
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.distill import WINDOW, DistillSettings, distill_span
from convsim_nb.engine.ports import Chat
from convsim_nb.engine.split import Span
from convsim_nb.workflow import background
from convsim_nb.workflow.asked import ask_for
from convsim_nb.workflow.budgeted import BudgetedChat

_TIMEOUT = 300.0
"""Seconds for one reply."""


def distill_again(case: TestCase, session: Session, *, model: str | Chat) -> "Future[TestCase]":
    """Begin to read the case's range of messages again; `cancel()` ends it. The result keeps nothing of the case.

    Raises:
        UsageError: the case came from another session, or the model is not known; said before it is called.
    """
    source = case.source
    if source is None or source.session_id != session.id or source.last >= len(session.messages):
        raise UsageError(f"case {case.case_id} did not come from session {session.id}: it cannot be distilled again")
    asked = ask_for(model, params=None, timeout=_TIMEOUT, record=None, replay=None, max_cost=None)
    chat = BudgetedChat(asked.chat, budget=Budget(), model_timeout=_TIMEOUT)
    settings = DistillSettings(split=False, window=window_of(asked.uri) or WINDOW)
    span = Span(source.first, source.last)
    return background.submit(
        distill_span(session, span, chat=chat, report=_counted_there, settings=settings, model=asked.name)
    )


def with_field(case: TestCase, again: TestCase, field: str) -> TestCase:
    """The case with one field, and what was quoted and found for it, of another that was read from the same session."""
    values = {field: getattr(again, field)}
    if field == "expectations":
        values["proposed"] = again.proposed
    found = [one for one in again.findings if root_of(one.field) == field]
    kept = [one for one in case.findings if root_of(one.field) != field]
    return case.edited(**values, source=_sourced(case, again, field)).model_copy(update={"findings": (*kept, *found)})


def _sourced(case: TestCase, again: TestCase, field: str) -> Source | None:
    if case.source is None or again.source is None:
        return case.source
    before, now = ([q for q in one.quotes if root_of(q.field) == field] for one in (case.source, again.source))
    if before == now:
        return case.source
    others = [one for one in case.source.quotes if root_of(one.field) != field]
    return case.source.model_copy(update={"quotes": (*others, *now)})


def _counted_there(_usage: Usage) -> None:
    """The budgeted model counts its own calls."""
