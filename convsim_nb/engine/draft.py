"""Test cases for an agent that nobody has talked to yet, from a description of it."""

from collections.abc import Callable, Sequence

from pydantic import BaseModel, Field

from convsim_nb.domain.case import TestCase, Texts, Withheld
from convsim_nb.engine.alike import near_duplicates
from convsim_nb.engine.ask import ask, data
from convsim_nb.engine.evidence import findings
from convsim_nb.engine.ports import Chat, ChatMessage, Report
from convsim_nb.engine.prompts import Prompt, prompt

AT_ONCE = 8
"""Cases asked for in one call: of more, the last ones are like the first."""
_BARREN = 2
"""Calls in a row that bring nothing new, after which no more are made."""


class DraftCase(BaseModel):
    """One case as the model writes it."""

    goal: str = Field(min_length=1)
    persona: str | None = None
    guidelines: Texts = ()
    facts: Texts = ()
    withheld: list[Withheld] = []


class DraftReply(BaseModel):
    """What the drafting model must answer."""

    cases: list[DraftCase] = Field(min_length=1)


async def draft(
    description: str,
    *,
    n: int,
    chat: Chat,
    report: Report,
    instructions: Prompt | None = None,
    told: Callable[[tuple[TestCase, ...]], None] = lambda _: None,
) -> tuple[TestCase, ...]:
    """Write up to `n` cases, no two of them nearly the same.

    The model is told what there is already, and asked for what is missing. There are fewer than `n`
    where it brings nothing new any more. `told` hears what there is so far.

    Raises:
        ModelError: the model gave no usable answer, in the tries it was given.
    """
    cases: list[TestCase] = []
    barren = 0
    while len(cases) < n and barren < _BARREN:
        request = draft_messages(
            description, wanted=min(AT_ONCE, n - len(cases)), have=cases, instructions=instructions
        )
        reply = await ask(chat, request, DraftReply, report=report)
        before, cases = len(cases), _distinct([*cases, *map(_case, reply.cases)])[:n]
        barren = 0 if len(cases) > before else barren + 1
        told(tuple(cases))
    return tuple(cases)


def draft_messages(
    description: str, *, wanted: int, have: Sequence[TestCase], instructions: Prompt | None = None
) -> tuple[ChatMessage, ...]:
    """The request: the rules, then the description as data, and the goals that there are."""
    goals = [case.goal for case in have]
    return (
        ChatMessage("system", (instructions or prompt("draft")).text),
        data(task="draft", agent=description, wanted=wanted, have=goals),
    )


def _case(written: DraftCase) -> TestCase:
    case = TestCase(
        goal=written.goal,
        persona=written.persona or None,
        simulation_guidelines=written.guidelines,
        facts=written.facts,
        withheld=tuple(written.withheld),
    )
    return case.edited(findings=findings(case))


def _distinct(cases: Sequence[TestCase]) -> list[TestCase]:
    """Without those that are nearly the same as an earlier one."""
    like = {second for _, second in near_duplicates(cases)}
    return [case for place, case in enumerate(cases) if place not in like]
