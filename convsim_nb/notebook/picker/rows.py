"""What a page shows of a list of sessions, as JSON: the rows, what stands around them, a transcript."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, get_args

from convsim_nb.domain.preview import SessionPreview
from convsim_nb.domain.session import Message, MessageSource, Role, Session
from convsim_nb.notebook.live.protocol import cut_calls, sendable
from convsim_nb.notebook.picker.distillery import Distillery, Job
from convsim_nb.notebook.picker.picking import Picking
from convsim_nb.views.markup import safe_html
from convsim_nb.views.session_table import cut, marks
from convsim_nb.views.words import count, money, role_words, tokens
from convsim_nb.workflow.browse import SessionList
from convsim_nb.workflow.distill_estimate import DistillEstimate
from convsim_nb.workflow.distilling import Outcome
from convsim_nb.workflow.shelves import GivenShelf, Shelf, StoreShelf

_LONGEST = 400
"""Characters of a text that a row carries, on one line: what is shown of it, and what a search looks through."""
_MOST_MESSAGES = 400
"""Messages of a transcript that are shown at first."""
_MOST_PROBLEMS = 100
ROLES = {
    f"{role}/{source}": role_words(Message(role=role, content="", source=source), recorded="")
    for role in get_args(Role)
    for source in get_args(MessageSource)
}
"""Who said a message, in words; that it was recorded goes without saying."""


def row_json(preview: SessionPreview, shelf: Shelf) -> dict[str, Any]:
    """One row; `said` is all that was said, where that is at hand.

    `at` and `began` are in milliseconds since the epoch, None where nobody knows.
    """
    shown = {
        "name": preview.id,
        "first": cut(preview.first_said, _LONGEST),
        "answer": cut(preview.last_answer, _LONGEST),
        "marks": marks(preview.model_copy(update={"simulated": False})),
        "said": shelf.said_in(preview.id) if isinstance(shelf, GivenShelf) else "",
    }
    return {
        "id": preview.id,
        "at": _milliseconds(preview.last),
        "began": _milliseconds(preview.began),
        "turns": preview.traces,
        "seconds": round(preview.seconds, 3),
        "simulated": preview.simulated,
        **sendable(shown),
    }


def outcomes_json(outcomes: Mapping[str, Outcome], ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """How far the distilling of these sessions is."""
    return {each: _outcome_json(outcomes[each]) for each in ids if each in outcomes}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {"state": outcome.state, "cases": outcome.cases, "problems": sendable(list(outcome.problems))}


# --- what stands around the list -----------------------------------------------------


def head_json(picking: Picking, distillery: Distillery) -> dict[str, Any]:
    """What is asked for, how far the list goes, and the job that is at work or was."""
    listed, query, shelf = picking.list, picking.query, picking.shelf
    plain = {
        "store": shelf.uri if isinstance(shelf, StoreShelf) else "",
        "place": picking.place,
        "problem": picking.problem,
        "slow": picking.slow_words,
        "empty": _why_empty(listed, picking) if listed is not None and not len(listed) else "",
        "query": {
            "experiment": query.experiment,
            "last": query.last,
            "since": _milliseconds(query.since),
            "until": _milliseconds(query.until),
            "where": query.where,
            "simulated": query.simulated,
        },
        "model": distillery.model if isinstance(distillery.model, str) else "",
        "own_model": _own_model(distillery.model),
    }
    return {
        **sendable(plain),
        "dated": isinstance(shelf, StoreShelf) or any(each.last for each in picking.listed),
        "loading": picking.loading,
        "complete": listed is not None and listed.complete,
        "hidden": listed.simulated if listed is not None else 0,
        "job": None if distillery.job is None else _job_json(distillery.job, distillery.outcomes),
    }


def _why_empty(listed: SessionList, picking: Picking) -> str:
    """Why there is no session, and what to do about it."""
    query = picking.query
    narrowed = query.last or query.since or query.until or query.where
    if listed.simulated:
        return f"No recorded session here: a simulator made {'the one' if listed.simulated == 1 else 'all'} there is."
    if narrowed:
        return "No session fits: look further back, or change the filter."
    if listed.no_session:
        traces = count(listed.no_session, "trace")
        return (
            f"{traces}, and none names a session: set one where they are made, with "
            "mlflow.update_current_trace(session_id=...)."
        )
    return f"No traces in {listed.place}: record some, or choose another experiment."


def _own_model(model: Any) -> str:
    """The name of a model that is an object; it needs no field to be typed in."""
    return "" if model is None or isinstance(model, str) else str(getattr(model, "name", type(model).__name__))


def _job_json(job: Job, outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    mine = {each: outcomes[each] for each in job.ids if each in outcomes}
    over = [each for each in mine.values() if each.state in ("done", "failed")]
    problems = [[each, line] for each, outcome in mine.items() for line in outcome.problems]
    usage = job.work.chat.usage if job.work is not None else None
    spent = f"{tokens(usage):,} tokens" + (f", {money(usage.cost)}" if usage.cost else "") if usage else ""
    return {
        "number": job.number,
        "stage": job.stage,
        "total": len(job.ids),
        "read": job.read,
        "done": len(over),
        "failed": sum(each.state == "failed" for each in over),
        "cases": sum(each.cases for each in over),
        "stopping": job.stopping,
        "seconds": job.seconds,
        "spent": spent,
        **sendable({"model": job.model, "problem": job.problem}),
        "problems": [[each, sendable(line)] for each, line in problems[:_MOST_PROBLEMS]],
        "more_problems": max(0, len(problems) - _MOST_PROBLEMS),
    }


def estimate_json(found: DistillEstimate, known: int) -> dict[str, Any]:
    """What distilling will take; `known` are those among the asked for that were distilled already."""
    cost = "cost unknown" if found.cost is None else f"about {money(found.cost)}" if found.cost else "no cost"
    sent = f"{found.input_tokens + found.output_tokens:,} tokens"
    return {"said": f"About {count(found.calls, 'call')}, {sent}, {cost}.", "basis": found.basis, "known": known}


# --- a transcript --------------------------------------------------------------------


def transcript_json(session: Session, *, whole: bool = False) -> dict[str, Any]:
    """A session's messages, with safe HTML; a very long one is cut unless it is asked for whole."""
    shown = session.messages if whole else session.messages[:_MOST_MESSAGES]
    messages = [_message_json(message) for message in shown]
    cut_calls(messages)
    return {
        "id": session.id,
        "name": sendable(session.id),
        "messages": messages,
        "left": len(session.messages) - len(shown),
        "turns": len(session.user_messages),
        "metadata": sendable({name: _short(value) for name, value in [*session.metadata.items()][:20]}),
        "roles": ROLES,
    }


def _message_json(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = sendable(message.model_dump(mode="json", exclude={"wire"}))
    return {**plain, "html": safe_html(message.content)}


def _short(value: Any) -> str:
    return cut(value if isinstance(value, str) else repr(value), 200)


def _milliseconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
