"""The failures of a run: whose they are, by reason, and what to do next."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from convsim_nb.analysis.blamed import blamed
from convsim_nb.analysis.failures import RULES, WHOSE, Failure, FailureGroup, failures_of, grouped, passed_in
from convsim_nb.domain.errors import ModelError, UsageError
from convsim_nb.domain.secrets import masked
from convsim_nb.engine.blame import blame
from convsim_nb.engine.budget import Budget
from convsim_nb.engine.ports import Chat
from convsim_nb.engine.prompts import Prompt, prompt
from convsim_nb.views.failures import failures_html
from convsim_nb.views.words import count
from convsim_nb.workflow.asked import ask_for
from convsim_nb.workflow.background import refuse_on_loop
from convsim_nb.workflow.budgeted import BudgetedChat, UsedUp
from convsim_nb.workflow.display import display
from convsim_nb.workflow.prompts import resolve_prompts
from convsim_nb.workflow.working import waited

if TYPE_CHECKING:
    import pandas as pd

    from convsim_nb.workflow.run import Run

_AT_ONCE = 10
_COLUMNS = ["case_id", "key", "whose", "why", "next", "sure", "by", "note", "quote"]


class Failures(Sequence[FailureGroup]):
    """The conversations that did not reach their goal, grouped by reason: the agent's first."""

    def __init__(self, each: Sequence[Failure], *, of: int, prompt: str = "", problems: Sequence[str] = ()) -> None:
        self.each, self.of = tuple(each), of
        """One for every conversation; `of` is how many the run has."""
        self.prompt = prompt
        """The version of the prompt that a model read them with; empty where none did."""
        self.problems = tuple(problems)
        """In a line each: what the model did not read, or gave no usable answer on."""
        self._groups = grouped(each)

    @overload
    def __getitem__(self, index: int) -> FailureGroup: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FailureGroup, ...]: ...

    def __getitem__(self, index: int | slice) -> FailureGroup | tuple[FailureGroup, ...]:
        return self._groups[index]

    def __len__(self) -> int:
        return len(self._groups)

    def __iter__(self) -> Iterator[FailureGroup]:
        return iter(self._groups)

    @property
    def summary(self) -> str:
        """How many are whose."""
        if not self.each:
            return f"all of {count(self.of, 'conversation')} reached the goal"
        whose = {name: sum(one.reason.whose == name for one in self.each) for name in WHOSE}
        parts = ", ".join(f"{name} {number}" for name, number in whose.items() if number)
        return f"{len(self.each)} of {count(self.of, 'conversation')} did not reach the goal: {parts}"

    @property
    def said(self) -> tuple[str, ...]:
        """How far rules and model go: how many a model read, and how many nobody did."""
        models = sorted({one.by for one in self.each} - {RULES})
        read = sum(one.by != RULES for one in self.each)
        by = [f"{read} read by {', '.join(models)} (prompt failure {self.prompt})"] if models else []
        unclear = sum(not one.reason.sure for one in self.each)
        way = "" if models or self.problems else ": read them, or ask a model, run.failures(model=...)"
        left = [f"{unclear} that no rule explains{' and the model neither' if models else ''}{way}"] if unclear else []
        return (*by, *left, *self.problems)

    def __repr__(self) -> str:
        return "\n".join([self.summary, *(group.sentence for group in self), *self.said])

    def _repr_html_(self) -> str:
        return failures_html(self.summary, self._groups, said=self.said)

    def to_frame(self) -> "pd.DataFrame":
        """One row a conversation: `case_id`, `key`, `whose`, `why`, `next`, `sure`, `by`, `note`, `quote`."""
        import pandas as pd

        rows = [
            {**one.model_dump(include={"case_id", "key", "by", "note", "quote"}), **one.reason.model_dump()}
            for one in self.each
        ]
        return pd.DataFrame(rows, columns=_COLUMNS)


def failures(run: "Run", beside: "Sequence[Run]") -> Failures:
    """See `Run.failures`: by rules alone."""
    others = [other for other in beside if other.run_id != run.run_id]  # itself is no version beside it
    passed = passed_in(one.conversations for one in (run, *others)) if others else None
    own = [one for one in run.conversations if one.origin is None and not one.assisted]
    return Failures(failures_of(own, cases=run.state.cases, passed=passed), of=len(own))


# --- those that no rule explains -----------------------------------------------------


def failures_read(
    run: "Run",
    beside: "Sequence[Run]",
    *,
    model: str | Chat,
    llm_params: Mapping[str, Any] | None = None,
    model_timeout: float | None = 300.0,
    max_cost: float | None = None,
    max_tokens: int | None = None,
    prompts: Mapping[str, str] | None = None,
) -> Failures:
    """See `Run.failures`: by rules first, and by a model where they say nothing."""
    if model == "demo:/rules":
        raise UsageError("demo:/rules is not a language model and reads no failures: name another model")
    asked = ask_for(model, params=llm_params, timeout=model_timeout, record=None, replay=None, max_cost=max_cost)
    instructions = resolve_prompts(prompts, known=("failure",)).get("failure", prompt("failure"))
    refuse_on_loop("run.failures(model=...)")
    found = failures(run, beside)
    unclear = [one for one in found.each if not one.reason.sure]
    if not unclear:
        return found
    chat = BudgetedChat(
        asked.chat, budget=Budget(max_cost=max_cost, max_tokens=max_tokens), model_timeout=model_timeout
    )
    reading = _Reading(run, chat, asked.name, instructions)
    waited(
        reading.all(unclear),
        steps=display().steps(len(unclear), "failures read"),
        done=lambda: reading.done,
        outcome=lambda: reading.outcome,
    )
    each = [reading.read.get(one.key, one) for one in found.each]
    return Failures(each, of=found.of, prompt=instructions.version, problems=reading.problems)


@dataclass
class _Reading:
    run: "Run"
    chat: BudgetedChat
    model: str
    instructions: Prompt
    read: dict[str, Failure] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    async def all(self, unclear: Sequence[Failure]) -> None:
        places = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for each in unclear:
                group.create_task(self._one(each, places))

    async def _one(self, failure: Failure, places: asyncio.Semaphore) -> None:
        state = self.run.state
        async with places:
            try:
                reply = await blame(
                    state.by_key[failure.key],
                    case=state.cases[failure.case_id],
                    chat=self.chat,
                    report=lambda _: None,  # the budgeted model counts its own calls
                    instructions=self.instructions,
                )
            except UsedUp as reason:
                self.failed[failure.key] = str(reason)
            except ModelError as error:
                self.failed[failure.key] = str(error)
            except Exception as error:  # noqa: BLE001 - a model may be anybody's code; its failure is this one's alone
                self.failed[failure.key] = masked(f"the model raised {type(error).__name__}: {error}")
            else:
                self.read[failure.key] = blamed(
                    failure, kind=reply.kind, note=reply.why, quote=reply.quote, by=self.model
                )

    @property
    def done(self) -> int:
        return len(self.read) + len(self.failed)

    @property
    def outcome(self) -> str:
        left = f", {len(self.failed)} not" if self.failed else ""
        return f"{len(self.read)} read{left}"

    @property
    def problems(self) -> list[str]:
        """A line each; those that say the same in one."""
        said: dict[str, list[str]] = {}
        for key, why in self.failed.items():
            said.setdefault(why, []).append(key)
        names = {
            why: f"{keys[0]} was" if len(keys) == 1 else f"{keys[0]} and {len(keys) - 1} more were"
            for why, keys in said.items()
        }
        return [f"{who} not read: {why}" for why, who in names.items()]
