"""What an agent takes: the history by a parameter of one of two names, and what else by keyword."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from convsim_nb.domain.case import TestCase
from convsim_nb.domain.errors import AgentTypeError, CaseError

HistoryName = Literal["messages", "input"]
_HISTORY: tuple[HistoryName, ...] = ("messages", "input")
_SESSION = "mlflow_session_id"
_REMEDY = "give it one parameter named `messages` (Chat Completions) or `input` (Responses)"


@dataclass(frozen=True)
class Signature:
    """How an agent is called."""

    agent: str
    """Its name, for errors."""
    history: HistoryName
    keywords: frozenset[str] = frozenset()
    """What else it takes by keyword."""
    required: frozenset[str] = frozenset()
    """Of these, those without a default."""
    any_keyword: bool = False
    """True where it has `**kwargs`."""
    positional: bool = False
    """True where the history cannot be given by keyword."""

    @classmethod
    def of(cls, agent: Callable[..., Any], *, name: str) -> "Signature":
        """The signature of a callable.

        Raises:
            AgentTypeError: it does not take the history as agents do.
        """
        try:
            parameters = inspect.signature(agent).parameters
        except (TypeError, ValueError):
            raise AgentTypeError(f"agent {name}: its parameters cannot be read: wrap it in a function") from None
        history = _history(parameters, name=name)
        others = [one for one in parameters.values() if one.name != history]
        named = [one for one in others if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
        return cls(
            agent=name,
            history=history,
            keywords=frozenset(one.name for one in named),
            required=frozenset(one.name for one in named if one.default is one.empty),
            any_keyword=any(one.kind is one.VAR_KEYWORD for one in others),
            positional=parameters[history].kind is inspect.Parameter.POSITIONAL_ONLY,
        )

    def takes(self, keyword: str) -> bool:
        """Whether it can be given by keyword."""
        return self.any_keyword or keyword in self.keywords

    @property
    def takes_session(self) -> bool:
        """Whether it takes the id of the conversation."""
        return self.takes(_SESSION)

    def bind(
        self, agent: Callable[..., Any], history: list[dict[str, Any]], *, session_id: str, context: Mapping[str, Any]
    ) -> Callable[[], Any]:
        """One call of the agent, all its arguments given."""
        keywords = dict(context)
        if self.takes_session:
            keywords[_SESSION] = session_id
        if self.positional:
            return partial(agent, history, **keywords)
        return partial(agent, **{self.history: history}, **keywords)

    def check(self, cases: Iterable[TestCase]) -> None:
        """See that every case's context fits.

        Raises:
            AgentTypeError: the agent does not take a key of a context, or needs one that a context lacks.
            CaseError: a key of a context is a name that is taken.
        """
        for case in cases:
            self._check(case)

    def _check(self, case: TestCase) -> None:
        for key in case.context:
            if key in (*_HISTORY, _SESSION):
                raise CaseError(f"test case {case.case_id!r}: context has {key!r}, which is not the case's to give")
            if not self.takes(key):
                raise AgentTypeError(
                    f"agent {self.agent} takes no {key!r}, which the context of test case {case.case_id!r} holds: "
                    f"give it that parameter, or **kwargs"
                )
        if lacking := sorted(self.required - {_SESSION, *case.context}):
            raise AgentTypeError(
                f"agent {self.agent} needs {lacking[0]!r}, which the context of test case {case.case_id!r} lacks: "
                f"give the parameter a default, or the case context={{{lacking[0]!r}: ...}}"
            )


def _history(parameters: Mapping[str, inspect.Parameter], *, name: str) -> HistoryName:
    found = [each for each in _HISTORY if each in parameters]
    if len(found) == 1 and parameters[found[0]].kind not in (
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    ):
        return found[0]
    taken = ", ".join(str(one) for one in parameters.values())
    which = "both `messages` and `input`" if len(found) > 1 else "neither `messages` nor `input`"
    raise AgentTypeError(f"agent {name}({taken}) takes {which}: {_REMEDY}")
