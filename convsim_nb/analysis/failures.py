"""Why conversations did not reach their goal, and whose part it is to mend: by rules over what happened."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from convsim_nb.analysis.scorers import agent_repeats
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Conversation, Release
from convsim_nb.domain.errors import OWN_CHECK
from convsim_nb.domain.record import Record
from convsim_nb.domain.session import Message

Whose = Literal["agent", "user", "case", "infrastructure"]
STOPPED = "it was stopped before its end"
"""The reason of what was cancelled: nobody's part, for it says nothing of anybody."""
WHOSE: tuple[Whose, ...] = ("agent", "case", "user", "infrastructure")
RULES = "rules"
_REPEATS = 2
_EXAMPLES = 3
_GUARD = re.compile(r"^guard '(\w+)'")
_AWAY = re.compile(
    r"""
      ^AgentUnreachable:
    | ^(?:\w+\.)*(?:API|New|Client)?Connect(?:ion|or|orDNS)?(?:Refused|Reset|Aborted)?Error\b
    | \[Errno\ -?\d+\]\ (?:Connection\ refused|Name\ or\ service\ not\ known|Network\ is\ unreachable)
    | \b(?:HTTP(?:/[\d.]+)?(?:\ (?:error|status))?|status[\ _]code|error\ code)(?:\ |:\ ?|=)(?:429|50[234])\b
    | \b(?:429\ Too\ Many\ Requests|502\ Bad\ Gateway|503\ Service\ (?:Temporarily\ )?Unavailable)\b
    | \b504\ Gateway\ Time-?out\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""No connection, or no room. The first is said where the exception was seen; the others are for agents that put what
they met into words of their own. A number alone is nothing: it may be an order's."""
_ANSWERED = "the endpoint answered "
"""How the detail begins of an agent that answered with an error's status."""
_URL = re.compile(r"https?://[^\s,;]+[^\s,;:.]")


class Reason(Record):
    """Why, in words that conversations can be grouped by, and what to do next."""

    whose: Whose
    why: str
    next: str
    sure: bool = True
    """False where no rule fits, and only reading it, or a model, tells more."""


class Failure(Record):
    """One conversation that did not reach its goal."""

    key: str
    case_id: str
    reason: Reason
    by: str = RULES
    """Who says so: the rules, or a model by its name."""
    note: str = ""
    """What the model says of this one."""
    quote: str = ""
    """The words that show it: they were said."""


class FailureGroup(Record):
    """Conversations that failed for one reason."""

    reason: Reason
    keys: tuple[str, ...]
    cases: tuple[str, ...]
    """Case ids, each once."""
    quotes: tuple[str, ...] = ()
    """Words that show it, where a model read them."""

    @property
    def sentence(self) -> str:
        """Count, whose, why, examples, and what to do next."""
        shown = ", ".join(self.keys[:_EXAMPLES])
        more = f" and {len(self.keys) - _EXAMPLES} more" if len(self.keys) > _EXAMPLES else ""
        quoted = f", such as “{' '.join(self.quotes[0].split())}”" if self.quotes else ""
        said = f"{len(self.keys)} x {self.reason.whose}: {self.reason.why} ({shown}{more}){quoted}"
        return f"{said}. Next: {self.reason.next}"


def failures_of(
    conversations: Iterable[Conversation], *, cases: Mapping[str, TestCase], passed: Collection[str] | None = None
) -> tuple[Failure, ...]:
    """Every conversation that ended without its goal, forked ones and a person's apart.

    `passed` are the cases that some version passes; without it no case is said to be one that none does.
    """
    return tuple(
        Failure(key=one.key, case_id=one.case_id, reason=_reason(one, cases.get(one.case_id), passed))
        for one in conversations
        if one.stop is not None and one.verdict != "reached" and one.origin is None and not one.assisted
    )


def unreached(one: Conversation) -> bool:
    """Whether the agent's infrastructure ended it: no connection, its key refused, too many requests."""
    return one.stop == "agent_error" and bool(_AWAY.search(one.detail))


def grouped(failures: Iterable[Failure]) -> tuple[FailureGroup, ...]:
    """By reason: the agent's first, then the most frequent."""
    found: dict[Reason, list[Failure]] = {}
    for each in failures:
        found.setdefault(each.reason, []).append(each)
    groups = [
        FailureGroup(
            reason=reason,
            keys=tuple(each.key for each in members),
            cases=tuple(dict.fromkeys(each.case_id for each in members)),
            quotes=tuple(dict.fromkeys(each.quote for each in members if each.quote)),
        )
        for reason, members in found.items()
    ]
    return tuple(sorted(groups, key=lambda group: (WHOSE.index(group.reason.whose), -len(group.keys))))


def passed_in(runs: Iterable[Sequence[Conversation]]) -> frozenset[str]:
    """The cases that reached their goal at least once."""
    return frozenset(one.case_id for run in runs for one in run if one.counts and one.verdict == "reached")


def _reason(one: Conversation, case: TestCase | None, passed: Collection[str] | None) -> Reason:
    found = next(each for rule in _RULES for each in rule(one, case))
    if passed is not None and one.verdict == "not_reached" and one.case_id not in passed and found.whose == "agent":
        return _case("no version passes it", "look whether the case can be passed at all, before you mend the agent")
    return found


# --- the rules, in the order of their certainty --------------------------------------


def _agent(why: str, then: str, *, sure: bool = True) -> Reason:
    return Reason(whose="agent", why=why, next=then, sure=sure)


def _case(why: str, then: str) -> Reason:
    return Reason(whose="case", why=why, next=then)


def _user(why: str, then: str) -> Reason:
    return Reason(whose="user", why=why, next=then)


def _outside(why: str, then: str) -> Reason:
    return Reason(whose="infrastructure", why=why, next=then)


def _cut_off(one: Conversation, _: TestCase | None) -> Iterator[Reason]:
    if one.stop == "cancelled":
        yield _outside(STOPPED, "play what is missing: convsim resume")
    if one.stop == "over_budget":
        yield _outside("the budget was used up", "raise max_cost, max_tokens or max_seconds, and resume the run")
    if one.stop == "model_error" and one.detail.startswith(OWN_CHECK):
        yield _outside(_short(one.detail), "mend that function, and resume the run with it")
    if one.stop == "model_error":
        yield _outside(
            f"the user's or the judge's model gave no usable answer: {_short(one.detail)}",
            "see that the model answers, or take another, and resume the run",
        )


def _broken_user(one: Conversation, _: TestCase | None) -> Iterator[Reason]:
    if one.stop != "simulator_broke":
        return
    guard = _GUARD.match(one.detail)
    if guard and guard[1] == "invention":
        yield _case(
            "the user was asked for something that the case does not say, and made it up",
            "add what the agent asks for to the case's facts",
        )
    named = f"guard {guard[1]} stopped it three times" if guard else _short(one.detail)
    yield _user(f"the simulated user fell out of its part: {named}", "take a stronger user_model, or reword the case")


def _failed_agent(one: Conversation, _: TestCase | None) -> Iterator[Reason]:
    if unreached(one) and "key was refused" in one.detail:
        yield _outside(_short(one.detail), "its key was refused: give one that it takes, and play again")
    if unreached(one):
        at = _URL.search(one.detail)
        yield _outside(
            f"the agent could not be reached: {_short(one.detail)}",
            f"is it running{f' at {at[0]}' if at else ''}? See that it does, and play again",
        )
    if one.stop == "agent_error" and one.detail.startswith(_ANSWERED):
        yield _agent(_short(one.detail), "see that its address and model are right: its trace is the last")
    if one.stop == "agent_error":
        yield _agent(f"it raised {_short(one.detail)}", "mend it: its trace is the last")
    if one.stop == "agent_timeout":
        yield _agent("it took longer than agent_timeout", "see what it waits for, or give it more seconds")
    if one.stop == "agent_silent":
        yield _agent("it gave an empty answer", "see what it does with the last message")
    if one.stop == "looped":
        yield _agent("agent and user went in circles", "read where it begins to repeat itself")


def _no_room(one: Conversation, case: TestCase | None) -> Iterator[Reason]:
    if one.stop != "max_turns":
        return
    if case is not None and len(case.script) >= one.turns:
        yield _case("its script uses up all turns", "raise max_turns above the length of the script")
    if one.checks and one.checks[-1].barred:
        yield _case("the goal was met in the last turn, together with a fault to object to", "raise max_turns by one")


def _seen_fault(one: Conversation, case: TestCase | None) -> Iterator[Reason]:
    faults = [each for each in one.released if each.kind == "correction" and each.quote]
    if faults:
        yield _agent(
            f"it had to be corrected: {_short(_fault(faults[0], case))}",
            "mend this fault first: the quotes stand in the report",
        )
    if tools := _last_errors(one):
        yield _agent(f"its tool {tools} failed", "mend the tool, or what the agent does when it fails")
    if agent_repeats(one) >= _REPEATS:
        yield _agent("it repeats its answers", "read where it begins, and what it did not take in")


def _fault(released: Release, case: TestCase | None) -> str:
    """What the agent did, as the case has it; what put it right, where rules wrote the case, or nobody did."""
    if case is None or released.index >= len(case.withheld) or (case.source and case.source.is_by_rules):
        return released.fact
    return case.withheld[released.index].after


def _stopped_user(one: Conversation, _: TestCase | None) -> Iterator[Reason]:
    said = sum(message.source == "simulated" for message in one.messages)
    if said and len(one.rejections) >= said:
        yield _user(
            "guards stopped as many of its messages as it sent", "take a stronger user_model, or reword the case"
        )
    if one.stop == "user_ended" and one.turns <= 1:
        yield _user("it gave up after one turn", "read why, and say in the case what it should insist on")


def _open(one: Conversation, _: TestCase | None) -> Iterator[Reason]:
    if one.stop == "user_ended":
        yield _agent("the user gave up", "read the last turns: what was missing?", sure=False)
    yield _agent(
        f"not done in {one.turns} turn{'s' * (one.turns != 1)}",
        "read one: on the way (raise max_turns), or lost?",
        sure=False,
    )


_RULES: tuple[Callable[[Conversation, TestCase | None], Iterator[Reason]], ...] = (
    _cut_off,
    _broken_user,
    _failed_agent,
    _no_room,
    _seen_fault,
    _stopped_user,
    _open,
)


def _last_errors(one: Conversation) -> str:
    replies: list[Message] = [message for message in one.messages if message.source == "agent"]
    failed = [call.name for call in replies[-1].tool_calls if call.error is not None] if replies else []
    return ", ".join(dict.fromkeys(failed))


def _short(detail: str, longest: int = 90) -> str:
    """Without the numbers that make each one its own."""
    said = re.sub(r"\b[0-9a-f]{8,}\b|\d{4,}", "…", " ".join(detail.split()))
    return said if len(said) <= longest else f"{said[:longest]}…"
