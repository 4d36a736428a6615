"""What a run will take, before it is begun."""

import json
from collections.abc import Iterable
from typing import Any, Unpack

from convsim_nb.adapters.prices import Price, price_of
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.conversation import Usage
from convsim_nb.domain.errors import UsageError
from convsim_nb.domain.record import Record
from convsim_nb.engine.prompts import prompt
from convsim_nb.workflow.cases import as_cases
from convsim_nb.workflow.models import check_model
from convsim_nb.workflow.options import SimulateOptions, checked, spelled_out
from convsim_nb.workflow.sessions import Sessions

_LETTERS_A_TOKEN = 4
_USER, _AGENT, _VERDICT = 25, 120, 60
"""Tokens of a user message, of a reply of the agent, and of a verdict, as recorded support sessions have them."""


class ModelCalls(Record):
    """What model calls will take."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None
    """US dollars; None where a price is not known."""
    basis: str
    """What it was computed from, in a sentence."""

    def said(self, of: str) -> str:
        """In a line; `of` is what is done by them."""
        cost = "cost unknown" if self.cost is None else f"{self.cost:.2f} USD"
        sent = f"{self.input_tokens:,} + {self.output_tokens:,} tokens"
        return f"{of}, about {self.calls:,} calls, {sent}, {cost}. {self.basis}"


class Estimate(ModelCalls):
    """Calls, tokens and cost of user and judge; what the agent's own models take is not in it."""

    conversations: int
    turns: int
    """Over all conversations."""

    def __str__(self) -> str:
        return self.said(f"{self.conversations} conversations")


@spelled_out
def estimate(cases: Any, **options: Unpack[SimulateOptions]) -> Estimate:
    """Say what a run of `cases` will take, from the turns of the sessions that they come from.

    It takes the options of `simulate`; no model is called and no agent is needed.

    Raises:
        UsageError: an argument is wrong, such as a model of no provider that is known.
    """
    if isinstance(cases, Sessions):
        raise UsageError("these are sessions, not test cases: estimate_distill(sessions) says what distilling takes")
    given = checked(options)
    for name in ("user_model", "judge_model"):
        check_model(given[name], param=name)
    found = as_cases(cases)
    expected = [_expected_turns(case, given["max_turns"]) for case in found]
    asked = 2 if given["goal_check"] == "every_turn" else 1
    user, judge = Usage(), Usage()
    for case, turns in zip(found, expected, strict=True):
        serial = asked == 2 or bool(case.withheld)  # noqa: PLR2004 - user and judge
        user += _user_calls(case, turns)
        judge += _judge_calls(case, turns if serial else 1) if not callable(given["goal_check"]) else Usage()
    trials, cost = given["trials"], _cost(given, user, judge)
    return Estimate(
        conversations=len(found) * trials,
        turns=sum(expected) * trials,
        calls=(user.calls + judge.calls) * trials,
        input_tokens=(user.input_tokens + judge.input_tokens) * trials,
        output_tokens=(user.output_tokens + judge.output_tokens) * trials,
        cost=None if cost is None else cost * trials,
        basis=_basis(found, given["max_turns"]),
    )


def _expected_turns(case: TestCase, max_turns: int) -> int:
    if case.source is None or case.source.last <= case.source.first:
        return max_turns
    return min(max_turns, (case.source.last - case.source.first + 2) // 2)


def _basis(cases: Iterable[TestCase], max_turns: int) -> str:
    known = [case.source is not None and case.source.last > case.source.first for case in cases]
    from_source = f"{sum(known)} cases are taken to be as long as their recorded session"
    rest = f"{len(known) - sum(known)} to take max_turns={max_turns}"
    return f"Basis: {from_source}, {rest}; a token is {_LETTERS_A_TOKEN} letters."


def _user_calls(case: TestCase, turns: int) -> Usage:
    simulated = max(0, turns - len(case.script))
    brief = case.model_dump(include={"goal", "persona", "simulation_guidelines", "facts"}, mode="json")
    fixed = tokens(prompt("user").text) + tokens(json.dumps(brief)) + _history(case)
    return _calls(simulated, fixed, reply=_USER)


def _judge_calls(case: TestCase, turns: int) -> Usage:
    fixed = tokens(prompt("judge").text) + tokens(case.goal) + _history(case)
    return _calls(turns, fixed, reply=_VERDICT)


def _calls(number: int, fixed: int, *, reply: int) -> Usage:
    """Each call sends the whole conversation again: its tokens grow with the turns."""
    grown = (_USER + _AGENT) * number * (number - 1) // 2
    return Usage(calls=number, input_tokens=number * fixed + grown, output_tokens=number * reply)


def _history(case: TestCase) -> int:
    return sum(tokens(message.content) for message in case.history)


def tokens(text: str) -> int:
    """About how many tokens a text is."""
    return -(-len(text) // _LETTERS_A_TOKEN)


def _cost(options: SimulateOptions, user: Usage, judge: Usage) -> float | None:
    user_price = price_for(options["user_model"])
    judge_price = price_for(options["judge_model"]) if options["judge_model"] else user_price
    return user_price(user) + judge_price(judge) if user_price and judge_price else None


def price_for(model: object) -> Price | None:
    """A model's price by its URI; None where it is not known. The rule-based stand-in costs nothing."""
    if not isinstance(model, str):
        return None
    if model == "demo:/rules":
        return Price(0.0, 0.0, 0.0)
    provider, _, name = model.partition(":/")
    return price_of(name) or price_of(f"{provider}/{name}")
