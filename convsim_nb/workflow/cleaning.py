"""Events as they may be kept and shown: without secrets, and without what the user's own function takes out."""

from collections.abc import Callable
from functools import partial

from convsim_nb.domain import events as ev
from convsim_nb.domain.conversation import GoalCheck
from convsim_nb.domain.secrets import known_secrets, masked, without
from convsim_nb.domain.session import Message
from convsim_nb.domain.veil import Redact, Veil
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.redact import redacted_case, redacted_message

Cleaning = Callable[[ev.RunEvent], ev.RunEvent | None]


def veil(redact: Redact | None) -> Veil:
    """What is taken out of a run that begins now."""
    return Veil(known_secrets(), redact)


def clean_cases(cases: CaseSet, veil: Veil) -> CaseSet:
    """The cases as they are played: kept as they are played, a run that is taken up again goes on with the same."""
    if not any(veil.touches(case.model_dump_json()) for case in cases):
        return cases
    return CaseSet([redacted_case(case, veil.text) for case in cases], problems=cases.problems, dataset=cases.dataset)


def cleaning(of: Veil) -> Cleaning:
    """A function that gives an event as it may be kept, or None for one that may not be kept at all."""
    return partial(_cleaned, of)


_WENT_WRONG: dict[type, tuple[str, ...]] = {
    ev.ConversationEnded: ("detail",),
    ev.AgentRetried: ("error",),
    ev.SinkDropped: ("reason",),
    ev.Noticed: ("text",),
}
"""Fields that hold the words of errors, in which all that looks like a key is masked."""
_TEXTS: dict[type, tuple[str, ...]] = {
    ev.MessageRejected: ("text", "reason"),
    ev.FactReleased: ("fact", "quote"),
    **_WENT_WRONG,
}


def _cleaned(veil: Veil, event: ev.RunEvent) -> ev.RunEvent | None:
    match event:
        case ev.MessageDelta():
            return _delta(veil, event)
        case ev.MessageSent():
            return _sent(veil, event)
        case ev.RunStarted():
            return _started(veil, event)
        case ev.GoalChecked():
            return event.model_copy(update={"check": _check(veil, event.check)})
    wrong = type(event) in _WENT_WRONG
    return _changed(
        event, lambda text: masked(veil.text(text)) if wrong else veil.text(text), *_TEXTS.get(type(event), ())
    )


def _changed(event: ev.RunEvent, change: Callable[[str], str], *names: str) -> ev.RunEvent:
    now = {name: change(getattr(event, name)) for name in names if getattr(event, name)}
    return event.model_copy(update=now)


def _delta(veil: Veil, event: ev.MessageDelta) -> ev.RunEvent | None:
    """A piece of text may hold half of what is to be taken out: where that can be, none is shown before the whole."""
    if veil.redact is not None:
        return None
    return event.model_copy(update={"text": veil.text(event.text)}) if veil.touches(event.text) else event


def _sent(veil: Veil, event: ev.MessageSent) -> ev.RunEvent:
    if not _touches(veil, event.message):
        return event
    doubts = tuple(one.model_copy(update={"reason": veil.text(one.reason)}) for one in event.doubts)
    return event.model_copy(update={"message": redacted_message(event.message, veil.text), "doubts": doubts})


def _touches(veil: Veil, message: Message) -> bool:
    beside = (message.tool_calls, message.wire) if message.tool_calls or message.wire else ()
    return veil.touches(message.content) or any(veil.touches(repr(part)) for part in beside)


def _started(veil: Veil, event: ev.RunStarted) -> ev.RunEvent:
    """Its cases are left as they are: they were cleaned before they were played."""
    tags = {name: without(value, veil.secrets) for name, value in event.tags.items()}
    return event.model_copy(update={"tags": tags, "run_name": without(event.run_name, veil.secrets)})


def _check(veil: Veil, check: GoalCheck) -> GoalCheck:
    fired = tuple(one.model_copy(update={"quote": veil.text(one.quote)}) for one in check.fired)
    told = {"evidence": veil.text(check.evidence), "why": veil.text(check.why)}
    return check.model_copy(update={**told, "fired": fired})
