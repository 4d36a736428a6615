"""Checking whole sets of test cases: each beside its session, and all beside each other."""

from collections.abc import Iterable, Mapping, Sequence

from convsim_nb.domain.case import CaseFinding, TestCase, root_of
from convsim_nb.domain.session import Message, Session
from convsim_nb.engine.alike import near_duplicates
from convsim_nb.engine.evidence import findings


def checked(cases: Sequence[TestCase], sessions: Iterable[Session]) -> list[TestCase]:
    """The cases with what is to be said against them, in the place of what was said before."""
    by_id = {session.id: session for session in sessions}
    return with_duplicates([case.edited(findings=findings(case, _messages(case, by_id))) for case in cases])


def with_duplicates(cases: Sequence[TestCase]) -> list[TestCase]:
    """The cases; the later one of two that are nearly the same says so."""
    like: dict[int, str] = {}
    for first, second in near_duplicates(cases):
        like.setdefault(second, cases[first].case_id)
    return [case if place not in like else _marked(case, like[place]) for place, case in enumerate(cases)]


def _marked(case: TestCase, other: str) -> TestCase:
    reason = f"nearly the same goal and withheld facts as case {other}"
    others = [one for one in case.findings if one.check != "duplicate"]
    return case.edited(findings=(*others, CaseFinding(field="case", check="duplicate", reason=reason)))


def _messages(case: TestCase, sessions: Mapping[str, Session]) -> Sequence[Message]:
    """Those of the session that the case came from; none where it is not at hand, or is another of that name."""
    if case.source is None or case.source.session_id not in sessions:
        return ()
    messages = sessions[case.source.session_id].messages
    return messages if case.source.last < len(messages) else ()


def rechecked(case: TestCase, sessions: Mapping[str, Session], *, edited: Iterable[str] = ()) -> TestCase:
    """A case that a person edited, with what is to be said against it now.

    No quote is asked for in the fields that were `edited`. Where its session is not at hand, what was found beside
    it in the other fields stands.
    """
    own = set(edited)
    messages = _messages(case, sessions)
    found = [one for one in findings(case, messages) if one.check != "quote" or root_of(one.field) not in own]
    kept = [] if messages else [one for one in case.findings if one not in found and one.check != "duplicate"]
    return case.model_copy(update={"findings": (*kept, *found)})
