"""What an agent must take, said before it is called."""

# ruff: noqa: E501 - the messages are one line, as they are printed

import functools

import pytest
from inline_snapshot import snapshot

from convsim_nb.adapters.agents import as_agent, check_context
from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentTypeError, CaseError


def nothing(): ...
def another(text): ...
def both(messages, input): ...
def anything(**kwargs): ...
def starred(*messages): ...
def by_keywords(**messages): ...
def fine(messages, mlflow_session_id, *, city, country="Italy"): ...
def open_to_all(input, **kwargs): ...


class Agent:
    def __call__(self, messages): ...


class Graph:
    def invoke(self, state): ...


def refused(agent) -> str:
    with pytest.raises(AgentTypeError) as error:
        as_agent(agent)
    return str(error.value)


def test_what_is_no_agent_is_said_in_one_line():
    """Exactly one of `messages` and `input`; the error shows what there is and what to do."""
    wrong = (
        nothing,
        another,
        both,
        anything,
        starred,
        by_keywords,
        Agent,
        42,
        None,
        Graph(),
        functools.partial(another, 1),
        dict,
    )

    assert [refused(agent) for agent in wrong] == snapshot(
        [
            "agent nothing() takes neither `messages` nor `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "agent another(text) takes neither `messages` nor `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "agent both(messages, input) takes both `messages` and `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "agent anything(**kwargs) takes neither `messages` nor `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "agent starred(*messages) takes neither `messages` nor `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "agent by_keywords(**messages) takes neither `messages` nor `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "Agent is a class: give an object of it, such as Agent()",
            "42 is no agent: give a function of `messages` or `input`, 'module:name', a URL, or an MLflow model",
            "None is no agent: give a function of `messages` or `input`, 'module:name', a URL, or an MLflow model",
            "Graph is to be invoked: wrap it, as in `lambda messages: Graph.invoke(messages)`",
            "agent another() takes neither `messages` nor `input`: give it one parameter named `messages` (Chat Completions) or `input` (Responses)",
            "dict is a class: give an object of it, such as dict()",
        ]
    )


def case(**context) -> TestCase:
    return TestCase(goal="book a flight", context=context, case_id="c1")


def check(agent, *cases):
    check_context(as_agent(agent), cases)


def test_a_context_that_fits_passes():
    """Every key is a parameter, or there are `**kwargs`; what has a default may be missing."""
    check(fine, case(city="Rome"), case(city="Oslo", country="Norway"))
    check(open_to_all, case(), case(anything_at_all=1))


def test_a_context_that_does_not_fit_names_case_and_key():
    """Before any model is called: a key too many, one too few, a name that is taken."""
    faults = []
    for kind, cases in (
        (AgentTypeError, [case(city="Rome"), case(city="Rome", street="Via Po")]),
        (AgentTypeError, [case(country="Norway")]),
        (CaseError, [case(city="Rome", mlflow_session_id="mine")]),
        (CaseError, [case(city="Rome", messages=[])]),
    ):
        with pytest.raises(kind) as error:
            check(fine, *cases)
        faults.append(str(error.value))

    assert faults == snapshot(
        [
            "agent fine takes no 'street', which the context of test case 'c1' holds: give it that parameter, or **kwargs",
            "agent fine needs 'city', which the context of test case 'c1' lacks: give the parameter a default, or the case context={'city': ...}",
            "test case 'c1': context has 'mlflow_session_id', which is not the case's to give",
            "test case 'c1': context has 'messages', which is not the case's to give",
        ]
    )
