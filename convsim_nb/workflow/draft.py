"""Test cases from a description of the agent, where no sessions are recorded yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import UsageError
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.draft import draft as draft_cases
from convsim_nb.engine.ports import Chat
from convsim_nb.engine.prompts import Prompt
from convsim_nb.workflow import background
from convsim_nb.workflow.asked import ask_for
from convsim_nb.workflow.budgeted import BudgetedChat, UsedUp
from convsim_nb.workflow.cases import CaseSet
from convsim_nb.workflow.display import display
from convsim_nb.workflow.prompts import resolve_prompts
from convsim_nb.workflow.working import waited


def draft(
    description: str,
    *,
    n: int = 10,
    model: str | Chat | None = None,
    llm_params: Mapping[str, Any] | None = None,
    model_timeout: float | None = 300.0,
    max_cost: float | None = None,
    max_tokens: int | None = None,
    prompts: Mapping[str, str] | None = None,
    record: str | PathLike[str] | None = None,
    replay: str | PathLike[str] | None = None,
    progress: bool = True,
) -> CaseSet:
    """Write test cases from a description of the agent: for the time before any session is recorded.

    Spread over what the agent does and over people; no two nearly the same. Where there are fewer
    than `n`, `CaseSet.problems` says so.

    Args:
        description: What the agent does and for whom, in a few sentences.
        n: How many cases.
        model: An MLflow model URI, or any object that fits `Chat`.
        llm_params: What goes with every call of the model, such as {"temperature": 1}.
        model_timeout: Seconds for one reply.
        max_cost: US dollars that it may take.
        max_tokens: Tokens that it may take.
        prompts: A prompt in the place of ours, by its name (draft): prompts:/name@alias, or a text.
        record: A file that keeps every reply of the model.
        replay: Such a file: the model answers from it, with no key and no cost.
        progress: Whether it shows how far it is.

    Raises:
        UsageError: an argument is wrong, said before any model is called.
        ModelError: the model gave no usable answer.
    """
    if not isinstance(description, str) or not description.strip():
        raise UsageError("draft() needs a description: say in a few sentences what the agent does, and for whom")
    if not isinstance(n, int) or n < 1:
        raise UsageError(f"n={n!r}: give a number above 0")
    if model == "demo:/rules":
        raise UsageError("demo:/rules is not a language model and invents no test cases: name another model")
    asked = ask_for(model, params=llm_params, timeout=model_timeout, record=record, replay=replay, max_cost=max_cost)
    instructions = resolve_prompts(prompts, known=("draft",)).get("draft")
    background.refuse_on_loop("draft()")
    asked = asked.recorded(record)
    budget = Budget(max_cost=max_cost, max_tokens=max_tokens)
    work = _Drafting(BudgetedChat(asked.chat, budget=budget, model_timeout=model_timeout), asked.name, n)
    try:
        waited(
            work.all(description, instructions),
            steps=display().steps(n, "test cases drafted") if progress else None,
            done=lambda: len(work.cases),
            outcome=lambda: work.problem or "done",
        )
    finally:
        if asked.recorder:
            asked.recorder.close()
    return work.set


@dataclass
class _Drafting:
    chat: BudgetedChat
    model: str
    wanted: int
    cases: list[TestCase] = field(default_factory=list)
    problem: str = ""

    async def all(self, description: str, instructions: Prompt | None) -> None:
        try:
            await draft_cases(
                description,
                n=self.wanted,
                chat=self.chat,
                report=lambda _: None,  # the budgeted model counts its own calls
                instructions=instructions,
                told=self._heard,
            )
        except UsedUp as reason:
            self.problem = f"{len(self.cases)} of {self.wanted} test cases: {reason}"

    def _heard(self, cases: tuple[TestCase, ...]) -> None:
        self.cases = list(cases)

    @property
    def set(self) -> CaseSet:
        """What there is, with what is to be said of it."""
        short = f"{len(self.cases)} of {self.wanted} test cases: the model brought nothing new any more"
        problem = self.problem or (short if len(self.cases) < self.wanted else "")
        tagged = [case.edited(tags={"drafted_by": self.model}) for case in self.cases]
        return CaseSet(tagged, problems=[problem] if problem else [], usage=self.chat.usage)
